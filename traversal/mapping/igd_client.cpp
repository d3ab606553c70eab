#include "traversal/mapping/igd_client.hpp"

#include <utility>

namespace pshare {

using std::chrono::seconds;

namespace {

constexpr std::uint16_t lowest_choice = 1024;  // many routers map no lower one

}  // namespace

void IgdClient::map(Transport transport, Port internal, Port external, seconds lifetime) {
  auto& mapping = of(transport);
  mapping.asked = Add{.transport = transport, .internal = internal, .external = external, .lifetime = lifetime};
  mapping.tries_left = tries;
  add(mapping);
}

void IgdClient::add(Mapping& mapping) {
  mapping.waiting = true;
  --mapping.tries_left;
  actions_.emplace_back(*mapping.asked);
}

void IgdClient::release(Transport transport) {
  auto& mapping = of(transport);
  if (mapping.waiting || mapping.held) {
    mapping.waiting = mapping.held = false;
    actions_.emplace_back(Delete{transport, mapping.asked->external});
  } else {
    actions_.emplace_back(MappingReleased{transport});
  }
}

void IgdClient::found(std::optional<IpAddress> external) {
  const auto before = std::exchange(external_, external);
  if (!external) {
    actions_.emplace_back(GatewayUnusable{Reason::unreachable, "not-connected"});
    return;
  }
  actions_.emplace_back(GatewayAnswers{external});
  if (before && before != external) actions_.emplace_back(GatewayForgot{});
}

void IgdClient::absent() { actions_.emplace_back(GatewayUnusable{Reason::no_igd, {}}); }

void IgdClient::added(Transport transport) {
  auto& mapping = of(transport);
  if (!std::exchange(mapping.waiting, false)) return;
  mapping.held = true;
  const auto& asked = *mapping.asked;
  const auto lifetime = asked.lifetime == seconds{0} ? std::nullopt : std::optional{asked.lifetime};
  actions_.emplace_back(MappingGranted{transport, {*external_, asked.external}, lifetime});
}

void IgdClient::denied(Transport transport, int error, std::string_view words) {
  auto& mapping = of(transport);
  if (!mapping.waiting) return;
  auto& asked = *mapping.asked;
  if (error == only_permanent_leases_supported && asked.lifetime != seconds{0} && mapping.tries_left > 0) {
    asked.lifetime = seconds{0};
    add(mapping);
  } else if (error == conflict_in_mapping_entry && mapping.tries_left > 0) {
    asked.external = Port{static_cast<std::uint16_t>(lowest_choice + random_.below(65536 - lowest_choice))};
    add(mapping);
  } else {
    deny(transport, std::to_string(error) + (words.empty() ? "" : " ") + std::string{words});
  }
}

void IgdClient::failed(Transport transport, std::string_view words) {
  if (of(transport).waiting) deny(transport, words);
}

void IgdClient::deny(Transport transport, std::string_view words) {
  of(transport).waiting = false;
  actions_.emplace_back(MappingDenied{transport, std::string{words}, {}});
}

void IgdClient::deleted(Transport transport) { actions_.emplace_back(MappingReleased{transport}); }

std::optional<IgdClient::Action> IgdClient::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace pshare
