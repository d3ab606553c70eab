#include "io/happy_eyeballs.hpp"

#include <utility>

namespace pshare {

std::vector<Endpoint> interleaved(std::vector<Endpoint> endpoints) {
  if (endpoints.empty()) return endpoints;
  const bool first_is_v6 = endpoints.front().address.is_v6();
  std::vector<Endpoint> preferred, others, out;
  for (auto& endpoint : endpoints) (endpoint.address.is_v6() == first_is_v6 ? preferred : others).push_back(endpoint);
  for (std::size_t i = 0; i < preferred.size() || i < others.size(); ++i) {
    if (i < preferred.size()) out.push_back(preferred[i]);
    if (i < others.size()) out.push_back(others[i]);
  }
  return out;
}

HappyEyeballs::HappyEyeballs(std::size_t attempts, TimePoint now, Duration delay)
    : attempts_(attempts), delay_(delay), next_start_(now) {
  if (attempts_ == 0)
    actions_.push_back(Exhausted{});
  else
    start_next(now);
}

void HappyEyeballs::added(std::size_t more, TimePoint now) {
  attempts_ += more;
  // Whoever was added while nothing was left to wait for need not wait either.
  if (started_ == failed_ || now >= next_start_) start_next(now);
}

void HappyEyeballs::failed(std::size_t, TimePoint now) {
  ++failed_;
  if (started_ < attempts_)
    start_next(now);
  else if (failed_ == attempts_)
    actions_.push_back(Exhausted{});
}

void HappyEyeballs::expire(TimePoint now) {
  if (const auto due = deadline(); due && *due <= now) start_next(now);
}

std::optional<TimePoint> HappyEyeballs::deadline() const {
  if (started_ == attempts_) return std::nullopt;
  return next_start_;
}

std::optional<HappyEyeballs::Action> HappyEyeballs::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

void HappyEyeballs::start_next(TimePoint now) {
  if (started_ == attempts_) return;
  actions_.push_back(Dial{started_++});
  next_start_ = now + delay_;
}

}  // namespace pshare
