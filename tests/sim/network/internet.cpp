#include "network/internet.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace pshare::sim {

namespace {

/// A cable through the house.
constexpr Duration lan_delay = std::chrono::microseconds{100};

/// From a home to its carrier's NAT.
const AccessLine to_carrier{.delay = std::chrono::milliseconds{2}, .hops = 1};

IpAddress address(const std::string& text) { return value_or_throw(IpAddress::parse(text)); }

Wire::Settings settings_of(const AccessLine& line) {
  auto one_way = line.more;
  one_way.delay = line.delay;
  return Wire::both_ways(one_way, line.hops);
}

}  // namespace

IpAddress Lan::address(unsigned host) const {
  return sim::address((of_carrier ? "100.64." : "192.168.") + std::to_string(number) + '.' + std::to_string(host));
}

Internet::Internet(World& world) : world_(world), backbone_("backbone", address("81.2.64.9")) {}

Wire& Internet::join(Interface& first, Interface& second, Wire::Settings settings) {
  return *wires_.emplace_back(NamedWire{{}, std::make_unique<Wire>(world_.events(), world_.random(), first, second, settings)}).wire;
}

IpAddress Internet::next_public_address() { return address("81.2." + std::to_string(next_public_++) + ".2"); }

Machine& Internet::add_server(std::string name, const std::vector<std::string>& addresses, AccessLine line) {
  auto& machine = machines_.emplace_back(world_, name);
  InterfaceSettings settings;
  auto& at_backbone = backbone_.add_interface(name);
  for (const auto& text : addresses) {
    const auto own = address(text);
    settings.addresses.push_back({own, own.is_v4() ? 32u : 128u});
    backbone_.route(Prefix::only(own), at_backbone);
  }
  settings.gateways = {address("81.2.64.9")};
  if (std::ranges::any_of(settings.addresses, [](const LocalAddress& each) { return each.address.is_v6(); })) settings.gateways.push_back(address("2001:db8::9"));
  join(machine.add_interface("eth0", settings), at_backbone, settings_of(line));
  wires_.back().name = name;
  return machine;
}

Machine& Internet::add_public(std::string name, AccessLine line) { return add_server(std::move(name), {next_public_address().text()}, line); }

Lan& Internet::make_lan(std::string name, NatBehaviour behaviour, bool of_carrier) {
  auto& lan = lans_.emplace_back();
  lan.name = name;
  lan.of_carrier = of_carrier;
  lan.number = of_carrier ? next_carrier_++ : next_home_++;
  if (!of_carrier) lan.number = std::exchange(next_subnet_, std::nullopt).value_or(lan.number);
  lan.net = &switches_.emplace_back(name);
  lan.gateway = &gateways_.emplace_back(world_.events(), world_.random(),
                                        Gateway::Settings{.name = name, .addresses_inside = {lan.address(1)}, .behaviour = std::move(behaviour)});
  auto& up = lan.net->add_interface("up");
  lan.net->set_default(up);
  join(up, lan.gateway->inside(), Wire::both_ways({.delay = lan_delay}));
  return lan;
}

Lan& Internet::put_on_backbone(Lan& lan, AccessLine line) {
  auto& at_backbone = backbone_.add_interface(lan.name);
  if (lan.gateway->nat().behaviour().external.empty()) lan.gateway->change_external({next_public_address()});
  for (const auto& external : lan.gateway->nat().behaviour().external) backbone_.route(Prefix::only(external), at_backbone);
  join(lan.gateway->outside(), at_backbone, settings_of(line));
  wires_.back().name = lan.name;
  return lan;
}

Lan& Internet::add_lan(std::string name, NatBehaviour behaviour, AccessLine line) {
  return put_on_backbone(make_lan(std::move(name), std::move(behaviour), false), line);
}

Lan& Internet::add_carrier(std::string name, NatBehaviour behaviour, AccessLine line) {
  return put_on_backbone(make_lan(std::move(name), std::move(behaviour), true), line);
}

Lan& Internet::add_lan_behind(Lan& carrier, std::string name, NatBehaviour behaviour) {
  behaviour.external.resize(std::max<std::size_t>(behaviour.external.size(), 1));
  for (auto& external : behaviour.external) external = carrier.address(carrier.next_host++);
  auto& lan = make_lan(std::move(name), std::move(behaviour), false);
  lan.carrier = &carrier;
  auto& at_carrier = carrier.net->add_interface(lan.name);
  for (const auto& external : lan.gateway->nat().behaviour().external) carrier.net->plug(external, at_carrier);
  join(lan.gateway->outside(), at_carrier, settings_of(to_carrier));
  wires_.back().name = lan.name;
  return lan;
}

Machine& Internet::add_machine(Lan& lan, std::string name) {
  auto& machine = machines_.emplace_back(world_, name);
  const auto own = lan.address(lan.next_host++);
  InterfaceSettings settings{.addresses = {{own, 24}}, .gateways = {lan.address(1)}};
  auto& at_switch = lan.net->add_interface(name);
  lan.net->plug(own, at_switch);
  const auto& inside = lan.gateway->addresses_inside();
  if (const auto v6 = std::ranges::find_if(inside, &IpAddress::is_v6); v6 != inside.end()) {
    const auto prefix = v6->text();  // ends in "::1"
    const auto own_v6 = address(prefix.substr(0, prefix.size() - 1) + std::to_string(lan.next_host + 100));
    settings.addresses.push_back({own_v6, 64});
    settings.gateways.push_back(*v6);
    lan.net->plug(own_v6, at_switch);
    if (lan.carrier) lan.carrier->net->plug(own_v6, *lan.carrier->net->interface(lan.name));
  }
  join(machine.add_interface("eth0", settings), at_switch, Wire::both_ways({.delay = lan_delay}));
  return machine;
}

void Internet::give_ipv6(Lan& lan) {
  lan.ipv6_number = next_ipv6_++;
  std::array<char, 8> digits{};
  std::to_chars(digits.data(), digits.data() + digits.size(), lan.ipv6_number, 16);
  const auto prefix = std::string{"2001:db8:"} + digits.data() + "::";
  lan.gateway->add_address_inside(address(prefix + "1"));
  backbone_.route({address(prefix), 64}, *backbone_.interface((lan.carrier ? *lan.carrier : lan).name));
}

Wire& Internet::access_of(const std::string& name) {
  const auto found = std::ranges::find(wires_, name, &NamedWire::name);
  if (found == wires_.end()) throw std::out_of_range{"nobody here is called " + name};
  return *found->wire;
}

PairTraffic Internet::between(const std::string& from, const std::string& to) {
  for (const auto& [sender, receiver, traffic] : backbone_.traffic().pairs())
    if (sender->name() == from && receiver->name() == to) return traffic;
  return {};
}

}  // namespace pshare::sim
