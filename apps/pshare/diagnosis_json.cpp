// What `pshare doctor --json` prints. The fields are documented in docs/doctor.md; programs rely on them.
#include <nlohmann/json.hpp>

#include "apps/pshare/diagnosis.hpp"

namespace pshare {

namespace {

using nlohmann::json;

template <typename T, typename To>
json optional(const std::optional<T>& value, To to) {
  return value ? json(to(*value)) : json(nullptr);
}
json optional(const std::optional<bool>& value) { return value ? json(*value) : json(nullptr); }
json optional(const std::optional<Endpoint>& value) {
  return optional(value, [](const Endpoint& endpoint) { return endpoint.text(); });
}
json optional(const std::optional<DependenceRange>& range) { return optional(range, [](const DependenceRange& each) { return words(each); }); }

json to_json(const PortForecast& forecast) {
  json out{{"kind", word(forecast.kind)}};
  if (forecast.kind == PortForecast::Kind::stepping) out["step"] = forecast.step, out["strangers_per_second"] = forecast.strangers;
  if (forecast.kind == PortForecast::Kind::random) out["lowest"] = forecast.lowest.number, out["highest"] = forecast.highest.number;
  return out;
}

json to_json(const Diagnosis::Nat& nat) {
  return {{"external", optional(nat.external)},         {"mapping", optional(nat.mapping)},
          {"filtering", optional(nat.filtering)},       {"ports", to_json(nat.forecast)},
          {"preserves_ports", optional(nat.preserves_ports)}, {"strangers_get_in", optional(nat.strangers_get_in)}};
}

json to_json(const MappedPorts& mappings, bool asked) {
  auto protocols = json::array(), ports = json::array();
  for (const auto& each : mappings.protocols) {
    json one{{"protocol", word(each.protocol)}, {"family", each.ipv6 ? "ipv6" : "ipv4"}, {"state", word(each.state)}};
    if (each.reason != Reason::none) one["reason"] = word(each.reason);
    if (!each.said.empty()) one["said"] = each.said;
    protocols.push_back(std::move(one));
  }
  for (const auto& each : mappings.ports)
    ports.push_back({{"transport", word(each.transport)},
                     {"protocol", word(each.protocol)},
                     {"external", each.external.text()},
                     {"proved", each.proved},
                     {"behind_another_nat", each.behind_another}});
  const auto reason = mappings.reason();
  return {{"asked", asked},
          {"protocols", std::move(protocols)},
          {"ports", std::move(ports)},
          {"router_address", optional(mappings.router_address, [](const IpAddress& address) { return address.text(); })},
          {"reason", reason == Reason::none ? json(nullptr) : json(word(reason))}};
}

json to_json(const Prognosis& prognosis) {
  json out{{"tier", optional(prognosis.tier, [](Tier tier) { return word(tier); })}, {"why", prognosis.why}};
  if (prognosis.tier == Tier::punched) out["way"] = word(prognosis.way);
  if (prognosis.transport) out["transport"] = word(*prognosis.transport);
  return out;
}

json to_json(const PortHabit& habit) { return {{"kind", word(habit.kind)}, {"small_block", habit.small_block}}; }
json to_json(const NetworkFindings& network) {
  return {{"udp", to_json(network.udp)},   {"tcp", to_json(network.tcp)},  {"reachable", network.reachable},
          {"mapped", network.mapped}, {"ipv6", network.ipv6}, {"ipv6_reachable", network.ipv6_reachable}};
}

double milliseconds(Duration duration) { return std::chrono::duration<double, std::milli>{duration}.count(); }

}  // namespace

std::string diagnosis_json(const Diagnosis& diagnosis) {
  const auto& server = diagnosis.server;
  auto addresses = json::array(), expected = json::array(), advice = json::array();
  for (const auto& each : diagnosis.addresses) addresses.push_back({{"address", each.address.text()}, {"interface", each.name}});
  for (const auto& [name, prognosis] : diagnosis.expected) {
    auto one = to_json(prognosis);
    one["peer"] = name;
    expected.push_back(std::move(one));
  }
  for (const auto& each : diagnosis.advice) advice.push_back({{"what", each.what}, {"words", each.words}});

  json out{{"event", "doctor"}};
  out["server"] = {{"address", server.address},
                   {"trouble", optional(server.trouble, [](const std::string& words) { return words; })},
                   {"endpoint", optional(server.endpoint)},
                   {"proxy", optional(server.proxy, [](const std::string& url) { return url; })},
                   {"version", server.version},
                   {"round_trip_ms", optional(server.round_trip, milliseconds)},
                   {"clock_ahead_s", optional(server.clock_ahead, [](std::chrono::seconds ahead) { return ahead.count(); })},
                   {"stun", server.stun},
                   {"two_addresses", server.two_addresses}};
  out["port"] = diagnosis.port.number;
  out["addresses"] = std::move(addresses);
  out["nat"] = {{"translated", diagnosis.translated},
                {"udp", to_json(diagnosis.udp)},
                {"tcp", to_json(diagnosis.tcp)},
                {"hairpinning", optional(diagnosis.hairpinning, [](Hairpinning each) { return word(each); })}};
  if (const auto& lifetime = diagnosis.lifetime)
    out["nat"]["udp_lifetime_s"] = {{"at_least", milliseconds(lifetime->at_least) / 1000}, {"less_than", optional(lifetime->less_than, [](Duration each) { return milliseconds(each) / 1000; })}};
  out["router"] = to_json(diagnosis.mappings, diagnosis.routers_asked);
  out["forwarded_port"] = diagnosis.manual_port ? json{{"port", diagnosis.manual_port->number}, {"works", optional(diagnosis.manual_port_works)}} : json(nullptr);
  out["ipv6"] = {{"address", diagnosis.ipv6.address}, {"server_reached", optional(diagnosis.ipv6.server_reached)}, {"strangers_get_in", optional(diagnosis.ipv6.strangers_get_in)}};
  const auto udp = diagnosis.udp.forecast.kind;
  out["udp_out"] = udp == PortForecast::Kind::unknown && !diagnosis.udp.external ? json(nullptr) : json(udp != PortForecast::Kind::blocked);
  out["tcp_443_out"] = optional(diagnosis.tcp_443_out);
  out["network"] = server.trouble ? json(nullptr) : to_json(diagnosis.network);
  out["expected"] = std::move(expected);
  if (const auto& with = diagnosis.with) out["with"] = {{"name", with->name}, {"network", to_json(with->network)}, {"prognosis", to_json(with->prognosis)}};
  out["advice"] = std::move(advice);
  return out.dump(-1, ' ', true, json::error_handler_t::replace);
}

}  // namespace pshare
