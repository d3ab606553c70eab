#include "apps/pshare/online.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "apps/pshare/no_path_hint.hpp"
#include "io/deadline.hpp"
#include "io/log.hpp"
#include "io/printable.hpp"
#include "traversal/io/quic_lane.hpp"

namespace pshare {

namespace {

/// How long giving back what routers have opened may take: somebody may be looking at a prompt that does not come back.
constexpr Duration farewell_patience = std::chrono::milliseconds{1500};

Standpoint::Settings standpoint_settings(const CommonOptions& options) {
  const auto allowed = [&](Tier tier) { return std::ranges::find(options.tiers, tier) != options.tiers.end(); };
  return {.manual = options.port,
          .tcp_allowed = options.tcp,
          .udp_allowed = options.udp,
          .direct_allowed = allowed(Tier::direct),
          .ask_routers = allowed(Tier::mapped),
          .punched_allowed = allowed(Tier::punched),
          .survey = allowed(Tier::direct) || allowed(Tier::mapped) || allowed(Tier::punched)};
}

std::vector<PeerId> keys_of_contacts(const Home& home) {
  std::vector<PeerId> keys;
  if (const auto contacts = home.contacts())
    for (const auto& pin : contacts->pins()) keys.push_back(pin.id);
  return keys;
}

}  // namespace

Online::Online(Program& program, const std::vector<ServerAddress>& servers, RendezvousClient::Attendance attendance)
    : program_(program),
      door_(program.executor, program.tls, Listener::on(program.executor, program.options.port.value_or(Port{0}))),
      server_(program.executor, program.tls, servers, program.random, program.outlet, attendance, door_.port()),
      letters_(program.executor, program.identity, server_, program.random),
      relays_(program.executor, RelayWay{program.tls, program.outlet}, server_, [&home = program.home] { return keys_of_contacts(home); }),
      standpoint_(program.executor, program.tls, program.random, server_, servers.front(), door_, standpoint_settings(program.options)),
      reconnected_(program.executor) {
  for (const auto& port : standpoint_.port().udp()) strays_.push_back(reset_strays(*port, program.identity));
  server_.set_on_state([this](bool connected, const Error& why) {
    state_changed(connected, why);
  });
  server_.set_on_notice([&report = program.report](const std::string& words) { report.say("The server says: " + words); });
  letters_.set_on_dropped([&report = program.report](const std::string& why) { report.detail("Dropped a signal: " + printable(why)); });
}

void Online::begin(TaskGroup& tasks) {
  tasks.start(server_.run());
  tasks.start(letters_.run());
  tasks.start(door_.run());
  standpoint_.begin(tasks);
  tasks.start(keep_awake_clock());
}

awaitable<void> Online::keep_awake_clock() {
  for (;;) {
    awake();
    co_await sleep_until(Clock::now() + between_awake_looks);
  }
}

void Online::state_changed(bool connected, const Error& why) {
  const bool before = connected_before_;
  connected_before_ = before || connected;
  if (connected) {
    log(LogLevel::debug, "server.connected", {});
    program_.report.detail("Connected to the server.");
    told_of_impostor_ = false;
    if (before) {
      ++reconnections_;
      reconnected_.ring();
    }
    return;
  }
  // Once transfers run, the server is of little interest; before, everything waits for it.
  const auto what = "No connection to the server (" + why.message() + "); trying again.";
  // That somebody else is there in its place is the user's business at any time.
  if (before && why.code == Errc::identity_mismatch && !std::exchange(told_of_impostor_, true))
    program_.report.warn(why.message() + ". It is told nothing, and tried again. " + why.hint);
  if (before || std::exchange(told_of_trouble_, true)) return program_.report.detail(what);
  program_.report.say(what);
}

void Online::doubt() {
  server_.doubt();
  standpoint_.doubt();
}

awaitable<void> Online::reconnected() { co_await reconnected_.wait(); }

Climber Online::climber(SessionId session, PeerId peer, ClimbRole role, const CheckKey& key) {
  const Climber::Equipment equipment{program_.executor, program_.tls, program_.identity, door_, standpoint_, relays_, program_.random};
  return Climber{equipment, {.session = session,
                             .peer = peer,
                             .role = role,
                             .check_key = key,
                             .tiers = program_.options.tiers,
                             .tcp_allowed = program_.options.tcp,
                             .udp_allowed = program_.options.udp}};
}

void Online::say(PublicKey peer, DeviceId device, const Climber::Word& word) {
  std::visit([&](const auto& each) { letters_.post(peer, device, each); }, word);
}

awaitable<void> Online::tell_more(Told told, std::function<void()> moved) {
  std::optional<IpAddress> told_address;  // the server may have been slow to see us over the other family
  auto told_reconnections = reconnections_;
  for (;;) {
    const auto candidates = standpoint_.candidates();
    const auto unknown = [&](const Candidate& each) { return std::ranges::find(told.candidates, each) == told.candidates.end(); };
    const bool more = std::ranges::any_of(candidates, unknown);
    const bool reconnected = std::exchange(told_reconnections, reconnections_) != reconnections_;
    const auto facts = standpoint_.facts();
    const bool other_nat = facts.udp.kind != told.facts.udp.kind || facts.tcp.kind != told.facts.tcp.kind;
    if (more || reconnected || other_nat || server_.other_address() != told_address) {
      auto fresh = candidates;
      if (!reconnected) std::erase_if(fresh, [&](const Candidate& each) { return !unknown(each); });
      std::ranges::copy_if(candidates, std::back_inserter(told.candidates), unknown);
      told_address = server_.other_address();
      told.facts = facts;
      letters_.post(told.peer, told.device, MoreCandidates{told.session, std::move(fresh), facts}, RendezvousClient::OurAddress::shown);
      // A server that could not be reached for a while may mean that nobody could: what was lost with it should be known as soon as it is back.
      if (more || reconnected) moved();
    }
    co_await standpoint_.changed();
  }
}

Error Online::advised(Error error, const std::string& peer, const NatFacts& theirs) const {
  if (error.code != Errc::no_path) return error;
  error.hint = no_path_hint(peer, standpoint_.facts(), theirs);
  if (server_.connected()) return error;
  error.doing += "; meanwhile the server was out of reach (" + server_.last_trouble() + "), without which two routers cannot be opened at the same moment";
  error.hint = "Try again when the server is back";
  return error;
}

awaitable<void> Online::farewell() { co_await standpoint_.give_back(Clock::now() + farewell_patience); }

}  // namespace pshare
