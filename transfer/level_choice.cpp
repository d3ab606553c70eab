#include "transfer/level_choice.hpp"

#include <algorithm>
#include <chrono>

namespace pshare {

namespace {

/// Level 1 on one worker before anything was measured, in bytes each second. What zstd does on an ordinary machine of 2020.
constexpr double expected_speed = 400e6;
/// Older measurements of the wire count half after so many bytes.
constexpr double wire_memory = 16e6;
/// How much of the old value a new measurement of a compressor leaves.
constexpr double speed_inertia = 0.75;
/// While compression is off nothing measures the compressor, which may have been slow for a passing reason. After so many
/// chunks the memory of that fades a little, so that in time one is compressed as a test.
constexpr std::size_t fading_chunks = 64;
constexpr double fading = 0.05;

double seconds(Duration duration) { return std::chrono::duration<double>{duration}.count(); }

}  // namespace

LevelChoice::LevelChoice(LevelSetting setting, std::size_t workers)
    : setting_(setting), workers_(static_cast<double>(std::max<std::size_t>(1, workers))) {}

void LevelChoice::lanes(std::size_t count) { lanes_ = static_cast<double>(std::max<std::size_t>(1, count)); }

void LevelChoice::wrote(std::uint64_t bytes, Duration busy) {
  const auto more = static_cast<double>(bytes);
  const auto kept = wire_memory / (wire_memory + more);
  wire_bytes_ = wire_bytes_ * kept + more;
  wire_seconds_ = wire_seconds_ * kept + std::max(0.0, seconds(busy));
}

void LevelChoice::compressed(int level, std::uint64_t raw, std::uint64_t, Duration took) {
  const auto step = std::ranges::find(steps, level, &Step::level);
  if (step == steps.end() || seconds(took) <= 0) return;
  auto& speed = speeds_[static_cast<std::size_t>(step - steps.begin())];
  const auto measured = static_cast<double>(raw) / seconds(took);
  speed = speed ? *speed * speed_inertia + measured * (1 - speed_inertia) : measured;
}

double LevelChoice::compressor_speed(std::size_t step) const {
  if (speeds_[step]) return *speeds_[step] * workers_;
  // The nearest cheaper level that was measured says how this machine compares with what was expected.
  for (auto known = step; known-- > 0;)
    if (speeds_[known]) return *speeds_[known] * steps[step].speed / steps[known].speed * workers_;
  return expected_speed * steps[step].speed * workers_;
}

LevelChoice::Choice LevelChoice::next(const Sample& sample) {
  if (sample.zeros) return {Choice::How::zeros, 0};
  if (setting_.mode == LevelSetting::Mode::none || sample.ratio >= worthwhile_ratio) return {};
  if (setting_.mode == LevelSetting::Mode::fixed) return {Choice::How::zstd, setting_.level};

  // Nothing measured yet: level 1 costs little even where it turns out not to pay.
  if (wire_bytes_ == 0) return {Choice::How::zstd, steps.front().level};
  if (wire_seconds_ <= 0) return {};
  const auto wire = wire_bytes_ / wire_seconds_ * lanes_;

  Choice best;
  double best_rate = wire * compression_margin;
  for (std::size_t step = 0; step < steps.size(); ++step) {
    const auto rate = std::min(compressor_speed(step), wire / (sample.ratio * steps[step].gain));
    // Of what is nearly equal the cheapest, which comes first.
    if (rate <= best_rate * (best.how == Choice::How::zstd ? 1.02 : 1.0)) continue;
    best = {Choice::How::zstd, steps[step].level};
    best_rate = rate;
  }
  if (best.how == Choice::How::zstd) {
    uncompressed_ = 0;
  } else if (++uncompressed_ % fading_chunks == 0) {
    for (std::size_t step = 0; step < steps.size(); ++step)
      if (const auto expected = expected_speed * steps[step].speed; speeds_[step] && *speeds_[step] < expected)
        *speeds_[step] += (expected - *speeds_[step]) * fading;
  }
  return best;
}

}  // namespace pshare
