#include "apps/pshare/online.hpp"

#include <utility>

#include "io/printable.hpp"

namespace pshare {

Online::Online(Program& program, ServerAddress address, RendezvousClient::Attendance attendance)
    : program_(program),
      server_(program.executor, program.tls, std::move(address), program.random, attendance),
      letters_(program.executor, program.identity, server_, program.random),
      door_(program.executor, program.tls, Listener::on(program.executor, program.options.port.value_or(Port{0}))),
      reconnected_(program.executor) {
  server_.set_on_state([this](bool connected, const std::string& words) {
    state_changed(connected, words);
  });
  server_.set_on_notice([&report = program.report](const std::string& words) { report.say("The server says: " + words); });
  letters_.set_on_dropped([&report = program.report](const std::string& why) { report.detail("Dropped a signal: " + printable(why)); });
}

void Online::begin(TaskGroup& tasks) {
  tasks.start(server_.run());
  tasks.start(letters_.run());
  tasks.start(door_.run());
  tasks.start(watch_address());
}

void Online::state_changed(bool connected, const std::string& words) {
  const bool before = connected_before_;
  connected_before_ = before || connected;
  if (connected) {
    program_.report.detail("Connected to the server.");
    if (before) reconnected_.ring();
    return;
  }
  // Once transfers run, the server is of little interest; before, everything waits for it.
  const auto what = "No connection to the server (" + words + "); trying again.";
  if (before || std::exchange(told_of_trouble_, true)) return program_.report.detail(what);
  program_.report.say(what);
}

awaitable<void> Online::reconnected() { co_await reconnected_.wait(); }

awaitable<void> Online::watch_address() {
  const auto welcome = co_await server_.welcome(TimePoint::max());
  observed_ = welcome.observed;
}

Climber Online::climber(SessionId session, PeerId peer, ClimbRole role) {
  ClimbSettings settings{.session = session, .peer = peer, .role = role, .tiers = program_.options.tiers, .tcp_allowed = program_.options.tcp, .loopback_peer = false};
  settings.loopback_peer = observed_ && observed_->address.scope() == Scope::loopback;
  return Climber{program_.executor, program_.tls, door_, program_.random, settings};
}

std::vector<Candidate> Online::candidates(const Climber& climber) const { return climber.local_candidates(observed_, program_.options.port); }

}  // namespace pshare
