#include "link.hpp"

#include <algorithm>
#include <cmath>

namespace pshare::sim {

Duration time_on_line(std::uint64_t bytes, BytesPerSecond rate) {
  if (rate.count == 0) return Duration::zero();
  const auto whole = bytes / rate.count, rest = bytes % rate.count;
  return std::chrono::seconds{whole} + std::chrono::nanoseconds{rest * 1'000'000'000 / rate.count};
}

void DatagramLink::change(Settings settings) {
  settings_ = settings;
  in_burst_ = false;
  burst_changes_.reset();
}

Duration DatagramLink::drawn_around(Duration mean) {
  // Exponential; from (0, 1], so that the logarithm is finite.
  const auto share = static_cast<double>(random_.below(1'000'000) + 1) / 1e6;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double, Duration::period>{-std::log(share) * static_cast<double>(mean.count())});
}

bool DatagramLink::lost() {
  if (settings_.bursts_every > Duration::zero()) {
    if (!burst_changes_) burst_changes_ = events_.now() + drawn_around(settings_.bursts_every);
    while (*burst_changes_ <= events_.now()) {
      in_burst_ = !in_burst_;
      *burst_changes_ += std::max(drawn_around(in_burst_ ? settings_.burst_lasts : settings_.bursts_every), Duration{1});
    }
  }
  return in_burst_ || (settings_.loss > 0 && static_cast<double>(random_.below(1'000'000)) < settings_.loss * 1e6);
}

void DatagramLink::send(std::uint64_t bytes, std::function<void()> arrived) {
  if (lost() || (settings_.queue != 0 && queued_ + bytes > settings_.queue)) {
    ++dropped_;
    return;
  }
  auto ready = events_.now();
  if (settings_.rate.count != 0) {
    queued_ += bytes;
    line_free_ = ready = std::max(line_free_, ready) + time_on_line(bytes, settings_.rate);
    events_.at(line_free_, [this, bytes] { queued_ -= bytes; });
  }
  const auto late = settings_.jitter > Duration::zero()
                        ? Duration{static_cast<Duration::rep>(random_.below(static_cast<std::uint64_t>(settings_.jitter.count()) + 1))}
                        : Duration::zero();
  auto arrival = ready + settings_.delay + late;
  if (settings_.keeps_order) last_arrival_ = arrival = std::max(arrival, last_arrival_);
  events_.at(arrival, std::move(arrived));
}

void StreamLink::send(std::uint64_t bytes, std::function<void()> arrived, std::function<void()> written) {
  if (cut_) return;
  line_free_ = std::max(line_free_, events_.now()) + time_on_line(bytes, settings_.rate);
  const auto unless_cut = [this](std::function<void()> event) {
    return [this, event = std::move(event)] {
      if (!cut_) event();
    };
  };
  if (written) events_.at(line_free_, unless_cut(std::move(written)));
  events_.at(line_free_ + settings_.delay, unless_cut(std::move(arrived)));
}

}  // namespace pshare::sim
