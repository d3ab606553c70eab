#include "behaviour_words.hpp"

#include <map>
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
const Words<MappingHabits::AtReboot> reboots{{"forgets", MappingHabits::AtReboot::forgets},
                                             {"keeps", MappingHabits::AtReboot::keeps},
                                             {"keeps-the-list-only", MappingHabits::AtReboot::keeps_the_list_only}};

/// The longest time that anything here takes.
constexpr double longest_seconds = 100.0 * 24 * 3600;
/// More mappings than any box is given memory for.
constexpr double most_mappings = 1'000'000;

template <typename E>
void choose(Fields& words, const std::string& name, const Words<E>& known, E& out) {
  words.with(name, [&](const json& word) {
    if (word.is_string())
      if (const auto found = known.find(word.get_ref<const std::string&>()); found != known.end()) {
        out = found->second;
        return;
      }
    std::string all;
    for (const auto& [each, value] : known) all += (all.empty() ? "" : ", ") + each;
    words.refuse(name, word, "one of " + all);
  });
}

void set(Fields& words, const std::string& name, bool& out) { out = words.flag_or(name, out); }

template <typename Time>
void set_seconds(Fields& words, const std::string& name, Time& out) {
  words.number(name, 0, longest_seconds, [&](double seconds) { out = std::chrono::duration_cast<Duration>(std::chrono::duration<double>{seconds}); });
}

template <typename Count>
void set_count(Fields& words, const std::string& name, double least, double most, Count& out) {
  words.number(name, least, most, [&](double number) { out = static_cast<Count>(number); });
}

void set_port(Fields& words, const std::string& name, Port& out) { set_count(words, name, 1, 65535, out.number); }

void set_address(Fields& words, const std::string& name, std::optional<IpAddress>& out) {
  words.with(name, [&](const json& text) { out = value_or_throw(IpAddress::parse(text.get<std::string>())); });
}

}  // namespace

void apply(Fields& words, MappingService::Settings& settings) {
  auto& habits = settings.habits;
  set(words, "says_which_version", settings.says_which_version);
  set_seconds(words, "answers_after_s", settings.answers_after);
  set_count(words, "announcements", 0, 100, settings.announcements);
  set_address(words, "tells_address", habits.tells_address);
  set(words, "refuses_reserved_address", habits.refuses_reserved_address);
  set_count(words, "limit", 0, most_mappings, habits.limit);
  set_port(words, "lowest_port", habits.lowest_port);
  set(words, "gives_other_port", habits.gives_other_port);
  set_seconds(words, "shortest_lifetime_s", habits.shortest_lifetime);
  set_seconds(words, "longest_lifetime_s", habits.longest_lifetime);
  set_count(words, "dead_at_first", 0, most_mappings, habits.dead_at_first);
  set(words, "for_requester_only", habits.for_requester_only);
  choose(words, "at_reboot", reboots, habits.at_reboot);
}

void apply(Fields& words, NatBehaviour& behaviour) {
  choose(words, "mapping", dependences, behaviour.udp.mapping);
  choose(words, "filtering", dependences, behaviour.udp.filtering);
  auto tcp = behaviour.tcp.value_or(behaviour.udp);
  if (words.take("tcp_mapping") || words.take("tcp_filtering")) {
    choose(words, "tcp_mapping", dependences, tcp.mapping);
    choose(words, "tcp_filtering", dependences, tcp.filtering);
    behaviour.tcp = tcp;
  }
  choose(words, "ports", port_choices, behaviour.ports);
  set_count(words, "step", 1, 65535, behaviour.port_step);
  words.number("other_traffic", 0, 100'000, [&](double each_second) { behaviour.other_traffic = each_second; });
  set_port(words, "first_port", behaviour.first_port);
  set_port(words, "last_port", behaviour.last_port);
  if (behaviour.first_port > behaviour.last_port) throw std::runtime_error{"first_port lies behind last_port: there is no port to choose"};
  set_count(words, "block", 0, 65535, behaviour.block);
  choose(words, "pooling", poolings, behaviour.pooling);
  choose(words, "hairpinning", hairpinnings, behaviour.hairpinning);
  set_seconds(words, "udp_lifetime_s", behaviour.udp_lifetime);
  set_seconds(words, "udp_unanswered_lifetime_s", behaviour.udp_unanswered_lifetime);
  choose(words, "refresh", refreshes, behaviour.refresh);
  set_seconds(words, "tcp_established_lifetime_s", behaviour.tcp_established_lifetime);
  set_seconds(words, "tcp_transitory_lifetime_s", behaviour.tcp_transitory_lifetime);
  choose(words, "unsolicited_syn", unsolicited_syns, behaviour.unsolicited_syn);
  set(words, "simultaneous_open", behaviour.simultaneous_open);
  set(words, "reset_ends_mapping", behaviour.reset_ends_mapping);
  set_count(words, "table_limit", 0, most_mappings, behaviour.table_limit);
  choose(words, "table_full", table_fulls, behaviour.table_full);
  set_seconds(words, "early_packet_claims_port_s", behaviour.early_packet_claims_port);
  set(words, "udp", behaviour.lets_udp_out);
  set_address(words, "dmz", behaviour.dmz);
  words.with("tcp_ports_out", [&](const json& ports) {
    behaviour.tcp_ports_out.reset();
    if (ports.is_null()) return;
    behaviour.tcp_ports_out.emplace();
    for (const auto& number : ports) behaviour.tcp_ports_out->insert(Port{number.get<std::uint16_t>()});
  });
}

}  // namespace pshare::natlab
