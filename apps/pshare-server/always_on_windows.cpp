#include "apps/pshare-server/always_on.hpp"

namespace pshare {

void be_always_on() {}

}  // namespace pshare
