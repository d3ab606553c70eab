#include "behaviour_words.hpp"

#include <map>
#include <stdexcept>
#include <string>

namespace pshare::natlab {

using nlohmann::json;
using namespace sim;

namespace {

template <typename E>
using Words = std::map<std::string, E, std::less<>>;

const Words<Dependence> dependences{{"endpoint-independent", Dependence::endpoint_independent},
                                    {"address-dependent", Dependence::address_dependent},
                                    {"address-and-port-dependent", Dependence::address_and_port_dependent}};
const Words<PortChoice> port_choices{{"preserving", PortChoice::preserving}, {"sequential", PortChoice::sequential}, {"random", PortChoice::random}};
const Words<Hairpinning> hairpinnings{{"none", Hairpinning::none},
                                      {"internal-source", Hairpinning::internal_source},
                                      {"external-source", Hairpinning::external_source}};
const Words<Pooling> poolings{{"paired", Pooling::paired}, {"arbitrary", Pooling::arbitrary}};
const Words<Refresh> refreshes{{"outbound", Refresh::outbound}, {"both", Refresh::both_directions}};
const Words<UnsolicitedSyn> unsolicited_syns{{"silence", UnsolicitedSyn::silence},
                                             {"reset", UnsolicitedSyn::reset},
                                             {"icmp", UnsolicitedSyn::icmp},
                                             {"icmp-after-wait", UnsolicitedSyn::icmp_after_wait}};
const Words<TableFull> table_fulls{{"refuses", TableFull::refuses}, {"evicts-oldest", TableFull::evicts_oldest}};

template <typename E>
E meaning(const json& word, const std::string& key, const Words<E>& words) {
  if (word.is_string())
    if (const auto found = words.find(word.get_ref<const std::string&>()); found != words.end()) return found->second;
  std::string known;
  for (const auto& [name, value] : words) known += (known.empty() ? "" : ", ") + name;
  throw std::runtime_error{'"' + key + "\" is one of " + known + ", and not " + word.dump()};
}

Duration seconds(const json& number) { return std::chrono::duration_cast<Duration>(std::chrono::duration<double>{number.get<double>()}); }
Port port(const json& number) { return Port{number.get<std::uint16_t>()}; }
IpAddress address(const json& text) { return value_or_throw(IpAddress::parse(text.get<std::string>())); }

const Words<MappingHabits::AtReboot> reboots{{"forgets", MappingHabits::AtReboot::forgets},
                                             {"keeps", MappingHabits::AtReboot::keeps},
                                             {"keeps-the-list-only", MappingHabits::AtReboot::keeps_the_list_only}};

template <typename Use>
void with(const json& words, const char* key, Use&& use) {
  if (const auto found = words.find(key); found != words.end()) use(*found);
}

}  // namespace

void apply(const json& words, MappingService::Settings& settings) {
  auto& habits = settings.habits;
  with(words, "says_which_version", [&](const json& it) { settings.says_which_version = it.get<bool>(); });
  with(words, "answers_after_s", [&](const json& it) { settings.answers_after = seconds(it); });
  with(words, "announcements", [&](const json& it) { settings.announcements = it.get<unsigned>(); });
  with(words, "tells_address", [&](const json& it) { habits.tells_address = address(it); });
  with(words, "refuses_reserved_address", [&](const json& it) { habits.refuses_reserved_address = it.get<bool>(); });
  with(words, "limit", [&](const json& it) { habits.limit = it.get<std::size_t>(); });
  with(words, "lowest_port", [&](const json& it) { habits.lowest_port = port(it); });
  with(words, "gives_other_port", [&](const json& it) { habits.gives_other_port = it.get<bool>(); });
  with(words, "shortest_lifetime_s", [&](const json& it) { habits.shortest_lifetime = seconds(it); });
  with(words, "longest_lifetime_s", [&](const json& it) { habits.longest_lifetime = seconds(it); });
  with(words, "dead_at_first", [&](const json& it) { habits.dead_at_first = it.get<std::size_t>(); });
  with(words, "for_requester_only", [&](const json& it) { habits.for_requester_only = it.get<bool>(); });
  with(words, "at_reboot", [&](const json& it) { habits.at_reboot = meaning(it, "at_reboot", reboots); });
}

void apply(const json& words, NatBehaviour& behaviour) {
  const auto with = [&](const char* key, auto&& use) { natlab::with(words, key, use); };
  const auto tcp = [&]() -> NatBehaviour::Axes& {
    if (!behaviour.tcp) behaviour.tcp = behaviour.udp;
    return *behaviour.tcp;
  };
  with("mapping", [&](const json& it) { behaviour.udp.mapping = meaning(it, "mapping", dependences); });
  with("filtering", [&](const json& it) { behaviour.udp.filtering = meaning(it, "filtering", dependences); });
  with("tcp_mapping", [&](const json& it) { tcp().mapping = meaning(it, "tcp_mapping", dependences); });
  with("tcp_filtering", [&](const json& it) { tcp().filtering = meaning(it, "tcp_filtering", dependences); });
  with("ports", [&](const json& it) { behaviour.ports = meaning(it, "ports", port_choices); });
  with("step", [&](const json& it) { behaviour.port_step = it.get<unsigned>(); });
  with("other_traffic", [&](const json& it) { behaviour.other_traffic = it.get<double>(); });
  with("first_port", [&](const json& it) { behaviour.first_port = port(it); });
  with("last_port", [&](const json& it) { behaviour.last_port = port(it); });
  with("block", [&](const json& it) { behaviour.block = it.get<std::uint16_t>(); });
  with("pooling", [&](const json& it) { behaviour.pooling = meaning(it, "pooling", poolings); });
  with("hairpinning", [&](const json& it) { behaviour.hairpinning = meaning(it, "hairpinning", hairpinnings); });
  with("udp_lifetime_s", [&](const json& it) { behaviour.udp_lifetime = seconds(it); });
  with("udp_unanswered_lifetime_s", [&](const json& it) { behaviour.udp_unanswered_lifetime = seconds(it); });
  with("refresh", [&](const json& it) { behaviour.refresh = meaning(it, "refresh", refreshes); });
  with("tcp_established_lifetime_s", [&](const json& it) { behaviour.tcp_established_lifetime = seconds(it); });
  with("tcp_transitory_lifetime_s", [&](const json& it) { behaviour.tcp_transitory_lifetime = seconds(it); });
  with("unsolicited_syn", [&](const json& it) { behaviour.unsolicited_syn = meaning(it, "unsolicited_syn", unsolicited_syns); });
  with("simultaneous_open", [&](const json& it) { behaviour.simultaneous_open = it.get<bool>(); });
  with("reset_ends_mapping", [&](const json& it) { behaviour.reset_ends_mapping = it.get<bool>(); });
  with("table_limit", [&](const json& it) { behaviour.table_limit = it.get<std::size_t>(); });
  with("table_full", [&](const json& it) { behaviour.table_full = meaning(it, "table_full", table_fulls); });
  with("early_packet_claims_port_s", [&](const json& it) { behaviour.early_packet_claims_port = seconds(it); });
  with("udp", [&](const json& it) { behaviour.lets_udp_out = it.get<bool>(); });
  with("dmz", [&](const json& it) { behaviour.dmz = address(it); });
  with("tcp_ports_out", [&](const json& it) {
    behaviour.tcp_ports_out.reset();
    if (it.is_null()) return;
    behaviour.tcp_ports_out.emplace();
    for (const auto& number : it) behaviour.tcp_ports_out->insert(port(number));
  });
  with("external", [&](const json& it) {
    behaviour.external.clear();
    for (const auto& text : it) behaviour.external.push_back(address(text));
  });
}

}  // namespace pshare::natlab
