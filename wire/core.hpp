// What every sans-I/O core offers to whoever drives it, so that one driver and one simulator fit all.
#pragma once

#include <concepts>
#include <optional>

#include "wire/time.hpp"

namespace pshare {

/// A core takes facts (by functions of its own, each with the time), and gives back actions and its next deadline.
/// After every call that feeds it, drain take() until it gives nothing.
template <typename T>
concept Core = requires(T core, const T& view, TimePoint now) {
  typename T::Action;
  { core.expire(now) } -> std::same_as<void>;                          // call when deadline() has come
  { view.deadline() } -> std::same_as<std::optional<TimePoint>>;       // nothing: only input can help
  { core.take() } -> std::same_as<std::optional<typename T::Action>>;  // the next action, in order
};

}  // namespace pshare
