#include "network/gateway.hpp"

#include <algorithm>
#include <utility>

namespace pshare::sim {

Gateway::Gateway(EventQueue& events, Random& random, Settings settings)
    : events_(events),
      settings_(std::move(settings)),
      nat_(settings_.behaviour, random, events.now()),
      inside_(*this, "inside"),
      outside_(*this, "outside") {}

IpAddress Gateway::external_address() const {
  const auto& addresses = nat_.behaviour().external;
  return addresses.empty() ? IpAddress{} : addresses.front();
}

void Gateway::reboot() {
  nat_.reboot(events_.now());
  if (on_upheaval_) on_upheaval_(Upheaval::reboot);
  drain();
}

void Gateway::change_external(std::vector<IpAddress> addresses) {
  nat_.change_external(std::move(addresses), events_.now());
  if (on_upheaval_) on_upheaval_(Upheaval::new_addresses);
  drain();
}

void Gateway::receive(Packet packet, Interface& at) {
  const bool from_inside = &at == &inside_;
  if (from_inside && (is_multicast(packet.flow.to.address) ||
                      std::ranges::find(settings_.addresses_inside, packet.flow.to.address) != settings_.addresses_inside.end()))
    return answer_itself(packet);
  if (packet.ttl <= 1) {
    const auto reporter = from_inside && !settings_.addresses_inside.empty() ? settings_.addresses_inside.front() : external_address();
    if (auto error = error_about(packet, IcmpError::Kind::time_exceeded, reporter)) at.send(*std::move(error));
    return;
  }
  --packet.ttl;
  nat_.receive(from_inside ? NatBox::Side::inside : NatBox::Side::outside, std::move(packet), events_.now());
  drain();
}

void Gateway::answer_itself(const Packet& packet) {
  if (packet.flow.protocol == Protocol::udp && !packet.error)
    for (auto& service : services_)
      if (service(packet, events_.now())) return drain();  // it may have changed the NAT's rules
  if (is_multicast(packet.flow.to.address)) return;
  if (packet.flow.protocol == Protocol::icmp_echo && !packet.error) {
    Packet reply = packet;
    std::swap(reply.flow.from, reply.flow.to);
    reply.ttl = 64;
    reply.echo_reply = true;
    return inside_.send(std::move(reply));
  }
  if (auto reset = reset_for(packet)) return inside_.send(*std::move(reset));
  if (packet.flow.protocol == Protocol::udp)
    if (auto error = error_about(packet, IcmpError::Kind::port_unreachable, packet.flow.to.address)) inside_.send(*std::move(error));
}

void Gateway::drain() {
  while (auto action = nat_.take()) (action->to == NatBox::Side::inside ? inside_ : outside_).send(std::move(action->packet));
  const auto deadline = nat_.deadline();
  if (!deadline || (planned_ && *planned_ <= *deadline)) return;
  planned_ = deadline;
  events_.at(*deadline, [this, when = *deadline] {
    if (planned_ != when) return;
    planned_.reset();
    nat_.expire(events_.now());
    drain();
  });
}

}  // namespace pshare::sim
