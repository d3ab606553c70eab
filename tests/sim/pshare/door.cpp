#include "pshare/door.hpp"

#include <algorithm>

namespace pshare::sim {

namespace {

/// As traversal/io/lane_door has it, from accepted to LaneHello.
constexpr Duration greeting_patience = std::chrono::seconds{10};

}  // namespace

Door::Door(Machine& machine, const PublicKey& own, Port port) : machine_(machine), own_(own), listener_(value_or_throw(machine.listen({.port = port}))) {
  listener_.on_accept([this](TcpSocket socket) { let_in(std::move(socket)); });
}

void Door::expect(const SessionId& session, const PeerId& peer) { expected_[session].peer = peer; }

void Door::serve(const SessionId& session, Caller caller) {
  auto& expected = expected_.at(session);
  expected.turned_away = false;
  expected.caller = std::move(caller);
  for (auto* lane : std::exchange(expected.waiting, {})) expected.caller(*lane);
}

void Door::turn_away(const SessionId& session) {
  auto& expected = expected_.at(session);
  expected.turned_away = true;
  for (auto* lane : std::exchange(expected.waiting, {})) lane->close();
}

void Door::let_in(TcpSocket socket) {
  const auto number = lanes_.size();
  auto check = [this](const PeerId& peer) { return std::ranges::any_of(expected_, [&](const auto& each) { return each.second.peer == peer; }); };
  auto& lane = *lanes_.emplace_back(std::make_unique<LaneStream>(machine_, std::move(socket), SecuredStream::Role::server, own_, std::move(check), [] {}));
  auto greeting_came = std::make_shared<bool>(false);
  lane.listen({.message = [this, &lane, greeting_came](const LaneMessage& message) {
    *greeting_came = true;
    greeted(lane, message);
  }});
  machine_.in(greeting_patience, [this, number, greeting_came] {
    if (!*greeting_came) lanes_[number]->close();
  });
}

void Door::greeted(LaneStream& lane, const LaneMessage& greeting) {
  const auto* hello = std::get_if<LaneHello>(&greeting);
  const auto found = hello ? expected_.find(hello->session) : expected_.end();
  if (found == expected_.end() || found->second.peer != lane.peer() || found->second.turned_away) return lane.close();
  lane.say(LaneReady{});
  lane.hold();  // what follows is for whoever gets it
  auto& expected = found->second;
  if (!expected.caller) return expected.waiting.push_back(&lane);
  expected.caller(lane);
}

}  // namespace pshare::sim
