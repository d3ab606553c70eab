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

const json& list_in(Fields& description, const char* key) {
  static const json nothing = json::array();
  const auto* found = description.take(key);
  if (found && !found->is_array()) description.refuse(key, *found, "a list");
  return found ? *found : nothing;
}

// What lines may be like. Nobody has needed more, and a slip of the finger is most likely beyond.
constexpr double longest_delay_ms = 60'000, fastest_mbit = 100'000, largest_queue_kb = 1'000'000;
constexpr double smallest_mtu = 68, largest_mtu = 65535;  // RFC 791
constexpr double most_hops = 60;                          // 64 is where a TTL begins

void apply(Fields& words, DatagramLink::Settings& line) {
  const auto time = [&](const char* key, Duration& out) {
    words.number(key, 0, longest_delay_ms, [&](double ms) { out = std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>{ms}); });
  };
  time("delay_ms", line.delay);
  time("jitter_ms", line.jitter);
  time("bursts_every_ms", line.bursts_every);
  time("burst_lasts_ms", line.burst_lasts);
  words.number("rate_mbit", 0, fastest_mbit, [&](double mbit) { line.rate = {static_cast<std::uint64_t>(mbit * 125'000)}; });
  words.number("queue_kb", 0, largest_queue_kb, [&](double kb) { line.queue = static_cast<std::uint64_t>(kb * 1000); });
  words.number("loss", 0, 1, [&](double share) { line.loss = share; });
  line.keeps_order = words.flag_or("keeps_order", line.keeps_order);
}

void apply(Fields& words, Wire::Settings& wire) {
  apply(words, wire.there);
  apply(words, wire.back);
  words.with("back", [&](const json& described) {
    Fields back{described, "the way back"};
    apply(back, wire.back);
    back.end();
  });
  words.number("hops", 0, most_hops, [&](double hops) { wire.hops = static_cast<unsigned>(hops); });
  words.number("mtu", smallest_mtu, largest_mtu, [&](double mtu) { wire.mtu = static_cast<std::uint32_t>(mtu); });
  wire.reports_mtu = words.flag_or("reports_mtu", wire.reports_mtu);
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

Internet::Internet(const json& description)
    : events_(no_step_limit), random_(description.is_object() ? description.value("seed", std::uint64_t{1}) : 1) {
  Fields all{description, "an internet"};
  all.take("seed");
  for (const auto& edge : list_in(all, "edges")) add_edge(edge);
  for (const auto& described : list_in(all, "switches")) add_switch(described);
  for (const auto& nat : list_in(all, "nats")) add_nat(nat);
  for (const auto& router : list_in(all, "routers")) add_router(router);
  for (const auto& wire : list_in(all, "wires")) add_wire(wire);
  all.end();
}

// Wires let go of interfaces, so they end first.
Internet::~Internet() { wires_.clear(); }

void Internet::add_edge(const json& described) {
  Fields edge{described, "an edge"};
  TunEdge::Settings settings{.name = edge.text("name"), .space = edge.text_or("namespace", {}), .device = edge.text("device")};
  edge.number("mtu", smallest_mtu, largest_mtu, [&](double mtu) { settings.mtu = static_cast<std::uint32_t>(mtu); });
  edge.end();
  edges_.emplace_back(std::move(settings));
}

void Internet::add_switch(const json& described) {
  Fields all{described, "a switch"};
  const auto between = all.flag_or("isolates", false) ? Switch::Between::default_only : Switch::Between::hosts_too;
  auto& made = switches_.emplace_back(all.text("name"), between);
  for (const auto& each : all.need("ports")) {
    Fields port{each, "a port of switch " + made.name()};
    const auto name = port.text("port");
    if (made.interface(name) != nullptr) port.refuse("port", name, "a name that no other port of the switch has");
    auto& interface = made.add_interface(name);
    for (const auto& text : list_in(port, "addresses")) made.plug(address(text), interface);
    if (port.flag_or("default", false)) made.set_default(interface);
    port.end();
  }
  all.end();
}

void Internet::add_nat(const json& described) {
  Fields nat{described, "a NAT"};
  Gateway::Settings settings{.name = nat.text("name")};
  nat.with("preset", [&](const json& name) {
    const auto preset = nat_preset(name.get<std::string>());
    if (!preset) nat.refuse("preset", name, "a kind of NAT");
    settings.behaviour = *preset;
  });
  nat.with("behaviour", [&](const json& words) {
    Fields behaviour{words, "the behaviour of " + settings.name};
    apply(behaviour, settings.behaviour);
    behaviour.end();
  });
  for (const auto& text : list_in(nat, "external")) settings.behaviour.external.push_back(address(text));
  for (const auto* key : {"inside_address", "inside_address_v6"})
    nat.with(key, [&](const json& text) { settings.addresses_inside.push_back(address(text)); });
  auto& made = nats_.emplace_back(events_, random_, std::move(settings));
  const auto& services = list_in(nat, "services");
  const auto* habits = nat.take("habits");
  if (!services.empty()) add_service(made, services, habits ? *habits : json::object());
  else if (habits) nat.refuse("habits", *habits, "of services, and there are none");
  nat.end();
}

void Internet::add_service(Gateway& nat, const json& protocols, const json& habits) {
  MappingService::Settings settings{.pcp = false, .nat_pmp = false};
  for (const auto& protocol : protocols) {
    if (protocol == "pcp") settings.pcp = true;
    else if (protocol == "nat-pmp") settings.nat_pmp = true;
    else throw std::runtime_error{"a userspace gateway answers \"pcp\" and \"nat-pmp\", not " + protocol.dump()};
  }
  Fields words{habits, "the habits of " + nat.name()};
  apply(words, settings);
  words.end();
  services_.emplace_back(events_, nat, settings);
}

void Internet::add_router(const json& described) {
  Fields router{described, "a router"};
  auto& made = routers_.emplace_back(router.text("name"), address(router.need("address")));
  for (const auto& each : router.need("routes")) {
    Fields route{each, "a route of " + made.name()};
    const auto name = route.text("port");
    auto* port = made.interface(name);
    made.route(prefix(route.need("to")), port != nullptr ? *port : made.add_interface(name));
    route.end();
  }
  router.end();
}

void Internet::add_wire(const json& described) {
  Fields wire{described, "a wire"};
  const auto name = wire.text("name");
  Wire::Settings settings;
  apply(wire, settings);
  const auto& ends = wire.need("between");
  auto& first = interface(ends.at(0).get<std::string>());
  auto& second = interface(ends.at(1).get<std::string>());
  wire.end();
  wires_.push_back({name, std::make_unique<Wire>(events_, random_, first, second, settings)});
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
  if (auto* found = router.interface(name)) return *found;
  throw std::runtime_error{"the router " + router.name() + " has no port \"" + name + '"'};
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

json Internet::carry_out(const json& described) {
  Fields command{described, "a command"};
  const auto what = command.text("do");
  if (what == "counters") {
    command.end();
    return counters();
  }
  if (what == "reset-counters") {
    command.end();
    for (auto& box : routers_) box.traffic().reset();
    for (auto& box : switches_) box.traffic().reset();
    for (auto& [name, wire] : wires_) wire->reset_traffic();
  } else if (what == "wire") {
    change_wire(command);
  } else if (what == "reboot") {
    auto& rebooted = nat(command.text("nat"));
    command.end();
    rebooted.reboot();
  } else if (what == "change-external") {
    change_external(command);
  } else if (what == "behaviour") {
    auto& changed = nat(command.text("nat")).nat();
    auto behaviour = changed.behaviour();
    apply(command, behaviour);
    command.end();
    changed.change(std::move(behaviour));
  } else if (what == "rule") {
    add_rule(command);
  } else if (what == "route") {
    auto& routing = router(command.text("router"));
    const auto to = prefix(command.need("to"));
    auto& port = port_of(routing, command.text("port"));
    command.end();
    routing.route(to, port);
  } else {
    throw std::runtime_error{"\"" + what + "\" is nothing that can be done"};
  }
  return {{"ok", true}};
}

void Internet::change_wire(Fields& command) {
  auto& changed = wire(command.text("name"));
  auto settings = changed.settings();
  apply(command, settings);
  const auto* cut = command.take("cut");
  if (cut && !cut->is_boolean()) command.refuse("cut", *cut, "true or false");
  command.end();
  changed.change(settings);
  if (cut) cut->get<bool>() ? changed.cut() : changed.mend();
}

void Internet::change_external(Fields& command) {
  auto& changed = nat(command.text("nat"));
  std::vector<IpAddress> addresses;
  for (const auto& text : command.need("external")) addresses.push_back(address(text));
  const auto* routing_name = command.take("router");
  Router* const routing = routing_name ? &router(routing_name->get<std::string>()) : nullptr;
  Interface* const port = routing ? &port_of(*routing, command.text("port")) : nullptr;
  command.end();
  if (routing) {
    for (const auto& old : changed.nat().behaviour().external) routing->no_route(Prefix::only(old));
    for (const auto& now : addresses) routing->route(Prefix::only(now), *port);
  }
  changed.change_external(std::move(addresses));
}

void Internet::add_rule(Fields& command) {
  auto& gateway = nat(command.text("nat"));
  NatBox::Rule rule;
  const auto protocol = command.text("protocol");
  if (protocol != "tcp" && protocol != "udp") command.refuse("protocol", protocol, "\"tcp\" or \"udp\"");
  rule.protocol = protocol == "tcp" ? Protocol::tcp : Protocol::udp;
  command.need("external");
  command.number("external", 1, 65535, [&](double number) { rule.external = {static_cast<std::uint16_t>(number)}; });
  rule.internal = value_or_throw(Endpoint::parse(command.text("to")));
  command.end();
  if (!gateway.nat().add_rule(rule, events_.now())) throw std::runtime_error{"that port is another's"};
  gateway.drain();
}

}  // namespace pshare::natlab
