#include "transfer/lane_watch.hpp"

#include <algorithm>

namespace pshare {

void LaneWatch::joined(LaneNumber lane, TimePoint now) { lanes_.insert({lane, {now, now}}); }

bool LaneWatch::lost(LaneNumber lane, TimePoint now) {
  if (lanes_.erase(lane) == 0) return false;
  if (lanes_.empty()) laneless_since_ = now;
  return true;
}

void LaneWatch::heard(LaneNumber lane, TimePoint now) {
  if (const auto found = lanes_.find(lane); found != lanes_.end()) found->second.heard = now;
}

void LaneWatch::said(LaneNumber lane, TimePoint now) {
  if (const auto found = lanes_.find(lane); found != lanes_.end()) found->second.said = now;
}

std::optional<LaneNumber> LaneWatch::lowest() const {
  if (lanes_.empty()) return std::nullopt;
  return lanes_.begin()->first;
}

std::vector<LaneNumber> LaneWatch::all() const {
  std::vector<LaneNumber> out;
  for (const auto& [number, lane] : lanes_) out.push_back(number);
  return out;
}

std::vector<LaneNumber> LaneWatch::silent(TimePoint now) const {
  std::vector<LaneNumber> out;
  for (const auto& [number, lane] : lanes_)
    if (now - lane.heard >= lane_silence) out.push_back(number);
  return out;
}

std::vector<LaneNumber> LaneWatch::wordless(TimePoint now) const {
  std::vector<LaneNumber> out;
  for (const auto& [number, lane] : lanes_)
    if (now - lane.said >= lane_beat) out.push_back(number);
  return out;
}

bool LaneWatch::abandoned(TimePoint now) const { return lanes_.empty() && now - laneless_since_ >= laneless_patience; }

TimePoint LaneWatch::deadline() const {
  if (lanes_.empty()) return laneless_since_ + laneless_patience;
  auto earliest = TimePoint::max();
  for (const auto& [number, lane] : lanes_) earliest = std::min({earliest, lane.heard + lane_silence, lane.said + lane_beat});
  return earliest;
}

}  // namespace pshare
