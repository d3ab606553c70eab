// A STUN server with RFC 5780's four endpoints (two ports on each of its addresses) on a simulated machine, and sockets of a client that drive a core
// against it. The server is a few lines, not pshare-server's: what it does can be seen here.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "network/machine.hpp"
#include "wire/stun.hpp"

namespace pshare::sim {

class StunServer {
 public:
  static constexpr Port primary_port{4700}, alternate_port{4701};

  /// On all addresses of the machine, two at most.
  explicit StunServer(Machine& machine);

  Endpoint at(std::size_t address, Port port) const { return {addresses_.at(address), port}; }
  Endpoint primary() const { return at(0, primary_port); }
  Endpoint alternate() const { return at(0, alternate_port); }
  std::optional<IpAddress> alternate_address() const { return addresses_.size() > 1 ? std::optional{addresses_[1]} : std::nullopt; }

  bool understands_change_request = true, understands_response_port = true;
  bool is_heard_at_alternate_port = true;  // false: something on the way blocks it

 private:
  struct Place {
    Endpoint at;
    UdpSocket socket;
  };
  void heard(const Endpoint& at, const Endpoint& from, ByteView datagram);
  Place* other(const Endpoint& at, const ChangeRequest& change);

  std::vector<IpAddress> addresses_;
  std::deque<Place> places_;
};

/// So many fresh sockets of a machine, and a core that sends from them by number.
template <typename C>
class Surveyor {
 public:
  Surveyor(Machine& machine, std::size_t sockets, std::function<C(const std::vector<Endpoint>& locals)> make) : machine_(machine) {
    std::vector<Endpoint> locals;
    for (std::size_t i = 0; i < sockets; ++i) {
      auto& socket = sockets_.emplace_back(value_or_throw(machine.udp()));
      locals.push_back({machine.addresses().front().address, socket.port()});
      socket.on_datagram([this, i](const Endpoint& from, const Endpoint&, ByteView datagram) {
        if (const auto received = decode_stun(datagram)) driver_->feed([&](C& core) { core.arrived(i, from, *received, machine_.now()); });
      });
    }
    driver_.emplace(machine, make(locals), [this](typename C::Action action) {
      if (auto* send = std::get_if<typename C::Send>(&action)) sockets_[send->socket].send_to(send->to, send->bytes);
      else actions.push_back(std::move(action));
    });
    driver_->feed([](C&) {});
  }

  C& core() { return const_cast<C&>(driver_->core()); }
  template <typename Wanted>
  const Wanted* last() const {
    return actions.empty() ? nullptr : std::get_if<Wanted>(&actions.back());
  }

  std::vector<typename C::Action> actions;  // all but Send

 private:
  Machine& machine_;
  std::deque<UdpSocket> sockets_;
  std::optional<Driver<C>> driver_;
};

}  // namespace pshare::sim
