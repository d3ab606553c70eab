#include "pshare/climb.hpp"

#include <utility>

namespace pshare::sim {

Climb::Climb(World& world, Machine& machine, Goal goal, Targets targets, Ascent::Settings settings, Lanes lanes, Events events)
    : world_(world),
      machine_(machine),
      goal_(goal),
      keep_(lanes),
      events_(std::move(events)),
      began_(world.now()),
      ascent_(machine, Ascent{std::move(targets), std::move(settings), world.random(), world.now()}, [this](const Ascent::Action& action) { perform(action); }) {}

void Climb::start() {
  ascent_.feed([](Ascent&) {});  // it has something to say from the beginning
}

void Climb::came(LaneStream& lane) {
  if (over_) return lane.close();
  up(lane, std::nullopt);
}

void Climb::end() {
  if (std::exchange(over_, true)) return;
  for (auto& dial : dials_)
    if (!std::exchange(dial.over, true)) dial.lane->close();
  for (const auto& [key, contender] : std::exchange(contenders_, {})) contender.lane->close();
}

void Climb::perform(const Ascent::Action& action) {
  if (over_) return;
  if (const auto* due = std::get_if<Ascent::Dial>(&action)) {
    dial(due->pair);
  } else if (const auto* punch = std::get_if<Ascent::Punch>(&action)) {
    for (const auto transport : punch->over)
      ascent_.feed([&](Ascent& core) { core.punching_ended(transport, Reason::unsupported, world_.now()); });
  } else if (const auto* report = std::get_if<Ascent::Report>(&action)) {
    events_.attempt(report->attempt);
  } else if (const auto* winner = std::get_if<Ascent::Use>(&action)) {
    const auto found = contenders_.extract(winner->lane);
    if (!found) return;
    end();
    events_.lane(*found.mapped().lane, found.mapped().path);
  } else if (const auto* rival = std::get_if<Ascent::Rival>(&action)) {
    if (const auto found = contenders_.extract(rival->lane)) found.mapped().lane->close();
  } else if (const auto* close = std::get_if<Ascent::Close>(&action)) {
    if (const auto found = contenders_.extract(close->lane)) found.mapped().lane->close();
  } else if (const auto* gave_up = std::get_if<Ascent::GaveUp>(&action)) {
    end();
    events_.no_path(gave_up->why);
  }
}

void Climb::dial(std::size_t pair) {
  const auto number = dials_.size();
  auto& dial = dials_.emplace_back();
  auto check = [peer = goal_.peer](const PeerId& other) { return other == peer; };
  auto greet = [this, number] { dials_[number].lane->say(LaneHello{.session = goal_.session, .ordinal = 0}); };
  dial.lane = std::make_unique<LaneStream>(machine_, machine_.connect(ascent_.core().targets().dials[pair].remote), SecuredStream::Role::client, goal_.own,
                                           std::move(check), std::move(greet));
  dial.lane->listen({.message = [this, number, pair](const LaneMessage& answer) { dialled(number, pair, answer); },
                     .ended = [this, number, pair](const Error& why) { dial_failed(number, pair, why.code); }});
  machine_.in(dial_patience, [this, number, pair] { dial_failed(number, pair, Errc::timed_out); });
}

void Climb::dialled(std::size_t number, std::size_t pair, const LaneMessage& answer) {
  auto& dial = dials_[number];
  if (dial.over) return;
  if (!std::holds_alternative<LaneReady>(answer)) return dial_failed(number, pair, Errc::malformed);
  dial.over = true;
  dial.lane->hold();  // what follows is for whoever gets it
  up(*dial.lane, pair);
}

void Climb::dial_failed(std::size_t number, std::size_t pair, Errc why) {
  auto& dial = dials_[number];
  if (std::exchange(dial.over, true)) return;
  dial.lane->close();
  ascent_.feed([&](Ascent& core) { core.dial_failed(pair, why, world_.now()); });
}

void Climb::up(LaneStream& lane, std::optional<std::size_t> pair) {
  const Path path{.tier = Tier::direct, .transport = Transport::tcp, .local = lane.local(), .remote = lane.remote(), .elapsed = world_.now() - began_};
  ascent_.feed([&](Ascent& core) {
    const auto key = core.lane_up(path, pair, world_.now());
    if (keep_ == Lanes::chosen) contenders_.emplace(key, Contender{&lane, path});
  });
  if (keep_ == Lanes::kept) events_.lane(lane, path);
}

}  // namespace pshare::sim
