#include "apps/pshare/server_spec.hpp"

#include <algorithm>
#include <charconv>

#include "traversal/server_order.hpp"

namespace pshare {

namespace {

Unexpected not_a_server(std::string_view text, std::string why) {
  return Unexpected{{.code = Errc::usage,
                     .doing = "\"" + std::string{text} + "\" is not a server: " + std::move(why),
                     .hint = "Write HOST:PORT or HOST:PORT#FINGERPRINT, as pshare-server prints it when it starts."}};
}

/// What is a host is for whoever looks it up to say. But it is a word, which can be shown, pinned in a line of a file, and told from what stands around it.
bool may_be_host(std::string_view host) {
  return std::ranges::none_of(host, [](char each) { return static_cast<unsigned char>(each) <= ' ' || each == '\x7f' || each == '[' || each == ']'; });
}

}  // namespace

Result<ServerSpec> ServerSpec::parse(std::string_view text) {
  ServerSpec spec;
  auto rest = text;
  if (const auto hash = rest.find('#'); hash != std::string_view::npos) {
    auto key = PeerId::parse(rest.substr(hash + 1));
    if (!key) return not_a_server(text, "its fingerprint does not hold: " + key.error().doing);
    spec.fingerprint = *key;
    rest = rest.substr(0, hash);
  }
  const bool bracketed = rest.starts_with('[');
  const auto host_end = bracketed ? rest.find(']') : rest.find(':');
  if (bracketed && host_end == std::string_view::npos) return not_a_server(text, "the ']' is missing");
  spec.host = std::string{bracketed ? rest.substr(1, host_end - 1) : rest.substr(0, host_end)};
  const auto after = host_end == std::string_view::npos ? std::string_view{} : rest.substr(host_end + (bracketed ? 1 : 0));
  if (spec.host.empty()) return not_a_server(text, "it names no host");
  if (!may_be_host(spec.host)) return not_a_server(text, "its host has characters that no host has");
  if (bracketed && spec.host.find(':') == std::string::npos) return not_a_server(text, "what is in brackets is no IPv6 address");
  if (after.empty()) return spec;

  const auto digits = after.substr(1);
  const auto [end, trouble] = std::from_chars(digits.data(), digits.data() + digits.size(), spec.port.number);
  if (after.front() != ':' || trouble != std::errc{} || end != digits.data() + digits.size() || spec.port.number == 0)
    return not_a_server(text, "its port is no number from 1 to 65535 (an IPv6 address goes in brackets)");
  return spec;
}

std::string ServerSpec::host_and_port() const {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port.number);
}

Result<std::vector<ServerSpec>> parse_servers(std::string_view list) {
  std::vector<ServerSpec> all;
  for (;;) {
    const auto comma = list.find(',');
    auto spec = ServerSpec::parse(list.substr(0, comma));
    if (!spec) return Unexpected{spec.error()};
    all.push_back(*std::move(spec));
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  if (all.size() > max_servers)
    return Unexpected{{.code = Errc::usage, .doing = "these are " + std::to_string(all.size()) + " servers, of which " + std::to_string(max_servers) + " are allowed"}};
  return all;
}

}  // namespace pshare
