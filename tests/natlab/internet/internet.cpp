#include "internet.hpp"

#include <algorithm>
#include <stdexcept>

#include "behaviour_words.hpp"
#include "network/nat_presets.hpp"

namespace pshare::natlab {

using nlohmann::json;
using namespace sim;

namespace {

/// A lab runs for hours; only a program that goes round in circles has so many events.
constexpr auto no_step_limit = std::numeric_limits<std::uint64_t>::max();

IpAddress address(const json& text) { return value_or_throw(IpAddress::parse(text.get<std::string>())); }
Prefix prefix(const json& text) { return value_or_throw(Prefix::parse(text.get<std::string>())); }

const json& list_in(const json& description, const char* key) {
  static const json nothing = json::array();
  const auto found = description.find(key);
  return found == description.end() ? nothing : *found;
}

Duration milliseconds(const json& number) { return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>{number.get<double>()}); }

void apply(const json& words, DatagramLink::Settings& line) {
  if (words.contains("delay_ms")) line.delay = milliseconds(words["delay_ms"]);
  if (words.contains("jitter_ms")) line.jitter = milliseconds(words["jitter_ms"]);
  if (words.contains("rate_mbit")) line.rate = {static_cast<std::uint64_t>(words["rate_mbit"].get<double>() * 125'000)};
  if (words.contains("queue_kb")) line.queue = static_cast<std::uint64_t>(words["queue_kb"].get<double>() * 1000);
  if (words.contains("loss")) line.loss = words["loss"].get<double>();
  if (words.contains("bursts_every_ms")) line.bursts_every = milliseconds(words["bursts_every_ms"]);
  if (words.contains("burst_lasts_ms")) line.burst_lasts = milliseconds(words["burst_lasts_ms"]);
  if (words.contains("keeps_order")) line.keeps_order = words["keeps_order"].get<bool>();
}

void apply(const json& words, Wire::Settings& wire) {
  apply(words, wire.there);
  apply(words, wire.back);
  if (words.contains("back")) apply(words["back"], wire.back);
  if (words.contains("hops")) wire.hops = words["hops"].get<unsigned>();
  if (words.contains("mtu")) wire.mtu = words["mtu"].get<std::uint32_t>();
  if (words.contains("reports_mtu")) wire.reports_mtu = words["reports_mtu"].get<bool>();
}

template <typename Boxes>
auto& box_named(Boxes& boxes, const std::string& name, const char* kind) {
  const auto found = std::ranges::find_if(boxes, [&](const auto& box) { return box.name() == name; });
  if (found == boxes.end()) throw std::runtime_error{"there is no " + std::string{kind} + " \"" + name + '"'};
  return *found;
}

json to_json(const Wire::Traffic& traffic) { return {{"packets", traffic.packets}, {"bytes", traffic.bytes}}; }

void put_pairs(json& out, const std::string& node, TrafficTable& table) {
  for (const auto& [from, to, traffic] : table.pairs())
    out.push_back({{"node", node}, {"from", from->name()}, {"to", to->name()}, {"packets", traffic.packets}, {"bytes", traffic.bytes},
                   {"udp_bytes", traffic.udp_bytes}, {"tcp_bytes", traffic.tcp_bytes}});
}

}  // namespace

Internet::Internet(const json& description) : events_(no_step_limit), random_(description.value("seed", std::uint64_t{1})) {
  for (const auto& edge : list_in(description, "edges")) add_edge(edge);
  for (const auto& described : list_in(description, "switches")) add_switch(described);
  for (const auto& nat : list_in(description, "nats")) add_nat(nat);
  for (const auto& router : list_in(description, "routers")) add_router(router);
  for (const auto& wire : list_in(description, "wires")) add_wire(wire);
}

// Wires let go of interfaces, so they end first.
Internet::~Internet() { wires_.clear(); }

void Internet::add_edge(const json& edge) {
  edges_.emplace_back(TunEdge::Settings{.name = edge.at("name").get<std::string>(),
                                        .space = edge.value("namespace", std::string{}),
                                        .device = edge.at("device").get<std::string>(),
                                        .mtu = edge.value("mtu", 1500u)});
}

void Internet::add_switch(const json& described) {
  const auto between = described.value("isolates", false) ? Switch::Between::default_only : Switch::Between::hosts_too;
  auto& made = switches_.emplace_back(described.at("name").get<std::string>(), between);
  for (const auto& port : described.at("ports")) {
    auto& interface = made.add_interface(port.at("port").get<std::string>());
    for (const auto& text : list_in(port, "addresses")) made.plug(address(text), interface);
    if (port.value("default", false)) made.set_default(interface);
  }
}

void Internet::add_nat(const json& nat) {
  Gateway::Settings settings{.name = nat.at("name").get<std::string>()};
  if (nat.contains("preset")) {
    const auto preset = nat_preset(nat["preset"].get<std::string>());
    if (!preset) throw std::runtime_error{"there is no kind of NAT called " + nat["preset"].dump()};
    settings.behaviour = *preset;
  }
  natlab::apply(nat, settings.behaviour);
  if (nat.contains("behaviour")) natlab::apply(nat["behaviour"], settings.behaviour);
  for (const auto* key : {"inside_address", "inside_address_v6"})
    if (nat.contains(key)) settings.addresses_inside.push_back(address(nat[key]));
  auto& made = nats_.emplace_back(events_, random_, std::move(settings));
  if (nat.contains("services")) add_service(made, nat["services"], nat.value("habits", json::object()));
}

void Internet::add_service(Gateway& nat, const json& protocols, const json& habits) {
  MappingService::Settings settings{.pcp = false, .nat_pmp = false};
  for (const auto& protocol : protocols) {
    if (protocol == "pcp") settings.pcp = true;
    else if (protocol == "nat-pmp") settings.nat_pmp = true;
    else throw std::runtime_error{"a userspace gateway answers \"pcp\" and \"nat-pmp\", not " + protocol.dump()};
  }
  natlab::apply(habits, settings);
  services_.emplace_back(events_, nat, settings);
}

void Internet::add_router(const json& described) {
  auto& made = routers_.emplace_back(described.at("name").get<std::string>(), address(described.at("address")));
  for (const auto& route : described.at("routes")) made.route(prefix(route.at("to")), port_of(made, route.at("port").get<std::string>()));
}

void Internet::add_wire(const json& described) {
  Wire::Settings settings;
  apply(described, settings);
  const auto& ends = described.at("between");
  auto& first = interface(ends.at(0).get<std::string>());
  auto& second = interface(ends.at(1).get<std::string>());
  wires_.push_back({described.at("name").get<std::string>(), std::make_unique<Wire>(events_, random_, first, second, settings)});
}

Interface& Internet::interface(const std::string& end) {
  const auto colon = end.find(':');
  const auto node = end.substr(0, colon), port = colon == std::string::npos ? std::string{} : end.substr(colon + 1);
  for (auto& edge : edges_)
    if (edge.name() == node) return edge.interface();
  for (auto& nat : nats_)
    if (nat.name() == node && (port == "inside" || port == "outside")) return port == "inside" ? nat.inside() : nat.outside();
  for (auto& box : switches_)
    if (box.name() == node)
      if (auto* found = box.interface(port)) return *found;
  for (auto& box : routers_)
    if (box.name() == node) return port_of(box, port);
  throw std::runtime_error{"there is no interface \"" + end + '"'};
}

Interface& Internet::port_of(Router& router, const std::string& name) {
  auto* found = router.interface(name);
  return found != nullptr ? *found : router.add_interface(name);
}

Gateway& Internet::nat(const std::string& name) { return box_named(nats_, name, "NAT"); }
Router& Internet::router(const std::string& name) { return box_named(routers_, name, "router"); }

Wire& Internet::wire(const std::string& name) {
  const auto found = std::ranges::find(wires_, name, &NamedWire::name);
  if (found == wires_.end()) throw std::runtime_error{"there is no wire \"" + name + '"'};
  return *found->wire;
}

json Internet::counters() {
  json pairs = json::array(), wires = json::array(), nats = json::array(), edges = json::array();
  for (auto& box : routers_) put_pairs(pairs, box.name(), box.traffic());
  for (auto& box : switches_) put_pairs(pairs, box.name(), box.traffic());
  for (const auto& [name, wire] : wires_)
    wires.push_back({{"name", name}, {"there", to_json(wire->there())}, {"back", to_json(wire->back())}, {"dropped", wire->dropped()}});
  for (const auto& nat : nats_) nats.push_back({{"name", nat.name()}, {"mappings", nat.nat().mappings(events_.now())}});
  for (const auto& edge : edges_) edges.push_back({{"name", edge.name()}, {"not_forwarded", edge.not_forwarded()}});
  return {{"ok", true}, {"pairs", pairs}, {"wires", wires}, {"nats", nats}, {"edges", edges}};
}

json Internet::perform(const json& command) {
  try {
    return carry_out(command);
  } catch (const std::exception& trouble) {
    return {{"ok", false}, {"error", trouble.what()}};
  }
}

json Internet::carry_out(const json& command) {
  const auto what = command.at("do").get<std::string>();
  if (what == "counters") return counters();
  if (what == "reset-counters") {
    for (auto& box : routers_) box.traffic().reset();
    for (auto& box : switches_) box.traffic().reset();
    for (auto& [name, wire] : wires_) wire->reset_traffic();
  } else if (what == "wire") {
    auto& changed = wire(command.at("name").get<std::string>());
    auto settings = changed.settings();
    apply(command, settings);
    changed.change(settings);
    if (command.contains("cut")) command["cut"].get<bool>() ? changed.cut() : changed.mend();
  } else if (what == "reboot") {
    nat(command.at("nat").get<std::string>()).reboot();
  } else if (what == "change-external") {
    auto& changed = nat(command.at("nat").get<std::string>());
    std::vector<IpAddress> addresses;
    for (const auto& text : command.at("external")) addresses.push_back(address(text));
    if (command.contains("router")) {
      auto& routing = router(command["router"].get<std::string>());
      for (const auto& old : changed.nat().behaviour().external) routing.no_route(Prefix::only(old));
      for (const auto& now : addresses) routing.route(Prefix::only(now), port_of(routing, command.at("port").get<std::string>()));
    }
    changed.change_external(std::move(addresses));
  } else if (what == "behaviour") {
    auto& changed = nat(command.at("nat").get<std::string>()).nat();
    auto behaviour = changed.behaviour();
    natlab::apply(command, behaviour);
    changed.change(std::move(behaviour));
  } else if (what == "rule") {
    const auto protocol = command.at("protocol").get<std::string>() == "tcp" ? Protocol::tcp : Protocol::udp;
    const NatBox::Rule rule{.protocol = protocol, .external = {command.at("external").get<std::uint16_t>()},
                            .internal = value_or_throw(Endpoint::parse(command.at("to").get<std::string>()))};
    if (!nat(command.at("nat").get<std::string>()).nat().add_rule(rule, events_.now())) throw std::runtime_error{"that port is another's"};
  } else if (what == "route") {
    auto& routing = router(command.at("router").get<std::string>());
    routing.route(prefix(command.at("to")), port_of(routing, command.at("port").get<std::string>()));
  } else {
    throw std::runtime_error{"\"" + what + "\" is nothing that can be done"};
  }
  return {{"ok", true}};
}

}  // namespace pshare::natlab
