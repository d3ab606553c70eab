// Virtual time: what happens when, in order. Events of one moment happen in the order in which they were put in, so the
// same program makes the same run every time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "wire/time.hpp"

namespace pshare::sim {

/// More events than any honest run has: a livelock.
class TooManySteps : public std::runtime_error {
 public:
  TooManySteps() : std::runtime_error("the simulation goes round in circles: step limit reached") {}
};

class EventQueue {
 public:
  explicit EventQueue(std::uint64_t step_limit = 1'000'000) : step_limit_(step_limit) {}

  TimePoint now() const { return now_; }
  std::uint64_t steps() const { return steps_; }
  bool empty() const { return events_.empty(); }

  /// An event in the past happens now.
  void at(TimePoint when, std::function<void()> event) {
    events_.emplace(std::pair{std::max(when, now_), next_number_++}, std::move(event));
  }
  void in(Duration delay, std::function<void()> event) { at(now_ + delay, std::move(event)); }

  /// Lets the next event happen. False if there is none. Throws TooManySteps.
  bool step() {
    if (events_.empty()) return false;
    if (++steps_ > step_limit_) throw TooManySteps{};
    auto next = events_.extract(events_.begin());
    now_ = next.key().first;
    next.mapped()();
    return true;
  }

  /// When the next event is due.
  std::optional<TimePoint> next() const { return events_.empty() ? std::nullopt : std::optional{events_.begin()->first.first}; }

  /// Lets everything up to and at `when` happen, after which it is `when`.
  void run_to(TimePoint when) {
    while (!events_.empty() && events_.begin()->first.first <= when) step();
    now_ = std::max(now_, when);
  }

  /// Until `done` says so (looked at before every step), nothing happens any more, or `limit` has come. Gives done().
  bool run_until(const std::function<bool()>& done, TimePoint limit) {
    while (!done()) {
      if (events_.empty() || events_.begin()->first.first > limit) return false;
      step();
    }
    return true;
  }

 private:
  std::uint64_t step_limit_, steps_ = 0, next_number_ = 0;
  TimePoint now_{std::chrono::hours{1}};  // not zero, so that nobody takes zero for "now"
  std::map<std::pair<TimePoint, std::uint64_t>, std::function<void()>> events_;
};

}  // namespace pshare::sim
