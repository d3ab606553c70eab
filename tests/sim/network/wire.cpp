#include "network/wire.hpp"

#include <memory>
#include <utility>

namespace pshare::sim {

void Interface::send(Packet packet) {
  if (wire_ != nullptr) wire_->send(std::move(packet), *this);
}

Wire::Settings Wire::both_ways(DatagramLink::Settings line, unsigned hops) { return {.there = line, .back = line, .hops = hops}; }

Wire::Wire(EventQueue& events, Random& random, Interface& first, Interface& second, Settings settings)
    : events_(events), first_(first), second_(second), settings_(settings), there_(events, random, settings.there), back_(events, random, settings.back) {
  first.wire_ = second.wire_ = this;
}

Wire::~Wire() { first_.wire_ = second_.wire_ = nullptr; }

void Wire::change(const Settings& settings) {
  settings_ = settings;
  there_.change(settings.there);
  back_.change(settings.back);
}

void Wire::reset_traffic() {
  traffic_there_ = traffic_back_ = {};
  there_.forget_dropped(), back_.forget_dropped();
  lost_at_cut_ = 0;
}

void Wire::send(Packet packet, Interface& from) {
  const bool outward = &from == &first_;
  auto& traffic = outward ? traffic_there_ : traffic_back_;
  ++traffic.packets, traffic.bytes += packet.size;
  if (cut_) {
    ++lost_at_cut_;
    return;
  }
  auto& line = outward ? there_ : back_;
  auto& to = outward ? second_ : first_;
  // Who dies on the way is told of it: after the time to the router where that was and back.
  const auto report = [&](IcmpError::Kind kind, unsigned hop) {
    auto error = error_about(packet, kind, settings_.routers);
    if (!error) return;
    if (kind == IcmpError::Kind::packet_too_big) error->error->mtu = settings_.mtu;
    const auto one_way = (outward ? settings_.there : settings_.back).delay * hop / (settings_.hops + 1);
    events_.in(2 * one_way, [&from, told = std::make_shared<Packet>(*std::move(error))] { from.receive(std::move(*told)); });
  };
  if (packet.size > settings_.mtu && !packet.may_be_fragmented) {
    if (settings_.reports_mtu) report(IcmpError::Kind::packet_too_big, 0);
    return;
  }
  if (packet.ttl <= settings_.hops) return report(IcmpError::Kind::time_exceeded, packet.ttl);
  packet.ttl = static_cast<std::uint8_t>(packet.ttl - settings_.hops);
  const auto size = packet.size;
  line.send(size, [this, &to, carried = std::make_shared<Packet>(std::move(packet))] {
    if (cut_) ++lost_at_cut_;
    else to.receive(std::move(*carried));
  });
}

}  // namespace pshare::sim
