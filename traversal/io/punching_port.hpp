// What one program punches from, shared by all its climbs: one number for the TCP listener and for the UDP sockets of both families, and the
// permission to search, of which there is one (design section 6: one search at a time in a process).
#pragma once

#include <memory>
#include <vector>

#include "traversal/io/udp_port.hpp"
#include "wire/units.hpp"

namespace pshare {

class PunchingPort {
 public:
  /// UDP sockets of the number that the listener has, as far as this machine has the families and they are free: without any there
  /// is no UDP, which is no error here.
  PunchingPort(asio::any_io_executor executor, Port listener);

  Port number() const { return number_; }
  /// At most one of each family, IPv4 first.
  const std::vector<std::shared_ptr<UdpPort>>& udp() const { return udp_; }

  /// Held by the climb that searches; empty while another one does.
  class Permit {
   public:
    Permit() = default;
    explicit Permit(std::shared_ptr<bool> taken) : taken_(std::move(taken)) { *taken_ = true; }
    Permit(Permit&&) noexcept = default;
    Permit& operator=(Permit&& other) noexcept {
      if (taken_) *taken_ = false;
      taken_ = std::move(other.taken_);
      return *this;
    }
    ~Permit() {
      if (taken_) *taken_ = false;
    }
    explicit operator bool() const { return taken_ != nullptr; }

   private:
    std::shared_ptr<bool> taken_;
  };
  Permit ask_to_search() { return *searching_ ? Permit{} : Permit{searching_}; }

 private:
  Port number_;
  std::vector<std::shared_ptr<UdpPort>> udp_;
  std::shared_ptr<bool> searching_ = std::make_shared<bool>(false);
};

}  // namespace pshare
