#include "network/mapping_service.hpp"

#include <algorithm>
#include <utility>

#include "network/mapping_nat_pmp.hpp"
#include "network/mapping_pcp.hpp"
#include "wire/nat_pmp.hpp"

namespace pshare::sim {

namespace {

constexpr std::uint32_t udp_header_size = 8, ip_header_size = 20, ipv6_header_size = 40;

// RFC 6886 section 3.2.1, RFC 6887 section 14.1: to all hosts of the link.
constexpr Duration first_pause = std::chrono::milliseconds{250};
constexpr std::uint8_t link_only = 1;
Endpoint all_hosts(bool v4) { return {value_or_throw(IpAddress::parse(v4 ? "224.0.0.1" : "ff02::1")), pcp_client_port}; }

static_assert(pcp_server_port == nat_pmp_gateway_port && pcp_client_port == nat_pmp_client_port);

/// One that a host inside can have. IPv4: what MappingTable maps to is stricter still.
bool may_ask(const Endpoint& client, const Gateway& gateway) {
  const auto scope = client.address.scope();
  const auto& inside = gateway.addresses_inside();
  return client.port != Port{} && scope != Scope::unusable && scope != Scope::loopback && std::ranges::find(inside, client.address) == inside.end();
}

}  // namespace

MappingService::MappingService(EventQueue& events, Gateway& gateway, const Settings& settings)
    : events_(events), gateway_(gateway), settings_(settings), table_(gateway.nat(), settings_.habits), epoch_began_(events.now()) {
  gateway_.add_service([this](const Packet& packet, TimePoint) { return take(packet); });
  gateway_.set_on_upheaval([this](Gateway::Upheaval what) { upheaval(what); });
}

std::chrono::seconds MappingService::epoch() const { return std::chrono::floor<std::chrono::seconds>(events_.now() - epoch_began_); }

void MappingService::soon(Duration delay, std::function<void()> event) {
  events_.in(delay, [this, boot = boots_, event = std::move(event)] {
    if (boot != boots_) return;
    event();
    gateway_.drain();
  });
}

bool MappingService::take(const Packet& packet) {
  const auto& inside = gateway_.addresses_inside();
  const bool for_us = packet.flow.to.port == pcp_server_port && std::ranges::find(inside, packet.flow.to.address) != inside.end();
  if (!for_us || (!settings_.pcp && !settings_.nat_pmp)) return false;
  if (may_ask(packet.flow.from, gateway_)) soon(settings_.answers_after, [this, packet] { answer(packet); });
  return true;
}

void MappingService::answer(const Packet& request) {
  if (auto bytes = answer_to(request.body, request.flow.from.address)) send(request.flow.to, request.flow.from, *std::move(bytes), Packet{}.ttl);
}

std::optional<ByteBuffer> MappingService::answer_to(ByteView datagram, const IpAddress& client) {
  if (datagram.empty()) return std::nullopt;
  const bool asks_nat_pmp = std::to_integer<std::uint8_t>(datagram.front()) == nat_pmp_version;
  const bool in_nat_pmp = asks_nat_pmp ? settings_.nat_pmp : !settings_.pcp;
  if (asks_nat_pmp != in_nat_pmp && !settings_.says_which_version) return std::nullopt;
  return (in_nat_pmp ? answer_nat_pmp : answer_pcp)(datagram, client, table_, epoch(), events_.now());
}

// RFC 6887 section 8.5: the epoch begins anew when mappings are lost, and when the address outside is another.
void MappingService::upheaval(Gateway::Upheaval what) {
  if (what == Gateway::Upheaval::reboot) {
    ++boots_;
    table_.reboot(events_.now());
  }
  ++upheavals_;
  if (what == Gateway::Upheaval::new_addresses || table_.habits().at_reboot != MappingHabits::AtReboot::keeps) epoch_began_ = events_.now();
  announce(settings_.announcements, first_pause);
}

void MappingService::announce(unsigned times_left, Duration pause) {
  if (times_left == 0) return;
  const bool has_address = table_.habits().tells_address || !gateway_.nat().behaviour().external.empty();
  const auto told = table_.habits().tells_address.value_or(gateway_.external_address());
  for (const auto& own : gateway_.addresses_inside()) {
    const Endpoint from{own, pcp_server_port};
    const auto to = all_hosts(own.is_v4());
    if (settings_.pcp) send(from, to, encode(PcpResponse{.epoch = epoch(), .operation = PcpAnnounce{}}), link_only);
    if (settings_.nat_pmp && own.is_v4() && has_address && table_.is_suitable(told))
      send(from, to, encode(NatPmpResponse{epoch(), NatPmpAddress{told}}), link_only);
  }
  events_.in(pause, [this, times_left, pause, upheaval = upheavals_] {
    if (upheaval == upheavals_) announce(times_left - 1, 2 * pause);
  });
}

void MappingService::send(const Endpoint& from, const Endpoint& to, ByteBuffer bytes, std::uint8_t ttl) {
  Packet packet;
  packet.flow = {Protocol::udp, from, to};
  packet.ttl = ttl;
  packet.size = (to.address.is_v4() ? ip_header_size : ipv6_header_size) + udp_header_size + static_cast<std::uint32_t>(bytes.size());
  packet.body = std::move(bytes);
  gateway_.inside().send(std::move(packet));
}

}  // namespace pshare::sim
