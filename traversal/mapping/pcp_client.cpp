#include "traversal/mapping/pcp_client.hpp"

#include <algorithm>
#include <utility>

namespace pshare {

using std::chrono::seconds;

namespace {

// Ours. miniupnpd 2.3.1, when it is slow and hears a request for an IPv6 pinhole twice, does not let go of the pinhole afterwards.
constexpr Duration first_wait_for_mapping = std::chrono::seconds{1};

IpProtocol protocol_of(Transport transport) { return transport == Transport::tcp ? IpProtocol::tcp : IpProtocol::udp; }

bool is_unspecified(const IpAddress& address) {
  return std::ranges::all_of(address.bytes(), [](std::byte each) { return each == std::byte{0}; });
}

}  // namespace

PcpClient::PcpClient(IpAddress gateway, IpAddress own, Random& random, TimePoint now)
    : gateway_(gateway),
      own_(own),
      random_(random),
      mappings_{Mapping{PcpNonce::random(random)}, Mapping{PcpNonce::random(random)}},
      silent_at_(now + silence_of_gateway) {
  probe_.emplace(encode(PcpRequest{.client = own_, .operation = PcpAnnounce{}}), now, &random_);
  send(probe_, now);
}

void PcpClient::map(Transport transport, Port internal, Endpoint suggested, seconds lifetime, TimePoint now) {
  auto& mapping = of(transport);
  mapping.map = PcpMap{.nonce = mapping.nonce, .protocol = protocol_of(transport), .internal = internal, .external = suggested};
  ask(mapping, lifetime, now);
}

void PcpClient::release(Transport transport, TimePoint now) {
  auto& mapping = of(transport);
  if (!mapping.map) {
    actions_.emplace_back(MappingReleased{transport});
  } else {
    ask(mapping, seconds{0}, now);
  }
}

void PcpClient::ask(Mapping& mapping, seconds lifetime, TimePoint now) {
  mapping.ending = lifetime == seconds{0};
  const auto wait = mapping.ending ? GatewayRequest::first_wait : first_wait_for_mapping;
  mapping.request.emplace(encode(PcpRequest{.lifetime = lifetime, .client = own_, .operation = *mapping.map}), now, &random_, wait);
  send(mapping.request, now);
}

void PcpClient::receive(const Endpoint& from, ByteView datagram, TimePoint now) {
  if (from != Endpoint{gateway_, pcp_server_port}) return;
  const auto answer = decode_pcp_answer(datagram);
  if (!answer) return;
  if (const auto* const mismatch = std::get_if<PcpVersionMismatch>(&*answer)) {
    if (!heard_) give_up(Reason::unsupported, "version-" + std::to_string(mismatch->version));
  } else {
    answered(std::get<PcpResponse>(*answer), now);
  }
}

void PcpClient::answered(const PcpResponse& response, TimePoint now) {
  const auto* const map = std::get_if<PcpMap>(&response.operation);
  const auto asked = std::ranges::find_if(both_transports, [&](Transport transport) {
    const auto& mapping = of(transport);
    return map != nullptr && mapping.map && mapping.request && answers(*map, *mapping.map);
  });
  const bool expected = asked != both_transports.end();
  if (!expected && !std::holds_alternative<PcpAnnounce>(response.operation)) return;
  probe_.reset();
  heard();
  if (epoch_.has_begun_anew(response.epoch, now)) actions_.emplace_back(GatewayForgot{});
  if (expected) answered(*asked, *map, response);
}

void PcpClient::answered(Transport transport, const PcpMap& map, const PcpResponse& response) {
  auto& mapping = of(transport);
  const bool success = response.result == PcpResult::success;
  if (success && mapping.ending != (response.lifetime == seconds{0})) return;  // a late answer, to what we asked before
  mapping.request.reset();
  if (mapping.ending) {
    mapping.map.reset();
    actions_.emplace_back(MappingReleased{transport});
  } else if (!success || map.external.port == Port{}) {
    MappingDenied denied{transport, std::string{word(response.result)}, {}};
    // A refusal repeats the request (section 11.3): another address than the one that we suggested is the router's own (miniupnpd).
    const auto& told = map.external.address;
    if (told != mapping.map->external.address && !is_unspecified(told)) denied.router_address = told;
    actions_.emplace_back(std::move(denied));
  } else {
    actions_.emplace_back(MappingGranted{transport, map.external, response.lifetime});
  }
}

void PcpClient::refused(TimePoint /*now*/) {
  if (!heard_) give_up(Reason::no_igd, {});
}

void PcpClient::heard() {
  if (heard_) return;
  heard_ = true;
  unusable_ = false;
  actions_.emplace_back(GatewayAnswers{});
}

void PcpClient::give_up(Reason reason, std::string said) {
  if (reason != Reason::no_igd) probe_.reset();
  if (std::exchange(unusable_, true)) return;
  actions_.emplace_back(GatewayUnusable{reason, std::move(said)});
}

void PcpClient::send(std::optional<GatewayRequest>& request, TimePoint now) {
  if (!request || now < request->due()) return;
  if (request->send(now)) {
    actions_.emplace_back(Send{request->bytes()});
  } else {
    request.reset();
  }
}

void PcpClient::expire(TimePoint now) {
  send(probe_, now);
  for (auto& mapping : mappings_) send(mapping.request, now);
  if (!heard_ && now >= silent_at_) give_up(Reason::no_igd, {});
}

std::optional<TimePoint> PcpClient::deadline() const {
  std::optional<TimePoint> first;
  const auto consider = [&](TimePoint when) { first = std::min(first.value_or(when), when); };
  if (probe_) consider(probe_->due());
  for (const auto& mapping : mappings_)
    if (mapping.request) consider(mapping.request->due());
  if (!heard_ && !unusable_) consider(silent_at_);
  return first;
}

std::optional<PcpClient::Action> PcpClient::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace pshare
