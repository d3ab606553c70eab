#include "transfer/lane_watch.hpp"

#include <algorithm>

namespace pshare {

void LaneWatch::joined(LaneNumber lane, TimePoint now) { lanes_.insert({lane, {.heard = now, .said = now}}); }

bool LaneWatch::lost(LaneNumber lane, TimePoint now) {
  if (lanes_.erase(lane) == 0) return false;
  if (lanes_.empty()) laneless_since_ = now;
  return true;
}

void LaneWatch::heard(LaneNumber lane, TimePoint now) {
  if (const auto found = lanes_.find(lane); found != lanes_.end()) found->second = {.heard = now, .said = found->second.said};
}

void LaneWatch::said(LaneNumber lane, TimePoint now) {
  if (const auto found = lanes_.find(lane); found != lanes_.end()) found->second.said = now;
}

void LaneWatch::doubt() {
  for (auto& [number, lane] : lanes_) lane.doubted = true;
}

void LaneWatch::bear_without(TimePoint until) { borne_until_ = until; }

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
    if (now >= lane.silent_at()) out.push_back(number);
  return out;
}

std::vector<LaneNumber> LaneWatch::wordless(TimePoint now) const {
  std::vector<LaneNumber> out;
  for (const auto& [number, lane] : lanes_)
    if (now - lane.said >= lane_beat) out.push_back(number);
  return out;
}

TimePoint LaneWatch::abandoned_at() const { return std::max(laneless_since_ + laneless_patience, borne_until_); }

bool LaneWatch::abandoned(TimePoint now) const { return lanes_.empty() && now >= abandoned_at(); }

TimePoint LaneWatch::deadline() const {
  if (lanes_.empty()) return abandoned_at();
  auto earliest = TimePoint::max();
  for (const auto& [number, lane] : lanes_) earliest = std::min({earliest, lane.silent_at(), lane.said + lane_beat});
  return earliest;
}

}  // namespace pshare
