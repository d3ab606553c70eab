// What every verb works with: built by hand in main(), so that reading main() shows what the program is made of.
#pragma once

#include <string>

#include "apps/pshare/exit_status.hpp"
#include "apps/pshare/home.hpp"
#include "apps/pshare/options.hpp"
#include "apps/pshare/report.hpp"
#include "apps/pshare/terminal.hpp"
#include "io/asio.hpp"
#include "io/outlet.hpp"
#include "io/worker_pool.hpp"
#include "secure/identity.hpp"
#include "secure/random_source.hpp"
#include "secure/tls.hpp"

namespace pshare {

/// All references live as long as main().
struct Program {
  asio::any_io_executor executor;
  const CommonOptions& options;
  const Home& home;
  const Identity& identity;
  const TlsContext& tls;
  Outlet& outlet;
  SecureRandom& random;
  WorkerPool& workers;
  Terminal& terminal;
  Report& report;

  /// Until when the server may take to be there at all: a wrong address should not look like a hanging program.
  TimePoint server_patience() const { return Clock::now() + options.timeout.value_or(std::chrono::seconds{15}); }
  /// Until when this verb waits for the other side, if it begins to wait now.
  TimePoint patience() const { return Clock::now() + options.timeout.value_or(default_timeout); }
};

// One verb, one coroutine, one file. All throw Failure.
awaitable<void> init(Program& program, InitOptions options);
awaitable<void> id(Program& program);
awaitable<void> send(Program& program, SendOptions options);
awaitable<void> receive(Program& program, ReceiveOptions options);
awaitable<void> contacts(Program& program, ContactsOptions options);
awaitable<void> pair(Program& program, PairOptions options);
awaitable<void> peers(Program& program);
awaitable<void> doctor(Program& program, DoctorOptions options);
awaitable<void> supernode(Program& program, SupernodeOptions options);
awaitable<void> receipts(Program& program, ReceiptsOptions options);

/// Waits for Ctrl-C or SIGTERM, then throws Failure with Errc::interrupted. A second one ends the program at once.
awaitable<void> until_interrupted();

}  // namespace pshare
