#include "apps/pshare/quantities.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

namespace pshare {

namespace {

constexpr std::uint64_t largest_size = std::uint64_t{1} << 60;

Unexpected wrong(std::string_view text, std::string_view kind, std::string_view example) {
  return Unexpected{{.code = Errc::usage,
                     .doing = "\"" + std::string{text} + "\" is not " + std::string{kind},
                     .hint = "For instance: " + std::string{example} + "."}};
}

/// Takes a number, perhaps with a fraction, off the front.
std::optional<double> take_number(std::string_view& text) {
  double number = 0;
  const auto [end, trouble] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (trouble != std::errc{} || !std::isfinite(number) || number < 0) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

std::optional<double> unit_of_size(std::string_view unit) {
  static constexpr std::array<std::pair<std::string_view, double>, 18> units{{
      {"", 1},           {"B", 1},
      {"K", 1024.},      {"KiB", 1024.},         {"k", 1024.},    {"M", 1048576.}, {"MiB", 1048576.},
      {"G", 1073741824.},{"GiB", 1073741824.},   {"T", 1099511627776.}, {"TiB", 1099511627776.},
      {"KB", 1e3},       {"kB", 1e3},            {"MB", 1e6},     {"GB", 1e9},     {"TB", 1e12},
      {"m", 1048576.},   {"g", 1073741824.},
  }};
  for (const auto& [name, factor] : units)
    if (name == unit) return factor;
  return std::nullopt;
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
  auto rest = text;
  const auto number = take_number(rest);
  const auto factor = unit_of_size(rest);
  if (!number || !factor || *number * *factor > static_cast<double>(largest_size))
    return wrong(text, "a size", "4096, 512K, 1M or 1.5GB");
  return static_cast<std::uint64_t>(*number * *factor);
}

Result<std::uint64_t> parse_rate(std::string_view text) {
  auto rest = text;
  if (rest.ends_with("/s")) rest.remove_suffix(2);
  const auto rate = parse_size(rest);
  if (!rate || *rate == 0) return wrong(text, "a rate", "500K, 10M or 2.5MB/s (bytes each second)");
  return *rate;
}

Result<Duration> parse_duration(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, double>, 6> units{
      {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}}};
  constexpr double longest = 365.0 * 86400;
  const auto refuse = [&] { return wrong(text, "a duration", "30s, 10m, 1h30m or 2d"); };

  double seconds = 0;
  auto rest = text;
  if (rest.empty()) return refuse();
  while (!rest.empty()) {
    const auto number = take_number(rest);
    if (!number) return refuse();
    const auto unit = rest.substr(0, rest.find_first_of("0123456789"));
    rest.remove_prefix(unit.size());
    if (unit.empty()) {
      if (!rest.empty() || seconds > 0) return refuse();
      seconds = *number;
      continue;
    }
    double factor = 0;
    for (const auto& [name, value] : units)
      if (name == unit) factor = value;
    if (factor == 0) return refuse();
    seconds += *number * factor;
  }
  if (seconds > longest) return refuse();
  const auto duration = std::chrono::duration_cast<Duration>(std::chrono::duration<double>{seconds});
  if (duration <= Duration::zero()) return refuse();  // nothing, or less than a clock can tell from nothing
  return duration;
}

std::string duration_words(Duration duration) {
  const auto seconds = static_cast<std::uint64_t>(std::max(0.0, std::round(std::chrono::duration<double>{duration}.count())));
  const auto both = [](std::uint64_t large, const char* large_unit, std::uint64_t small, const char* small_unit) {
    auto words = std::to_string(large) + " " + large_unit;
    if (small > 0) words += " " + std::to_string(small) + " " + small_unit;
    return words;
  };
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) return both(seconds / 60, "min", seconds % 60, "s");
  if (seconds < 86400) return both(seconds / 3600, "h", seconds % 3600 / 60, "min");
  return both(seconds / 86400, "d", seconds % 86400 / 3600, "h");
}

std::string count_words(std::uint64_t count, std::string_view singular, std::string_view plural) {
  auto digits = std::to_string(count);
  for (auto place = static_cast<std::ptrdiff_t>(digits.size()) - 3; place > 0; place -= 3)
    digits.insert(static_cast<std::size_t>(place), ",");
  return digits + " " + std::string{count == 1 ? singular : plural};
}

}  // namespace pshare
