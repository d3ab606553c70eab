#include "traversal/mapping/ssdp_search.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <utility>

namespace pshare {

namespace {

constexpr std::size_t longest_url = 512;
constexpr std::string_view scheme = "http://";
// A gateway of version 2 must answer a search for version 1 (section 1.3.2); some answer only for their service.
constexpr std::array<std::string_view, 3> port_mapping_targets{"urn:schemas-upnp-org:device:InternetGatewayDevice:1",
                                                               "urn:schemas-upnp-org:service:WANIPConnection:1",
                                                               "urn:schemas-upnp-org:service:WANPPPConnection:1"};
// A gateway of version 1 has no firewall, and one that is of both versions may show a description of each.
constexpr std::array<std::string_view, 2> firewall_targets{"urn:schemas-upnp-org:device:InternetGatewayDevice:2",
                                                           "urn:schemas-upnp-org:service:WANIPv6FirewallControl:1"};

std::span<const std::string_view> targets(SsdpSearch::Sought sought) {
  if (sought == SsdpSearch::Sought::firewall) return firewall_targets;
  return port_mapping_targets;
}

Unexpected malformed(std::string_view what) { return Unexpected{{.code = Errc::malformed, .doing = "reading " + std::string{what}}}; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

std::string_view take_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  const auto line = trimmed(rest.substr(0, end));
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

std::string search_for(std::string_view target, const Endpoint& host) {
  return "M-SEARCH * HTTP/1.1\r\nHOST: " + host.text() + "\r\nMAN: \"ssdp:discover\"\r\nMX: 1\r\nST: " + std::string{target} + "\r\n\r\n";
}

}  // namespace

Result<HttpLocation> parse_http_location(std::string_view url) {
  if (url.size() > longest_url) return Unexpected{{.code = Errc::limit, .doing = "reading the URL of a gateway"}};
  const bool plain = std::ranges::all_of(url, [](char each) { return each > ' ' && each < '\x7f'; });
  if (!plain || url.size() < scheme.size() || !equal_ignoring_case(url.substr(0, scheme.size()), scheme)) return malformed("the URL of a gateway");
  url.remove_prefix(scheme.size());
  const auto slash = url.find('/');
  const auto host = url.substr(0, slash);
  const bool bracketed = host.starts_with('[');
  const auto bracket = bracketed ? host.find(']') : 0;
  if (bracket == std::string_view::npos) return malformed("the URL of a gateway");
  const auto after = bracketed ? bracket + 1 : std::min(host.find(':'), host.size());
  const auto address = IpAddress::parse(bracketed ? host.substr(1, bracket - 1) : host.substr(0, after));
  if (!address || address->is_v6() != bracketed) return malformed("the URL of a gateway");
  std::uint16_t number = 80;
  if (const auto port = host.substr(after); !port.empty()) {
    const auto digits = port.substr(1);
    if (port.front() != ':') return malformed("the URL of a gateway");
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc{} || end != digits.data() + digits.size() || number == 0) return malformed("the URL of a gateway");
  }
  return HttpLocation{{*address, Port{number}}, slash == std::string_view::npos ? "/" : std::string{url.substr(slash)}};
}

Result<HttpLocation> parse_ssdp_answer(ByteView datagram) {
  if (datagram.size() > SsdpSearch::longest_answer) return Unexpected{{.code = Errc::limit, .doing = "reading an answer to a search for a gateway"}};
  auto rest = text_of(datagram);
  const auto status = take_line(rest);
  if (!status.starts_with("HTTP/1.") || status.find(" 200") == std::string_view::npos) return malformed("an answer to a search for a gateway");
  while (!rest.empty()) {
    const auto line = take_line(rest);
    const auto colon = line.find(':');
    if (colon != std::string_view::npos && equal_ignoring_case(line.substr(0, colon), "location"))
      return parse_http_location(trimmed(line.substr(colon + 1)));
  }
  return malformed("an answer to a search for a gateway");
}

std::span<const Endpoint> SsdpSearch::everybody(IpFamily family) {
  static const std::array v4{Endpoint{value_or_throw(IpAddress::parse("239.255.255.250")), port}};
  static const std::array v6{Endpoint{value_or_throw(IpAddress::parse("ff02::c")), port}, Endpoint{value_or_throw(IpAddress::parse("ff05::c")), port}};
  if (family == IpFamily::v6) return v6;
  return v4;
}

SsdpSearch::SsdpSearch(IpAddress gateway, Sought sought, TimePoint now) : gateway_(gateway), sought_(sought), began_(now) { expire(now); }

void SsdpSearch::receive(const Endpoint& from, ByteView datagram, TimePoint now) {
  if (over_) return;
  auto found = parse_ssdp_answer(datagram);
  if (!found || found->server.address != from.address) return;
  if (from.address == gateway_) {
    end(Found{std::move(*found)});
  } else if (!other_) {
    other_ = std::move(*found);
    expire(now);
  }
}

void SsdpSearch::expire(TimePoint now) {
  if (over_) return;
  if (other_ && now >= began_ + preference) return end(Found{*std::exchange(other_, std::nullopt)});
  if (now >= began_ + silence_of_gateway) return end(Nobody{});
  if (sent_ == sends.size() || now < began_ + sends[sent_]) return;
  ++sent_;
  const auto all = everybody(gateway_.is_v4() ? IpFamily::v4 : IpFamily::v6);
  for (const auto target : targets(sought_)) {
    actions_.emplace_back(Send{{gateway_, port}, search_for(target, all.front())});
    for (const auto& to : all) actions_.emplace_back(Send{to, search_for(target, to)});
  }
}

std::optional<TimePoint> SsdpSearch::deadline() const {
  if (over_) return std::nullopt;
  auto first = began_ + silence_of_gateway;
  if (other_) first = std::min(first, began_ + preference);
  if (sent_ < sends.size()) first = std::min(first, began_ + sends[sent_]);
  return first;
}

void SsdpSearch::end(Action action) {
  over_ = true;
  actions_.emplace_back(std::move(action));
}

std::optional<SsdpSearch::Action> SsdpSearch::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace pshare
