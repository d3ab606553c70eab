#include "link.hpp"

#include <algorithm>

namespace pshare::sim {

Duration time_on_line(std::uint64_t bytes, BytesPerSecond rate) {
  if (rate.count == 0) return Duration::zero();
  const auto whole = bytes / rate.count, rest = bytes % rate.count;
  return std::chrono::seconds{whole} + std::chrono::nanoseconds{rest * 1'000'000'000 / rate.count};
}

bool DatagramLink::chance(double probability) {
  return probability > 0 && static_cast<double>(random_.below(1'000'000)) < probability * 1e6;
}

bool DatagramLink::lost() {
  // Gilbert's two states. The number of datagrams in the bad one is geometric, with the mean that was asked for.
  if (in_burst_ && chance(settings_.burst_length > 1 ? 1 / settings_.burst_length : 1)) in_burst_ = false;
  else if (!in_burst_ && chance(settings_.burst_begins)) in_burst_ = true;
  return in_burst_ || chance(settings_.loss);
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
