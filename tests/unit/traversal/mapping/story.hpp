// What the tests of mapping protocols share: a gateway's addresses, and a core's unanswered life.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "../drained.hpp"
#include "wire/address.hpp"
#include "wire/time.hpp"

namespace pshare::testing {

inline constexpr TimePoint start{std::chrono::hours{1}};

inline IpAddress ip(std::string_view text) { return value_or_throw(IpAddress::parse(text)); }
inline Endpoint at(std::string_view text) { return value_or_throw(Endpoint::parse(text)); }

/// The actions of one kind, in order.
template <typename Wanted, typename Action>
std::vector<Wanted> only(const std::vector<Action>& actions) {
  std::vector<Wanted> out;
  for (const auto& action : actions)
    if (const auto* wanted = std::get_if<Wanted>(&action)) out.push_back(*wanted);
  return out;
}
template <typename Wanted, Core T>
std::vector<Wanted> drained_of(T& core) {
  return only<Wanted>(drained(core));
}

/// Lets a core live by its own deadlines up to `until`; gives what it wants done, with times since the start.
template <Core T>
std::vector<std::pair<Duration, typename T::Action>> lived(T& core, TimePoint until) {
  std::vector<std::pair<Duration, typename T::Action>> out;
  auto now = start;
  for (int steps = 0; steps < 10000; ++steps) {
    while (auto action = core.take()) out.emplace_back(now - start, std::move(*action));
    const auto due = core.deadline();
    if (!due || *due > until) return out;
    now = *due;
    core.expire(now);
  }
  throw std::runtime_error{"it never comes to rest"};
}
template <typename Wanted, typename Action>
std::vector<Duration> times_of(const std::vector<std::pair<Duration, Action>>& story) {
  std::vector<Duration> out;
  for (const auto& [when, action] : story)
    if (std::holds_alternative<Wanted>(action)) out.push_back(when);
  return out;
}

}  // namespace pshare::testing
