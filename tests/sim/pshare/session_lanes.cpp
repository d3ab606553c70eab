#include "pshare/session_lanes.hpp"

#include <utility>

namespace pshare::sim {

namespace {

/// As transfer/io/sender_session has it.
constexpr Duration last_words_patience = std::chrono::seconds{2};

}  // namespace

void SessionLanes::add(LaneStream& lane) {
  if (over_) return lane.close();
  const LaneNumber number{next_number_++};
  lanes_.emplace(number, &lane);
  user_.joined(number);  // first: what is read belongs to a lane that the core knows
  lane.listen({.message = [this, number](const LaneMessage& message) { if (!over_) user_.message(number, message); },
               .chunk = [this, number](const ChunkHeader& header, Content content) { if (!over_) user_.chunk(number, header, content); },
               .heard = [this, number] { if (!over_) user_.heard(number); },
               .ended = [this, number](const Error& why) { lost(number, why); }});
}

void SessionLanes::end() {
  if (std::exchange(over_, true)) return;
  for (const auto& [number, lane] : lanes_) lane->finish();
  host_.in(last_words_patience, [this] {
    for (const auto& [number, lane] : std::exchange(lanes_, {})) lane->close();
  });
}

void SessionLanes::say(LaneNumber number, const LaneMessage& message, std::function<void()> written) {
  if (const auto found = lanes_.find(number); found != lanes_.end()) found->second->say(message, std::move(written));
}

void SessionLanes::send_chunk(LaneNumber number, const ChunkHeader& header, Content content, std::function<void()> written) {
  const auto found = lanes_.find(number);
  if (found == lanes_.end()) return;
  sent_ += header.wire_length;
  found->second->send_chunk(header, content, std::move(written));
}

void SessionLanes::drop(LaneNumber number) {
  const auto found = lanes_.find(number);
  if (found == lanes_.end()) return;
  found->second->close();
  host_.in(Duration::zero(), [this, number] { lost(number, {.code = Errc::timed_out, .doing = "the lane has fallen silent"}); });
}

void SessionLanes::lost(LaneNumber number, const Error& why) {
  const auto found = lanes_.extract(number);
  if (!found) return;
  found.mapped()->close();
  if (!over_) user_.lost(number, why);
}

}  // namespace pshare::sim
