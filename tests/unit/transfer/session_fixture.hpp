// What the tests of sender and receiver have in common: taking actions, and picking out what was said.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "transfer/checksum.hpp"
#include "transfer/manifest.hpp"
#include "transfer/sender.hpp"

namespace pshare {

inline constexpr TimePoint session_start{std::chrono::seconds{1000}};
inline constexpr TransferId the_transfer{{std::byte{9}}};
inline constexpr LaneNumber first_lane{1}, second_lane{2};

/// One file of so many chunks of the smallest size, the last a byte short.
inline Manifest manifest_of(std::uint64_t chunks) {
  Manifest manifest;
  value_or_throw(manifest.add({.name = "file", .size = chunks == 0 ? 0 : chunks * min_chunk_size - 1}));
  manifest.seal(min_chunk_size);
  return manifest;
}

template <typename Core>
std::vector<typename Core::Action> drain(Core& core) {
  std::vector<typename Core::Action> out;
  while (auto action = core.take()) out.push_back(*std::move(action));
  return out;
}

/// All messages of this type among the actions, whatever the lane.
template <typename Message, typename Core>
std::vector<Message> said_in(const std::vector<typename Core::Action>& actions) {
  std::vector<Message> out;
  for (const auto& action : actions)
    if (const auto* say = std::get_if<typename Core::Say>(&action))
      if (const auto* message = std::get_if<Message>(&say->message)) out.push_back(*message);
  return out;
}

template <typename Wanted, typename Action>
std::vector<Wanted> all_of(const std::vector<Action>& actions) {
  std::vector<Wanted> out;
  for (const auto& action : actions)
    if (const auto* wanted = std::get_if<Wanted>(&action)) out.push_back(*wanted);
  return out;
}

/// The trouble that the session ended with, if it did.
template <typename Core>
std::optional<Error> trouble_in(const std::vector<typename Core::Action>& actions) {
  const auto ends = all_of<typename Core::Ended>(actions);
  return ends.empty() ? std::nullopt : ends.front().trouble;
}

inline std::vector<ChunkIndex> chunks(std::initializer_list<std::uint64_t> numbers) {
  std::vector<ChunkIndex> out;
  for (const auto number : numbers) out.push_back(ChunkIndex{number});
  return out;
}

}  // namespace pshare
