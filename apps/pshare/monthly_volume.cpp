#include "apps/pshare/monthly_volume.hpp"

#include <charconv>
#include <cstdio>
#include <limits>

namespace pshare {

namespace {

/// Takes a whole number off the front, if there is one.
template <typename T>
std::optional<T> take_number(std::string_view& text) {
  T number{};
  const auto [end, trouble] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (trouble != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::chrono::year_month month_of(UnixTime now) {
  const std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(now)};
  return day.year() / day.month();
}

UnixTime end_of_month(UnixTime now) { return std::chrono::sys_days{(month_of(now) + std::chrono::months{1}) / 1}; }

Result<MonthlyVolume> MonthlyVolume::decode(std::string_view text) {
  const auto wrong = Unexpected{{.code = Errc::malformed, .doing = "reading how much was carried this month: there is no line such as \"2026-11 123456789\""}};
  if (text.size() > max_file) return wrong;
  const auto year = take_number<std::uint16_t>(text);
  if (!year || *year < 1970 || *year > 9999 || !take(text, '-')) return wrong;
  const auto month = take_number<std::uint8_t>(text);
  if (!month || !std::chrono::month{*month}.ok() || !take(text, ' ')) return wrong;
  const auto bytes = take_number<std::uint64_t>(text);
  if (!bytes || !take(text, '\n') || !text.empty()) return wrong;
  MonthlyVolume volume;
  volume.month_ = std::chrono::year{*year} / std::chrono::month{*month};
  volume.bytes_ = *bytes;
  return volume;
}

std::string MonthlyVolume::encode() const {
  char month[16];
  std::snprintf(month, sizeof month, "%04d-%02u ", static_cast<int>(month_.year()), static_cast<unsigned>(month_.month()));
  return month + std::to_string(bytes_) + '\n';
}

void MonthlyVolume::add(std::uint64_t bytes, UnixTime now) {
  if (bytes == 0) return;
  if (const auto month = month_of(now); month > month_) month_ = month, bytes_ = 0;
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  bytes_ = bytes > most - bytes_ ? most : bytes_ + bytes;
}

std::uint64_t MonthlyVolume::used(UnixTime now) const { return month_of(now) > month_ ? 0 : bytes_; }

std::optional<std::uint64_t> MonthlyVolume::left(std::optional<std::uint64_t> limit, UnixTime now) const {
  if (!limit) return std::nullopt;
  const auto gone = used(now);
  return gone < *limit ? *limit - gone : 0;
}

}  // namespace pshare
