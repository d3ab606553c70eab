// Loaded before a program's libraries (LD_PRELOAD), it makes the program's wall clock wrong by so many seconds as WRONG_CLOCK says. Other clocks
// stay right, as they do on a machine whose date is wrong.
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

extern "C" int clock_gettime(clockid_t which, timespec* now) noexcept {
  static const char* const wrong_by = std::getenv("WRONG_CLOCK");
  const auto result = static_cast<int>(::syscall(SYS_clock_gettime, which, now));
  if (result == 0 && which == CLOCK_REALTIME && wrong_by) now->tv_sec += std::atol(wrong_by);
  return result;
}
