// pshare id: who we are.
#include "apps/pshare/program.hpp"

namespace pshare {

awaitable<void> id(Program& program) {
  const auto settings = value_or_throw(program.home.settings());
  program.report.identity(settings.name.value_or(""), program.identity.id());
  co_return;
}

}  // namespace pshare
