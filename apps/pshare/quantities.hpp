// Sizes, rates and durations as people write and read them: "10M", "500KB/s", "1h30m", "1.2 GB", "3 min 20 s".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wire/result.hpp"
#include "wire/time.hpp"
#include "wire/units.hpp"

namespace pshare {

/// "4096", "512K", "1M", "1.5G": K, M, G, T (or KiB, MiB, ...) are powers of 1024, KB, MB, GB, TB powers of 1000.
/// Errors: usage.
Result<std::uint64_t> parse_size(std::string_view text);
/// As a size, with an optional "/s". Errors: usage; also for 0.
Result<std::uint64_t> parse_rate(std::string_view text);
/// "90" (seconds), "500ms", "90s", "10m", "1h30m", "2d". Errors: usage; also for 0 and for more than 365 days.
Result<Duration> parse_duration(std::string_view text);

/// "3 s", "2 min 5 s", "1 h 20 min", "3 d 4 h".
std::string duration_words(Duration duration);
/// "1 file", "3 files", "20,000 files".
std::string count_words(std::uint64_t count, std::string_view singular, std::string_view plural);

}  // namespace pshare
