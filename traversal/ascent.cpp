#include "traversal/ascent.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "traversal/overloaded.hpp"

namespace pshare {

namespace {

std::vector<Rung> rungs_of(const std::vector<Tier>& tiers) {
  std::vector<Rung> rungs;
  for (const auto tier : tiers) rungs.push_back({.tier = tier});
  return rungs;
}

Reason reason_of(Errc code) {
  switch (code) {
    case Errc::refused: return Reason::refused;
    case Errc::timed_out: return Reason::timeout;
    case Errc::identity_mismatch:
    case Errc::malformed:  // something else answers there
    case Errc::limit: return Reason::not_authenticated;
    case Errc::closed: return Reason::superseded;  // the peer had no use for this lane: it has a better one
    default: return Reason::unreachable;
  }
}

/// Which of several reasons tells most about why a tier failed: the one that got furthest.
int telling(Reason reason) {
  switch (reason) {
    case Reason::superseded: return 5;
    case Reason::not_authenticated: return 4;
    case Reason::timeout: return 3;  // a firewall, most likely: more worth knowing than a stale address that refuses
    case Reason::refused: return 2;
    case Reason::unreachable: return 1;
    default: return 0;
  }
}

}  // namespace

bool Ascent::drives(Tier tier, const Settings& settings) {
  return tier == Tier::direct && settings.tcp_allowed && std::find(settings.tiers.begin(), settings.tiers.end(), tier) != settings.tiers.end();
}

Ascent::Ascent(std::vector<Pair> pairs, Settings settings, Random& random, TimePoint now)
    : pairs_(std::move(pairs)),
      settings_(std::move(settings)),
      began_(now),
      ladder_(rungs_of(settings_.tiers), {.patience = std::max(settings_.patience, Duration::zero())}, random, now) {
  follow_ladder(now);
}

LaneKey Ascent::lane_up(const Path& path, std::optional<std::size_t> pair, TimePoint now) {
  const LaneKey key{next_lane_++};
  // The first is what the attempt came to, whoever dialled; those after it are spares.
  if (key.number == 0) report(path.tier, Outcome::connected, Reason::none, path.remote, now);
  ladder_.lane_up(key, path, now);
  if (pair) tried_.erase(*pair);
  if (pair && dialling_) {
    --dialling_->under_way;
    dialling_->more = false;
    dial_due(now);
  }
  follow_ladder(now);
  return key;
}

void Ascent::dial_failed(std::size_t pair, Errc why, TimePoint now) {
  const auto reason = reason_of(why);
  tried_[pair] = reason;
  if (!dialling_) return;
  --dialling_->under_way;
  if (telling(reason) > telling(dialling_->reason)) dialling_->reason = reason;
  dialling_->pace.failed(pair, now);
  dial_due(now);
  follow_ladder(now);
}

void Ascent::expire(TimePoint now) {
  if (dialling_ && dialling_->more) {
    dialling_->pace.expire(now);
    dial_due(now);
  }
  ladder_.expire(now);
  follow_ladder(now);
}

std::optional<TimePoint> Ascent::deadline() const {
  const auto of_ladder = ladder_.deadline();
  const auto of_pace = dialling_ && dialling_->more ? dialling_->pace.deadline() : std::nullopt;
  return of_ladder && of_pace ? std::min(*of_ladder, *of_pace) : of_ladder ? of_ladder : of_pace;
}

std::optional<Ascent::Action> Ascent::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

void Ascent::follow_ladder(TimePoint now) {
  while (const auto action = ladder_.take())
    std::visit(Overloaded{
                   [&](const Ladder::Start& begin) { start(begin.tier, now); },
                   [&](const Ladder::Stop&) {  // only direct ever runs
                     if (dialling_) dialling_->more = false;
                   },
                   [&](const Ladder::Winner& winner) { actions_.push_back(Use{winner.lane}); },
                   [&](const Ladder::Drop& drop) { actions_.push_back(Close{drop.lane}); },
                   [&](const Ladder::GaveUp& gave_up) {
                     report_unfinished(gave_up.reasons, now);
                     actions_.push_back(GaveUp{no_path(gave_up.reasons)});
                   },
               },
               *action);
}

void Ascent::start(Tier tier, TimePoint now) {
  if (!drives(tier, settings_)) return attempt_failed(tier, Reason::unsupported, now);
  dialling_.emplace(Dialling{.pace = HappyEyeballs{pairs_.size(), now}, .reason = pairs_.empty() ? Reason::no_candidates : Reason::none});
  dial_due(now);
}

void Ascent::dial_due(TimePoint now) {
  auto& dialling = *dialling_;
  while (const auto action = dialling.pace.take()) {
    const auto* next = std::get_if<HappyEyeballs::Dial>(&*action);
    dialling.more = dialling.more && next != nullptr;
    if (!dialling.more) continue;
    tried_[next->attempt] = Reason::timeout;  // until we know better
    actions_.push_back(Dial{next->attempt});
    ++dialling.under_way;
  }
  if (dialling.under_way > 0 || dialling.more) return;
  const auto reason = dialling.reason;
  dialling_.reset();
  if (next_lane_ > 0)  // by this dialling, or the peer came to us meanwhile
    ladder_.attempt_ended(Tier::direct, Outcome::connected, Reason::none, now);
  else
    attempt_failed(Tier::direct, reason, now);
}

void Ascent::attempt_failed(Tier tier, Reason reason, TimePoint now) {
  report(tier, Outcome::failed, reason, std::nullopt, now);
  ladder_.attempt_ended(tier, Outcome::failed, reason, now);
}

/// An attempt that patience has cut short ends here: nobody waits for its dials.
void Ascent::report_unfinished(const std::vector<Ladder::TierReason>& reasons, TimePoint now) {
  for (const auto& [tier, reason] : reasons)
    if (tier == Tier::direct && dialling_) report(tier, Outcome::failed, reason, std::nullopt, now);
}

void Ascent::report(Tier tier, Outcome outcome, Reason reason, std::optional<Endpoint> remote, TimePoint now) {
  actions_.push_back(Report{{.tier = tier, .outcome = outcome, .reason = reason, .elapsed = now - began_, .remote = remote}});
}

Error Ascent::no_path(const std::vector<Ladder::TierReason>& reasons) const {
  std::string words;
  for (const auto& [tier, reason] : reasons) {
    words += words.empty() ? "" : "; ";
    words += std::string{word(tier)} + ": " + std::string{word(reason)};
    if (tier != Tier::direct || tried_.empty()) continue;
    std::string addresses;
    for (const auto& [pair, came_of_it] : tried_)
      addresses += (addresses.empty() ? " (" : ", ") + pairs_[pair].remote.text() + " " + std::string{word(came_of_it)};
    words += addresses + ")";
  }
  return {.code = Errc::no_path,
          .doing = "no path to the peer; tried " + (words.empty() ? "nothing: no tier is allowed" : words),
          .hint = "put both machines on one network, or forward a port to one of them and name it there with --port"};
}

}  // namespace pshare
