// Fuzzes sizes, rates and durations as people type them: what is accepted is within its limits, and is shown in words.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "apps/pshare/quantities.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const std::string_view typed{reinterpret_cast<const char*>(data), size};
  if (const auto bytes = parse_size(typed)) {
    if (*bytes > std::uint64_t{1} << 60) std::abort();
    constexpr auto exact = std::uint64_t{1} << 53;  // of a double
    if (*bytes <= exact && parse_size(std::to_string(*bytes)).value() != *bytes) std::abort();
    if (count_words(*bytes, "byte", "bytes").size() < 6) std::abort();
  }
  if (const auto rate = parse_rate(typed))
    if (*rate == 0 || *rate > std::uint64_t{1} << 60) std::abort();
  if (const auto duration = parse_duration(typed)) {
    if (*duration <= Duration::zero() || *duration > std::chrono::hours{365 * 24}) std::abort();
    if (duration_words(*duration).empty()) std::abort();
  }
  return 0;
}
