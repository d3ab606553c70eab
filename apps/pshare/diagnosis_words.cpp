// What `pshare doctor` says to people: first what was found, in the words of the RFCs and in plain ones, then what to expect, then what to change.
#include <algorithm>
#include <cmath>
#include <sstream>
#include <utility>

#include "apps/pshare/diagnosis.hpp"
#include "apps/pshare/quantities.hpp"
#include "io/printable.hpp"

namespace pshare {

namespace {

constexpr std::size_t label_width = 13, tier_width = 11, page_width = 80;

/// Lines with a label in front of the first of each group, broken between words.
class Page {
 public:
  void group(std::string_view label) { label_ = label; }
  void line(const std::string& words) { put(std::exchange(label_, {}), label_width, words); }
  void heading(std::string_view words) { text_.append("\n").append(words).append("\n"); }
  void item(std::string_view label, std::size_t width, const std::string& words) { put("  " + std::string{label}, width + 2, words); }
  std::string take() { return std::move(text_); }

 private:
  void put(std::string start, std::size_t indent, const std::string& words) {
    start.append(indent - std::min(indent, start.size()), ' ');
    auto column = start.size();
    text_ += start;
    std::istringstream in{words};
    for (std::string word; in >> word;) {
      if (column > indent && column + 1 + word.size() > page_width) {
        text_.append("\n").append(indent, ' ');
        column = indent;
      } else if (column > indent) {
        text_ += ' ';
        ++column;
      }
      text_ += word;
      column += word.size();
    }
    text_ += '\n';
  }

  std::string label_, text_;
};

std::string milliseconds(Duration duration) {
  const auto count = std::chrono::duration<double, std::milli>{duration}.count();
  return count < 1 ? "less than 1 ms" : std::to_string(std::lround(count)) + " ms";
}

std::string clock_words(std::chrono::seconds ahead) {
  if (std::chrono::abs(ahead) <= clock_tolerance) return "Your clock agrees with its clock.";
  return "Your clock is " + duration_words(std::chrono::abs(ahead)) + (ahead.count() > 0 ? " ahead of" : " behind") + " its clock.";
}

std::string known(const std::optional<DependenceRange>& range) { return range ? words(*range) : "unknown"; }

std::string_view ports_words(const PortForecast& forecast) {
  switch (forecast.kind) {
    case PortForecast::Kind::unknown: return "How ports are given could not be found out.";
    case PortForecast::Kind::blocked: return "Nothing comes back.";
    case PortForecast::Kind::stable: return "You have the same port for everybody, so that others can aim at it.";
    case PortForecast::Kind::stepping: return "You have a new port for each destination, one after the other: others have to search a little.";
    case PortForecast::Kind::random: break;
  }
  return forecast.highest.number - forecast.lowest.number < static_cast<int>(largest_small_block)
             ? "You have a new port for each destination, at random out of a small block: others have to search."
             : "You have a new port for each destination, at random: others have to search for long.";
}

std::string_view filter_words(const DependenceRange& filtering) {
  if (filtering.at_most == Dependence::endpoint_independent) return "Whoever knows your port gets in.";
  if (filtering.at_least == Dependence::address_and_port_dependent) return "Only those get in to whom you have sent something, and from that very port.";
  if (filtering.at_least == Dependence::address_dependent && filtering.is_exact()) return "Only those get in to whom you have sent something.";
  return "Who gets in, beyond those to whom you have sent something, could not all be found out.";
}

void say_nat(Page& page, std::string_view label, const Diagnosis::Nat& nat, bool translated) {
  page.group(label);
  if (nat.forecast.kind == PortForecast::Kind::blocked) return page.line("blocked. Nothing comes back.");
  if (!nat.external) return page.line("unknown. The server could not be asked.");
  std::string facts = "mapping " + known(nat.mapping);
  if (nat.filtering) facts += ", filtering " + words(*nat.filtering);
  if (translated && nat.preserves_ports) facts += *nat.preserves_ports ? ", keeps port numbers" : ", changes port numbers";
  page.line(facts + ".");
  if (translated) page.line(std::string{ports_words(nat.forecast)});
  if (nat.filtering) page.line(std::string{filter_words(*nat.filtering)});
}

std::string_view trouble_words(Reason reason) {
  switch (reason) {
    case Reason::no_igd: return "no answer";
    case Reason::unsupported: return "another version";
    case Reason::igd_refused: return "refused";
    case Reason::double_nat: return "the router is itself behind a NAT";
    case Reason::unreachable: return "opened a port, but nothing comes in there";
    case Reason::timeout: return "no answer any more";
    default: return "of no use";
  }
}

std::string protocol_words(const ProtocolReport& report) {
  std::string name = report.protocol == MappingProtocol::pcp ? "PCP" : report.protocol == MappingProtocol::nat_pmp ? "NAT-PMP" : "UPnP";
  if (report.ipv6) name += " for IPv6";
  switch (report.state) {
    case ProtocolReport::State::asked: return name + ": no answer yet";
    case ProtocolReport::State::answers: return name + ": answers";
    case ProtocolReport::State::maps: return name + ": opens ports";
    case ProtocolReport::State::unneeded: return name + ": the firewall is off, nothing to open";
    case ProtocolReport::State::useless: break;
  }
  name.append(": ").append(trouble_words(report.reason));
  if (!report.said.empty()) name += " (" + printable(report.said) + ")";
  return name;
}

void say_router(Page& page, const Diagnosis& diagnosis) {
  page.group("Router");
  if (!diagnosis.routers_asked) return page.line("not asked to open a port.");
  const auto& mappings = diagnosis.mappings;
  if (mappings.protocols.empty()) return page.line("there is none to ask for a port, or none is needed.");
  std::string protocols;
  for (const auto& each : mappings.protocols) protocols += (protocols.empty() ? "" : "; ") + protocol_words(each);
  page.line(protocols + ".");
  for (const auto& each : mappings.ports) {
    std::string words = "It opened " + each.external.text() + " (" + std::string{word(each.transport)} + ")";
    if (each.behind_another) words += ", behind another NAT: the internet cannot reach it.";
    else words += each.proved ? "; your server got in there." : "; whether anybody gets in there could not be tried.";
    page.line(words);
  }
}

void say_expectation(Page& page, const std::string& peer, const Prognosis& prognosis) {
  page.item(prognosis.tier ? word(*prognosis.tier) : "none", tier_width, peer + ": " + prognosis.why + ".");
}

}  // namespace

std::string diagnosis_words(const Diagnosis& diagnosis) {
  Page page;
  const auto& server = diagnosis.server;
  page.group("Server");
  page.line(printable(server.address) + (server.version.empty() ? "" : ", " + printable(server.version)) +
            (server.round_trip ? ", " + milliseconds(*server.round_trip) + " there and back" : "") + (server.trouble ? " is not reached." : "."));
  if (server.proxy) page.line("Reached through the proxy " + printable(*server.proxy) + ". How the internet sees you is looked at past it.");
  if (server.trouble) page.line("Without it little can be said: how the internet sees you, it alone could tell.");
  if (server.clock_ahead) page.line(clock_words(*server.clock_ahead));

  page.group("You");
  std::string addresses;
  for (const auto& each : diagnosis.addresses)
    if (each.address.scope() != Scope::loopback && each.address.scope() != Scope::link_local) addresses += (addresses.empty() ? "" : ", ") + each.address.text();
  page.line((addresses.empty() ? "no address" : addresses) + ", port " + std::to_string(diagnosis.port.number) + ".");
  const auto& seen = diagnosis.udp.external ? diagnosis.udp.external : diagnosis.tcp.external;
  const bool nearby = server_is_near(diagnosis);
  if (nearby) page.line("Your server sees you as " + seen->address.text() + ", so it is in your own network. How the internet sees you, it cannot tell.");
  if (seen && !nearby && diagnosis.translated) page.line("The internet sees you as " + seen->address.text() + ": there is a NAT in front of you.");
  if (seen && !nearby && !diagnosis.translated) page.line("There is no NAT in front of you.");

  say_nat(page, "UDP", diagnosis.udp, diagnosis.translated);
  say_nat(page, "TCP", diagnosis.tcp, diagnosis.translated);
  page.group("TCP 443");
  page.line(diagnosis.tcp_443_out == true ? "gets out." : "unknown: nobody answers at that port of your server.");
  if (diagnosis.translated && diagnosis.hairpinning) {
    page.group("Hairpinning");
    page.line(*diagnosis.hairpinning == Hairpinning::none ? "none. Two behind this NAT do not find each other by its outer address."
              : *diagnosis.hairpinning == Hairpinning::external_source ? "yes. Two behind this NAT find each other by its outer address."
                                                                        : "yes, but it shows inner addresses.");
  }
  if (const auto& lifetime = diagnosis.lifetime) {
    page.group("Idle UDP");
    page.line("a mapping lives at least " + duration_words(lifetime->at_least) + (lifetime->less_than ? ", less than " + duration_words(*lifetime->less_than) : "") + ".");
  }
  say_router(page, diagnosis);
  if (diagnosis.manual_port) {
    page.group("Forwarded");
    const auto number = std::to_string(diagnosis.manual_port->number);
    page.line(!diagnosis.manual_port_works ? "port " + number + ": your server could not try it."
              : *diagnosis.manual_port_works ? "port " + number + ": your server gets in there."
                                             : "port " + number + ": your server does not get in there.");
  }
  if (!nearby && (diagnosis.tcp.strangers_get_in || diagnosis.udp.strangers_get_in)) {
    page.group("From outside");
    const auto gets_in = [](const std::optional<bool>& in) { return !in ? "unknown" : *in ? "yes" : "no"; };
    page.line(std::string{"do strangers get in where no port is opened for them? Over TCP: "} + gets_in(diagnosis.tcp.strangers_get_in) + "; over UDP: " +
              gets_in(diagnosis.udp.strangers_get_in) + ".");
  }
  page.group("IPv6");
  const auto& ipv6 = diagnosis.ipv6;
  if (!ipv6.address) page.line("none.");
  else if (server.trouble) page.line("you have an address; nothing could be tried.");
  else if (!ipv6.server_reached) page.line("you have an address; your server is not known by one, so that nothing could be tried.");
  else if (!*ipv6.server_reached) page.line("you have an address, but your server is not reached over it.");
  else page.line(std::string{"works."} + (!ipv6.strangers_get_in ? "" : *ipv6.strangers_get_in ? " Strangers get in." : " A firewall lets nobody in who was not called."));
  if (server.trouble) return page.take();

  page.heading("What to expect");
  if (const auto& with = diagnosis.with) {
    say_expectation(page, "you and " + printable(with->name), with->prognosis);
    page.item("", tier_width, "In one house, behind the same router, the two of you meet there, whatever this says.");
  } else {
    for (const auto& [name, prognosis] : diagnosis.expected) say_expectation(page, name, prognosis);
  }
  page.heading("What you could change");
  if (diagnosis.advice.empty()) page.item("", 0, "Nothing: this is as good as it gets.");
  for (const auto& each : diagnosis.advice) page.item("-", 2, each.words);
  return page.take();
}

}  // namespace pshare
