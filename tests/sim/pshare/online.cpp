#include "pshare/online.hpp"

#include <utility>

#include "traversal/pairing.hpp"

namespace pshare::sim {

void Chronicle::note(const std::string& who, const std::string& what) {
  const auto when = std::chrono::duration_cast<std::chrono::microseconds>(world_.now().time_since_epoch()).count();
  lines_.push_back(std::to_string(when) + " us " + who + ": " + what);
}

Online::Online(World& world, const Person& person, Chronicle& chronicle, Server server, Attendance attendance)
    : world_(world),
      person_(person),
      chronicle_(chronicle),
      door_(person.machine, person.key, person.forwarded.value_or(Port{0})),
      server_(world, person.machine, std::move(server), person.key,
              attendance == Attendance::offers ? std::vector<std::string>{} : std::vector{std::string{answers_only_feature}},
              {.online = [this](const Welcome& welcome) { came_online(welcome); },
               .offline = [this](const Error& why) { note("offline: " + why.doing); },
               .delivered = [this](const Delivery& delivery) { deliver(delivery); }}) {}

void Online::came_online(const Welcome& welcome) {
  observed_ = welcome.observed;
  note("online, seen as " + welcome.observed.text());
  if (std::exchange(was_online_, true) && on_reconnected_) on_reconnected_();
}

void Online::send(const PeerId& to, DeviceId device, const Signal& signal, bool wait, Duration patience, ServerLink::Answer answer) {
  server_.ask(SendSignal{.to = to, .device = device, .body = encode(signal), .wait = wait, .session = session_of(signal)}, patience, std::move(answer));
}

void Online::expect(const SessionId& session, const PeerId& peer, std::function<void(const Letter&)> handler) {
  slots_[session] = {peer, std::move(handler)};
  door_.expect(session, peer);
}

void Online::deliver(const Delivery& delivery) {
  const Letter letter{delivery.from, delivery.from_device, value_or_throw(decode_signal(delivery.body))};
  const auto slot = slots_.find(session_of(letter.signal));
  if (slot != slots_.end()) {
    if (slot->second.peer == letter.from) slot->second.handler(letter);
  } else if (std::holds_alternative<Offer>(letter.signal) && on_offer_) {
    on_offer_(letter);
  }
}

std::vector<pshare::LocalAddress> Online::local_addresses() const {
  std::vector<pshare::LocalAddress> all;
  for (const auto& each : person_.machine.addresses()) all.push_back({.address = each.address, .prefix_length = each.prefix_length});
  return all;
}

std::vector<Candidate> Online::candidates() const {
  Surroundings surroundings{.addresses = local_addresses(), .listening = door_.port(), .manual = person_.forwarded};
  if (observed_) surroundings.observed = observed_->address;
  return gather(surroundings);
}

Climb& Online::climb(const SessionId& session, const PeerId& peer, const std::vector<Candidate>& remote, Duration patience, Climb::Lanes lanes,
                     Climb::Events events) {
  events.attempt = [this](const Attempt& attempt) {
    account.attempts.push_back(attempt);
    note(std::string{word(attempt.tier)} + ' ' + std::string{word(attempt.outcome)} + ' ' + std::string{word(attempt.reason)});
  };
  const Climb::Goal goal{person_.key, session, peer};
  auto found = targets(remote, local_addresses(), PeerHost::anywhere);
  auto& climb = *climbs_.emplace_back(std::make_unique<Climb>(world_, person_.machine, goal, std::move(found), Ascent::Settings{.patience = patience},
                                                              lanes, std::move(events)));
  door_.serve(session, [&climb](LaneStream& lane) { climb.came(lane); });
  climb.start();
  return climb;
}

void Online::found(const Path& path) {
  account.paths.push_back(path);
  note("path from " + path.local.text() + " to " + path.remote.text());
}

void Online::lost(const Error& why) { note("a lane was lost: " + why.doing); }

void Online::end(std::optional<Error> trouble) {
  if (std::exchange(account.ended, true)) return;
  account.trouble = std::move(trouble);
  account.ended_at = world_.now();
  note(account.trouble ? "failed: " + account.trouble->doing : "done");
}

}  // namespace pshare::sim
