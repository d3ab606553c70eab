#include "io/gateway.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <iterator>
#include <limits>
#include <sstream>
#include <vector>

namespace pshare {

namespace {

// include/uapi/linux/route.h
constexpr std::uint32_t route_is_up = 0x1, route_has_gateway = 0x2, route_rejects = 0x200;

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in{line};
  return {std::istream_iterator<std::string>{in}, {}};
}

std::optional<std::uint32_t> number(std::string_view text, int base) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Row {
  DefaultRoute route;
  std::uint32_t metric = 0;
};

/// Interface, destination, gateway, flags, -, -, metric, mask: addresses as the bytes lie in memory, read as a number.
std::optional<Row> row_of_v4(const std::vector<std::string>& words) {
  if (words.size() < 8) return std::nullopt;
  const auto destination = number(words[1], 16), gateway = number(words[2], 16), flags = number(words[3], 16), metric = number(words[6], 10),
             mask = number(words[7], 16);
  if (!destination || !gateway || !flags || !metric || !mask) return std::nullopt;
  const bool usable = (*flags & (route_is_up | route_has_gateway)) == (route_is_up | route_has_gateway) && (*flags & route_rejects) == 0;
  if (*destination != 0 || *mask != 0 || !usable || *gateway == 0) return std::nullopt;
  return Row{{IpAddress{std::bit_cast<IpAddress::V4>(*gateway)}, words[0]}, *metric};
}

/// Destination, its prefix, source, its prefix, gateway, metric, -, -, flags, interface.
std::optional<Row> row_of_v6(const std::vector<std::string>& words) {
  if (words.size() < 10) return std::nullopt;
  const auto prefix = number(words[1], 16), source_prefix = number(words[3], 16), metric = number(words[5], 16), flags = number(words[8], 16);
  if (!prefix || !source_prefix || !metric || !flags || words[4].size() != 32) return std::nullopt;
  const bool usable = (*flags & (route_is_up | route_has_gateway)) == (route_is_up | route_has_gateway) && (*flags & route_rejects) == 0;
  if (*prefix != 0 || *source_prefix != 0 || !usable) return std::nullopt;
  IpAddress::V6 bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = number(std::string_view{words[4]}.substr(2 * i, 2), 16);
    if (!byte) return std::nullopt;
    bytes[i] = static_cast<std::byte>(*byte);
  }
  const IpAddress gateway{bytes};
  if (gateway.is_v4() || gateway.scope() == Scope::unusable) return std::nullopt;
  return Row{{gateway, words[9]}, *metric};
}

}  // namespace

std::optional<DefaultRoute> default_route_in(std::string_view table, IpFamily family) {
  std::istringstream in{std::string{table}};
  std::optional<Row> best;
  for (std::string line; std::getline(in, line);) {
    const auto words = words_of(line);
    auto row = family == IpFamily::v4 ? row_of_v4(words) : row_of_v6(words);
    if (row && (!best || row->metric < best->metric)) best = std::move(row);
  }
  return best ? std::optional{std::move(best->route)} : std::nullopt;
}

}  // namespace pshare
