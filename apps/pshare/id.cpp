// pshare id: who we are.
#include "apps/pshare/program.hpp"

namespace pshare {

awaitable<void> id(Program& program) {
  program.report.identity(program.options.settings.name.value_or(""), program.identity.id());
  co_return;
}

}  // namespace pshare
