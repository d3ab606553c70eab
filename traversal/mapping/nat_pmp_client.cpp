#include "traversal/mapping/nat_pmp_client.hpp"

#include <algorithm>
#include <utility>

namespace pshare {

using std::chrono::seconds;

namespace {

/// Why the protocol is of no use, if a question for the address is answered so.
Reason reason_for(NatPmpResult result) {
  switch (result) {
    case NatPmpResult::unsupported_version: return Reason::unsupported;
    case NatPmpResult::network_failure: return Reason::unreachable;
    default: return Reason::igd_refused;
  }
}

}  // namespace

NatPmpClient::NatPmpClient(IpAddress gateway, TimePoint now)
    : gateway_(gateway), probe_(GatewayRequest{encode(NatPmpRequest{NatPmpAddressRequest{}}), now}), silent_at_(now + silence_of_gateway) {
  send(probe_, now);
}

void NatPmpClient::map(Transport transport, Port internal, Port suggested, seconds lifetime, TimePoint now) {
  of(transport).internal = internal;
  ask(transport, suggested, lifetime, now);
}

void NatPmpClient::release(Transport transport, TimePoint now) {
  if (!of(transport).internal) {
    actions_.emplace_back(MappingReleased{transport});
  } else {
    ask(transport, Port{}, seconds{0}, now);
  }
}

void NatPmpClient::ask(Transport transport, Port suggested, seconds lifetime, TimePoint now) {
  auto& mapping = of(transport);
  mapping.ending = lifetime == seconds{0};
  const NatPmpMapRequest request{.transport = transport, .internal = *mapping.internal, .suggested = suggested, .lifetime = lifetime};
  mapping.request.emplace(encode(NatPmpRequest{request}), now);
  send(mapping.request, now);
}

void NatPmpClient::receive(const Endpoint& from, ByteView datagram, TimePoint now) {
  if (from != Endpoint{gateway_, nat_pmp_gateway_port}) return;
  const auto answer = decode_nat_pmp_answer(datagram);
  if (!answer) return;
  if (const auto* const mismatch = std::get_if<NatPmpVersionMismatch>(&*answer)) {
    if (!heard_) give_up(Reason::unsupported, "version-" + std::to_string(mismatch->version));
    return;
  }
  const auto& response = std::get<NatPmpResponse>(*answer);
  if (epoch_.has_begun_anew(response.epoch, now)) actions_.emplace_back(GatewayForgot{});
  std::visit([this](const auto& outcome) { answered(outcome); }, response.outcome);
}

void NatPmpClient::answered(const NatPmpAddress& answer) {
  probe_.reset();
  const auto before = std::exchange(external_, answer.external);
  const bool first = !std::exchange(heard_, true);
  unusable_ = false;
  if (first || before != external_) actions_.emplace_back(GatewayAnswers{external_});
  if (before && before != external_) actions_.emplace_back(GatewayForgot{});  // mappings are at the new address, if anywhere
}

void NatPmpClient::answered(const NatPmpMapping& answer) {
  auto& mapping = of(answer.transport);
  if (!mapping.request || answer.internal != mapping.internal) return;
  if (mapping.ending != (answer.lifetime == seconds{0})) return;  // a late answer, to what we asked before
  mapping.request.reset();
  if (mapping.ending) {
    mapping.internal.reset();
    actions_.emplace_back(MappingReleased{answer.transport});
  } else if (answer.external == Port{} || !external_) {
    deny(answer.transport, "no-port");
  } else {
    actions_.emplace_back(MappingGranted{answer.transport, {*external_, answer.external}, answer.lifetime});
  }
}

void NatPmpClient::answered(const NatPmpRefused& answer) {
  if (answer.asked == NatPmpOpcode::address || answer.why == NatPmpResult::unsupported_version) {
    if (probe_) give_up(reason_for(answer.why), word(answer.why));
    return;
  }
  const auto transport = answer.asked == NatPmpOpcode::map_tcp ? Transport::tcp : Transport::udp;
  auto& mapping = of(transport);
  if (!mapping.request) return;
  mapping.request.reset();
  if (mapping.ending) {
    mapping.internal.reset();
    actions_.emplace_back(MappingReleased{transport});
  } else {
    deny(transport, word(answer.why));
  }
}

void NatPmpClient::deny(Transport transport, std::string_view said) {
  actions_.emplace_back(MappingDenied{transport, std::string{said}, {}});
}

void NatPmpClient::refused(TimePoint /*now*/) {
  if (!heard_) give_up(Reason::no_igd, {});
}

void NatPmpClient::give_up(Reason reason, std::string_view said) {
  if (reason != Reason::no_igd) probe_.reset();
  if (std::exchange(unusable_, true)) return;
  actions_.emplace_back(GatewayUnusable{reason, std::string{said}});
}

void NatPmpClient::send(std::optional<GatewayRequest>& request, TimePoint now) {
  if (!request || now < request->due()) return;
  if (request->send(now)) {
    actions_.emplace_back(Send{request->bytes()});
  } else {
    request.reset();
  }
}

void NatPmpClient::expire(TimePoint now) {
  send(probe_, now);
  for (auto& mapping : mappings_) send(mapping.request, now);
  if (!heard_ && now >= silent_at_) give_up(Reason::no_igd, {});
}

std::optional<TimePoint> NatPmpClient::deadline() const {
  std::optional<TimePoint> first;
  const auto consider = [&](TimePoint when) { first = std::min(first.value_or(when), when); };
  if (probe_) consider(probe_->due());
  for (const auto& mapping : mappings_)
    if (mapping.request) consider(mapping.request->due());
  if (!heard_ && !unusable_) consider(silent_at_);
  return first;
}

std::optional<NatPmpClient::Action> NatPmpClient::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace pshare
