#include "io/outlet.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace pshare {

namespace {

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

std::vector<std::string> patterns_from(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const auto end = std::min(list.find_first_of(", \t"), list.size());
    if (end > 0) out.push_back(lower(list.substr(0, end)));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

std::optional<std::string> first_of(const Environment& environment, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (auto value = environment(name)) return value;
  return std::nullopt;
}

std::optional<unsigned> number(std::string_view digits, unsigned most) {
  unsigned value = 0;
  const auto [end, trouble] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || trouble != std::errc{} || end != digits.data() + digits.size() || value > most) return std::nullopt;
  return value;
}

bool in_block(const IpAddress& address, const IpAddress& block, unsigned bits) {
  const auto ours = address.bytes(), theirs = block.bytes();
  if (ours.size() != theirs.size() || bits > ours.size() * 8) return false;
  for (unsigned bit = 0; bit < bits; ++bit) {
    const auto mask = std::byte{0x80} >> (bit % 8);
    if (((ours[bit / 8] ^ theirs[bit / 8]) & mask) != std::byte{0}) return false;
  }
  return true;
}

/// Takes a port off the end of a pattern, of a literal IPv6 address only if that is in brackets.
std::optional<Port> take_port(std::string_view& pattern) {
  const auto colon = pattern.rfind(':');
  const bool one_colon = colon != std::string_view::npos && pattern.find(':') == colon;
  const bool after_brackets = colon != std::string_view::npos && colon > 0 && pattern[colon - 1] == ']';
  std::optional<Port> port;
  if (one_colon || after_brackets) {
    if (const auto digits = number(pattern.substr(colon + 1), 65535)) port = Port{static_cast<std::uint16_t>(*digits)};
    pattern = pattern.substr(0, colon);
  }
  if (pattern.starts_with('[') && pattern.ends_with(']')) pattern = pattern.substr(1, pattern.size() - 2);
  return port;
}

bool names(std::string_view pattern, const std::string& host, Port port) {
  if (pattern == "*") return true;
  if (const auto of_port = take_port(pattern); of_port && *of_port != port) return false;
  const auto address = IpAddress::parse(host);
  if (const auto slash = pattern.find('/'); slash != std::string_view::npos) {
    const auto block = IpAddress::parse(std::string{pattern.substr(0, slash)});
    const auto bits = number(pattern.substr(slash + 1), 128);
    return address && block && bits && in_block(*address, *block, *bits);
  }
  if (const auto literal = IpAddress::parse(std::string{pattern})) return address && *address == *literal;
  if (pattern.starts_with("*.")) pattern.remove_prefix(1);
  if (pattern.starts_with('.')) pattern.remove_prefix(1);
  if (pattern.empty() || address) return false;
  return host == pattern || (host.size() > pattern.size() && host.ends_with(pattern) && host[host.size() - pattern.size() - 1] == '.');
}

bool is_this_machine(const std::string& host) {
  if (const auto address = IpAddress::parse(host)) return address->scope() == Scope::loopback;
  const auto name = lower(host);
  return name == "localhost" || name.ends_with(".localhost");
}

}  // namespace

Result<ProxySettings> proxy_settings(const std::optional<std::string>& option, const Environment& environment) {
  ProxySettings settings;
  if (const auto list = first_of(environment, {"no_proxy", "NO_PROXY"})) settings.except = patterns_from(*list);
  if (option) {
    if (lower(*option) == "none") return settings;
    auto proxy = Proxy::parse(*option);
    if (!proxy) return Unexpected{proxy.error()};
    settings.proxy = *std::move(proxy);
    settings.use = ProxySettings::Use::only;
    return settings;
  }
  if (const auto url = first_of(environment, {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})) {
    auto proxy = Proxy::parse(*url);
    if (proxy) settings.proxy = *std::move(proxy);
    else settings.ignored = proxy.error().doing;
  }
  return settings;
}

bool is_excepted(const std::vector<std::string>& patterns, std::string_view host, Port port) {
  auto name = lower(host);
  if (name.ends_with('.')) name.pop_back();
  return std::ranges::any_of(patterns, [&](const std::string& each) { return names(each, name, port); });
}

bool Outlet::proxy_serves(const std::string& host, Port port) const {
  return settings_.proxy && !is_this_machine(host) && !is_excepted(settings_.except, host, port);
}

bool Outlet::only_through_proxy(const std::string& host, Port port) const {
  return settings_.use == ProxySettings::Use::only && proxy_serves(host, port);
}

std::vector<PlannedWay> Outlet::ways(const std::string& host, Port port, OtherPort other) const {
  const bool by_proxy = proxy_serves(host, port), straight = !only_through_proxy(host, port);
  const auto proxy_after = straight ? proxy_head_start : Duration::zero();
  std::vector<PlannedWay> planned;
  if (straight) planned.push_back({.way = {.through_proxy = false, .port = port}});
  if (by_proxy) planned.push_back({.way = {.through_proxy = true, .port = port}, .head_start = proxy_after});
  if (other == OtherPort::https && port != https_port) {
    const auto own_ways = planned.size();
    if (straight) planned.push_back({.way = {.through_proxy = false, .port = https_port}, .head_start = https_head_start});
    if (by_proxy)
      planned.push_back({.way = {.through_proxy = true, .port = https_port}, .head_start = https_head_start + proxy_after, .in_place_of = own_ways - 1});
  }
  const auto known = worked_.find({host, port});
  if (known == worked_.end()) return planned;
  const auto at = std::ranges::find(planned, known->second, &PlannedWay::way);
  if (at == planned.begin() || at == planned.end()) return planned;
  std::rotate(planned.begin(), at, at + 1);
  planned.front().head_start = Duration::zero();
  for (std::size_t i = 1; i < planned.size(); ++i) planned[i].head_start += https_head_start;
  for (auto& each : planned) each.in_place_of = 0;
  return planned;
}

void Outlet::worked(const std::string& host, Port port, const WayOut& way) {
  if (worked_.size() >= max_remembered_ways && !worked_.contains({host, port})) worked_.erase(worked_.begin());
  worked_[{host, port}] = way;
}

void Outlet::found(const std::string& host, std::vector<IpAddress> addresses) {
  if (found_.size() >= max_remembered_ways && !found_.contains(host)) found_.erase(found_.begin());
  found_[host] = std::move(addresses);
}

const std::vector<IpAddress>& Outlet::last_addresses(const std::string& host) const {
  static const std::vector<IpAddress> none;
  const auto known = found_.find(host);
  return known == found_.end() ? none : known->second;
}

// --- the race ----------------------------------------------------------------------------------------------------------------

WaysRace::WaysRace(std::vector<PlannedWay> planned, TimePoint now) : began_(now) {
  for (auto& each : planned) entrants_.push_back({.plan = std::move(each)});
  if (entrants_.empty()) actions_.push_back(Exhausted{});
  expire(now);
}

void WaysRace::failed(std::size_t way, TimePoint now) {
  entrants_[way].failed = true;
  expire(now);
  if (std::ranges::all_of(entrants_, &Entrant::failed)) actions_.push_back(Exhausted{});
}

void WaysRace::expire(TimePoint now) {
  for (std::size_t i = 0; i < entrants_.size(); ++i) {
    auto& each = entrants_[i];
    const auto& before = entrants_[each.plan.in_place_of];
    if (each.started || (now < began_ + each.plan.head_start && !before.failed)) continue;
    each.started = true;
    actions_.push_back(Try{i});
  }
}

std::optional<TimePoint> WaysRace::deadline() const {
  std::optional<TimePoint> due;
  for (const auto& each : entrants_)
    if (!each.started && (!due || began_ + each.plan.head_start < *due)) due = began_ + each.plan.head_start;
  return due;
}

std::optional<WaysRace::Action> WaysRace::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace pshare
