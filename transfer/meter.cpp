#include "transfer/meter.hpp"

#include <algorithm>

namespace pshare {

namespace {

// Points and waits closer together than this are one, so that the meter's memory does not depend on the speed.
constexpr Duration grain = meter_window / 64;

double seconds(Duration duration) { return std::chrono::duration<double>{duration}.count(); }

}  // namespace

Meter::Meter(TimePoint now) : points_{{now, 0}} {}

void Meter::forget(TimePoint now) {
  while (points_.size() > 1 && points_[1].at <= now - meter_window) points_.pop_front();
  while (!waits_.empty() && waits_.front().until <= now - meter_window) waits_.pop_front();
}

void Meter::done(std::uint64_t bytes, TimePoint now) {
  forget(now);
  if (!started_) {
    started_ = true;
    points_ = {{now, bytes}};
    return;
  }
  auto& last = points_.back();
  bytes = std::max(bytes, last.bytes);
  if (points_.size() > 1 && now - points_[points_.size() - 2].at < grain) {
    last = {now, bytes};
  } else {
    points_.push_back({now, bytes});
  }
}

void Meter::waited(Bottleneck what, Duration how_long, TimePoint now) {
  forget(now);
  const auto same = std::find_if(waits_.rbegin(), waits_.rend(), [&](const Wait& wait) { return wait.what == what; });
  if (same != waits_.rend() && now - same->until < grain) {
    same->length += how_long;
  } else {
    waits_.push_back({now, what, how_long});
  }
}

BytesPerSecond Meter::rate(TimePoint now) const {
  const auto begin = now - meter_window;
  // The first point may lie before the window; what was done between it and the next is shared out evenly.
  const auto& last = points_.back();
  auto from = static_cast<double>(points_.front().bytes);
  auto since = points_.front().at;
  for (std::size_t i = 0; i + 1 < points_.size() && points_[i].at < begin; ++i) {
    const auto& a = points_[i];
    const auto& b = points_[i + 1];
    if (b.at <= begin) {
      from = static_cast<double>(b.bytes), since = b.at;
    } else {
      from = static_cast<double>(a.bytes) + static_cast<double>(b.bytes - a.bytes) * (seconds(begin - a.at) / seconds(b.at - a.at));
      since = begin;
    }
  }
  since = std::max(since, begin);
  if (now <= since) return {0};
  return {static_cast<std::uint64_t>(std::max(0.0, static_cast<double>(last.bytes) - from) / seconds(now - since))};
}

std::optional<Duration> Meter::remaining(std::uint64_t total, TimePoint now) const {
  const auto done = points_.back().bytes;
  if (done >= total) return Duration::zero();
  const auto speed = rate(now).count;
  if (speed == 0) return std::nullopt;
  const std::chrono::duration<double> time{static_cast<double>(total - done) / static_cast<double>(speed)};
  constexpr auto longest = std::chrono::hours{24 * 365};
  return std::chrono::duration_cast<Duration>(std::min<std::chrono::duration<double>>(time, longest));
}

std::optional<Meter::Bottleneck> Meter::bottleneck(TimePoint now) const {
  std::array<Duration, 5> sums{};
  for (const auto& wait : waits_)
    if (wait.until > now - meter_window) sums[static_cast<std::size_t>(wait.what)] += wait.length;
  const auto longest = std::ranges::max_element(sums);
  if (*longest < meter_least_wait) return std::nullopt;
  return static_cast<Bottleneck>(longest - sums.begin());
}

}  // namespace pshare
