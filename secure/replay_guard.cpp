#include "secure/replay_guard.hpp"

#include "secure/sealed.hpp"

namespace pshare {

bool ReplayGuard::first_time(const Nonce& nonce, UnixTime now) {
  const auto memory = max_signal_age + max_clock_skew;
  while (!by_age_.empty() && by_age_.begin()->first + memory < now) forget(by_age_.begin());
  if (!seen_.insert(nonce).second) return false;
  by_age_.emplace(now, nonce);
  if (seen_.size() > max_remembered_nonces) forget(by_age_.begin());
  return true;
}

void ReplayGuard::forget(std::multimap<UnixTime, Nonce>::iterator oldest) {
  seen_.erase(oldest->second);
  by_age_.erase(oldest);
}

}  // namespace pshare
