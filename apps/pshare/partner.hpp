// The other side of a session, as the sender sees it: an offer goes to every device of a peer's, several may agree, and the first is the one. Its connection
// to the server may be made anew meanwhile, which makes another device of it for the server. Says which letters count, and where ours go.
#pragma once

#include <cstddef>
#include <set>
#include <utility>
#include <vector>

#include "wire/control.hpp"
#include "wire/signal.hpp"

namespace pshare {

/// Devices that have agreed too late and are remembered. Ours: a key may have as many at a server.
inline constexpr std::size_t max_late_devices = 32;

class Partner {
 public:
  enum class Letter { counts, too_late, ignored };  // too_late: it has agreed as well, and is to be told that another one was first

  Partner(DeviceId device, std::vector<Candidate> candidates) : device_(device), candidates_(std::move(candidates)) {}

  /// A signal of this session, signed by the peer. What it says of where its writer is, is noted.
  Letter sort(DeviceId from, const Signal& signal) {
    if (const auto* accept = std::get_if<Accept>(&signal)) {
      if (from == device_ || accept->candidates == candidates_) return Letter::ignored;  // said again, as the offer was
      if (late_.size() < max_late_devices) late_.insert(from);
      return Letter::too_late;
    }
    if (from == device_) return Letter::counts;
    // Only who has agreed goes on like that: it is on another connection to the server now.
    const bool goes_on = std::holds_alternative<Punch>(signal) || std::holds_alternative<MoreCandidates>(signal);
    if (!goes_on || late_.contains(from)) return Letter::ignored;
    device_ = from;
    return Letter::counts;
  }

  const DeviceId& device() const { return device_; }

 private:
  DeviceId device_;
  std::vector<Candidate> candidates_;
  std::set<DeviceId> late_;
};

}  // namespace pshare
