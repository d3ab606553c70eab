#include <sys/stat.h>

#include <csignal>

#include "apps/pshare-server/always_on.hpp"

namespace pshare {

void be_always_on() {
  std::signal(SIGHUP, SIG_IGN);
  ::umask(077);
}

}  // namespace pshare
