// One offer to one peer: made, made again where it may have got lost, answered, taken back.
#pragma once

#include <string>

#include "apps/pshare/addressee.hpp"
#include "apps/pshare/correspondence.hpp"
#include "apps/pshare/online.hpp"
#include "apps/pshare/program.hpp"

namespace pshare {

inline constexpr DeviceId every_device{};

class Offering {
 public:
  struct Terms {
    TimePoint patience;     // for the answer
    bool underway = false;  // the transfer has had a path before: their program answers by itself
  };

  /// All references live longer.
  Offering(Program& program, Online& online, const Addressee& to, Offer made, Terms terms);

  /// Offers, and waits for the acceptance, from the first device that gives it; Ctrl-C meanwhile takes the offer back. Throws what the answer
  /// comes to, if it is another: declined, local_io, busy, cancelled; offline, no_answer (underway: unreachable), interrupted; what the server refuses.
  awaitable<Letter> agree(Correspondence::Slot& slot);

 private:
  awaitable<void> make();
  awaitable<Fate> say();
  awaitable<void> offer_again_after_reconnection();
  awaitable<void> offer_again_unanswered();
  awaitable<Letter> answer(Correspondence::Slot& slot);

  Program& program_;
  Online& online_;
  const Addressee& to_;
  const Offer made_;
  const Terms terms_;
  bool waiting_ = false;  // it waits at the server
};

/// The other side was lost in the middle, and did not come back.
Failure gave_up(const std::string& peer, Duration after, const std::string& at_last);

/// Tells the server and the peer's devices that an offer, or the session that came of it, is no more. What goes wrong is told as a detail.
awaitable<void> take_back(Program& program, Online& online, const Addressee& to, SessionId session, Cancel::Why why);

}  // namespace pshare
