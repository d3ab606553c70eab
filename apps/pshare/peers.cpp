// pshare peers: which of the contacts are online.
#include <algorithm>
#include <set>

#include "apps/pshare/program.hpp"
#include "apps/pshare/server_choice.hpp"
#include "io/task_group.hpp"
#include "traversal/io/rendezvous_client.hpp"
#include "wire/control.hpp"

namespace pshare {

awaitable<void> peers(Program& program) {
  const auto known = value_or_throw(program.home.contacts());
  const auto servers = co_await pinned_servers(program);
  RendezvousClient server{program.executor, program.tls, servers, program.random, program.outlet, RendezvousClient::Attendance::answers_only};
  std::set<PeerId> online;
  const auto conversation = [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(server.run());
    tasks.start(until_interrupted());
    std::vector<PeerId> all;
    for (const auto& pin : known.pins()) all.push_back(pin.id);
    for (std::size_t first = 0; first < all.size(); first += max_who) {
      const auto count = std::min(max_who, all.size() - first);
      std::vector<PeerId> some(all.begin() + static_cast<std::ptrdiff_t>(first), all.begin() + static_cast<std::ptrdiff_t>(first + count));
      const auto present = co_await server.who(std::move(some), program.server_patience());
      online.insert(present.begin(), present.end());
    }
  };
  co_await with_tasks<void>(conversation);
  if (known.pins().empty()) program.report.say("No contacts yet. `pshare contacts add NAME ID` makes one.");
  for (const auto& pin : known.pins()) program.report.peer(pin, online.contains(pin.id));
}

}  // namespace pshare
