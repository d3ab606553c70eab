// The supernodes that the rendezvous knows: who offers to relay for others, where it was reached, and who is told of it (design section 7).
// Part of the rendezvous core, which asks for the looks that it wants; relay/io/relay_look.hpp takes them.
//
// A key has one supernode, the latest that offered itself: a ticket names a relay by its key alone. It is listed as long as its control connection
// lives, the last look found its key at its port, and it does not say that it is full.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "wire/address.hpp"
#include "wire/control.hpp"
#include "wire/ids.hpp"

namespace pshare {

inline constexpr std::size_t max_volunteers = 10'000;
/// Of one address (a /64 of IPv6), so that nobody fills the list with keys of their own. A household has one or two.
inline constexpr std::size_t max_volunteers_of_an_address = 8;

class Volunteers {
 public:
  struct Offer {
    DeviceId device;
    PeerId id;
    IpAddress subscriber;  // as which its address is counted
    Endpoint at;
    bool for_anyone = false, full = false;
  };
  enum class Verdict { look, known, too_many };
  /// look: it is not known to be there, or says that it has room (again), so somebody has to look; then looked(). known: nothing to do.
  Verdict offered(const Offer& offer);
  /// What came of a look. Nothing happens if it has offered something else meanwhile.
  void looked(DeviceId device, const PeerId& id, const Endpoint& at, bool found);
  /// Its control connection has ended, or it relays no more.
  void gone(DeviceId device, const PeerId& id);

  bool lists(const PeerId& id) const;
  /// At most max_relays: those of `trusted` first, then some of those that serve anyone, others each time. Never the asker's own.
  std::vector<RelayListing> list_for(const PeerId& asker, std::span<const PeerId> trusted);

  std::size_t size() const { return volunteers_.size(); }

 private:
  struct Volunteer {
    Offer offer;
    bool found = false;
    bool listed() const { return found && !offer.full; }
  };
  void forget(std::map<PeerId, Volunteer>::iterator place);

  std::map<PeerId, Volunteer> volunteers_;
  std::map<IpAddress, std::size_t> of_address_;
  PeerId last_listed_;  // of those for anyone: the next list goes on after it
};

}  // namespace pshare
