// Fuzzes the file of what a supernode has carried: what is accepted is written and read again as the same, and counting on never loses a byte.
#include <cstdint>
#include <cstdlib>

#include "apps/pshare/monthly_volume.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto volume = MonthlyVolume::decode({reinterpret_cast<const char*>(data), size});
  if (!volume) return 0;
  if (volume->encode().size() > MonthlyVolume::max_file) std::abort();
  const auto again = MonthlyVolume::decode(volume->encode());
  if (!again || *again != *volume) std::abort();
  const UnixTime now = std::chrono::sys_days{std::chrono::year{2026} / 11 / 28};
  auto more = *volume;
  const auto before = more.used(now);
  more.add(1, now);
  if (more.used(now) < before || (more.used(now) == before && before != UINT64_MAX) || end_of_month(now) <= now) std::abort();
  if (more.left(1000, now).value() > 1000) std::abort();
  if (!MonthlyVolume::decode(more.encode())) std::abort();
  return 0;
}
