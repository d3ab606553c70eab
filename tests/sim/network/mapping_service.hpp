// A gateway that answers requests for port mappings: PCP (RFC 6887) and NAT-PMP (RFC 6886) on the port that both have, on its addresses
// inside, and announcements when it has forgotten everything or has another address. Also in the kernel laboratory. UPnP is mapping_igd.hpp.
//
//   a client inside --- request, UDP 5351 ---> gateway        the NAT gets or loses a rule
//                   <--------- answer ---------
//   all clients     <--- 224.0.0.1:5350 -----  gateway        after a reboot
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>

#include "network/gateway.hpp"
#include "network/mapping_table.hpp"

namespace pshare::sim {

class MappingService {
 public:
  struct Settings {
    bool pcp = true, nat_pmp = true;            // which are spoken; with neither nobody listens at the port
    bool says_which_version = true;             // to who speaks only the other one; else it stays silent
    Duration answers_after{};                   // and acts then, not before
    unsigned announcements = 10;                // RFC 6886 section 3.2.1; 0: it keeps it to itself
    MappingHabits habits{};
  };

  /// Both live longer, and no event happens any more once this is gone. A gateway has one of these.
  MappingService(EventQueue& events, Gateway& gateway, const Settings& settings);
  MappingService(const MappingService&) = delete;

  MappingTable& table() { return table_; }
  Gateway& gateway() { return gateway_; }
  /// Since it has forgotten everything, or was started.
  std::chrono::seconds epoch() const;
  TimePoint now() const { return events_.now(); }

  /// For the protocols: an event that a reboot prevents.
  void soon(Duration delay, std::function<void()> event);

 private:
  bool take(const Packet& packet);
  void answer(const Packet& request);
  std::optional<ByteBuffer> answer_to(ByteView datagram, const IpAddress& client);
  void upheaval(Gateway::Upheaval what);
  void announce(unsigned times_left, Duration pause);
  void send(const Endpoint& from, const Endpoint& to, ByteBuffer bytes, std::uint8_t ttl);

  EventQueue& events_;
  Gateway& gateway_;
  Settings settings_;
  MappingTable table_;
  TimePoint epoch_began_;
  std::uint64_t boots_ = 0, upheavals_ = 0;
};

}  // namespace pshare::sim
