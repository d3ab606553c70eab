#include "traversal/mapping/port_lease.hpp"

#include <algorithm>
#include <utility>

namespace pshare {

PortLease::PortLease(Port wanted, TimePoint now) : wanted_(wanted) { ask(now); }

void PortLease::ask(TimePoint now) {
  state_ = Asking{now + patience};
  actions_.emplace_back(Ask{wanted_});
}

void PortLease::granted(const MappingGranted& answer, TimePoint now) {
  const auto* const before = std::get_if<Held>(&state_);
  if (before == nullptr && !std::holds_alternative<Asking>(state_)) return;
  if (before == nullptr || before->external != answer.external) proved_ = false;
  Held held{.external = answer.external, .renew_at = {}, .ends_at = {}, .said = {}};
  if (answer.lifetime) {
    held.ends_at = now + *answer.lifetime;
    held.renew_at = now + std::max<Duration>(*answer.lifetime / 2, shortest_pause);
  }
  wanted_ = answer.external.port;
  state_ = std::move(held);
}

void PortLease::denied(const MappingDenied& answer, TimePoint /*now*/) {
  if (auto* const held = std::get_if<Held>(&state_)) {
    held->said = answer.said;  // what we have lasts until it ends, and is asked for again before
  } else if (std::holds_alternative<Asking>(state_)) {
    end(Reason::igd_refused, answer.said);
  }
}

void PortLease::released(TimePoint now) {
  if (std::holds_alternative<Repairing>(state_)) {
    ask(now);
  } else if (auto* const giving = std::get_if<GivingBack>(&state_)) {
    end(giving->reason, std::move(giving->said));
  }
}

void PortLease::gateway_forgot(TimePoint now) {
  auto* const held = std::get_if<Held>(&state_);
  if (held == nullptr) return;
  proved_ = false;
  renew(*held, now);
}

void PortLease::dialled(bool arrived, TimePoint now) {
  if (!std::holds_alternative<Held>(state_)) return;
  proved_ = arrived;
  if (arrived) return;
  actions_.emplace_back(Release{});
  if (std::exchange(repaired_, true)) {
    state_ = GivingBack{Reason::unreachable, "listed, but nothing comes in"};
  } else {
    state_ = Repairing{now + repair_patience};
  }
}

void PortLease::give_back(TimePoint /*now*/) {
  if (ended()) return;
  if (!std::holds_alternative<GivingBack>(state_)) actions_.emplace_back(Release{});
  state_ = GivingBack{Reason::none, {}};
}

std::optional<Endpoint> PortLease::external() const {
  const auto* const held = std::get_if<Held>(&state_);
  return held != nullptr ? std::optional{held->external} : std::nullopt;
}

void PortLease::renew(Held& held, TimePoint now) {
  actions_.emplace_back(Ask{wanted_});
  if (held.ends_at) held.renew_at = now + std::max<Duration>((*held.ends_at - now) / 2, shortest_pause);
}

void PortLease::expire(TimePoint now) {
  if (auto* const held = std::get_if<Held>(&state_)) {
    if (held->ends_at && now >= *held->ends_at) {
      const auto reason = held->said.empty() ? Reason::timeout : Reason::igd_refused;
      end(reason, std::move(held->said));
    } else if (held->renew_at && now >= *held->renew_at) {
      renew(*held, now);
    }
  } else if (const auto* const asking = std::get_if<Asking>(&state_); asking != nullptr && now >= asking->until) {
    end(Reason::timeout, {});
  } else if (const auto* const repairing = std::get_if<Repairing>(&state_); repairing != nullptr && now >= repairing->until) {
    ask(now);
  }
}

std::optional<TimePoint> PortLease::deadline() const {
  if (const auto* const held = std::get_if<Held>(&state_)) {
    if (!held->ends_at) return std::nullopt;
    return std::min(*held->renew_at, *held->ends_at);
  }
  if (const auto* const asking = std::get_if<Asking>(&state_)) return asking->until;
  if (const auto* const repairing = std::get_if<Repairing>(&state_)) return repairing->until;
  return std::nullopt;
}

void PortLease::end(Reason reason, std::string said) {
  proved_ = false;
  state_ = Over{};
  actions_.emplace_back(Ended{reason, std::move(said)});
}

std::optional<PortLease::Action> PortLease::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace pshare
