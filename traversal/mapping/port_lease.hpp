// One port mapping, for as long as we want it: asked for, held, renewed with the same external port, proved, repaired once, given back. Knows
// no protocol: the owner passes on what it wants to a client (pcp_client, ...) and tells it what that was answered.
//
// Renewed at half of the lease, then at half of what is left, and so on (RFC 6887 section 11.2.1, RFC 6886 section 3.3). A mapping that the gateway
// lists and that lets nothing in, which the server's dial-back shows, is taken away and made anew, once; then it is given up.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <variant>

#include "traversal/mapping/mapping.hpp"
#include "wire/core.hpp"

namespace pshare {

class PortLease {
 public:
  /// Fixed by RFC 6887 section 11.2.1: two renewals are not closer.
  static constexpr Duration shortest_pause = std::chrono::seconds{4};
  // Ours: how long an answer to a first request, or to taking away what is to be made anew, is waited for.
  static constexpr Duration patience = std::chrono::seconds{10}, repair_patience = std::chrono::seconds{2};

  struct Ask { Port suggested; };  // the external port
  struct Release {};
  /// Nothing is held any more and nothing will be. Given up with igd_refused, timeout, or unreachable (it was listed and dead); Reason::none: given back.
  struct Ended { Reason reason = Reason::none; std::string said; };
  using Action = std::variant<Ask, Release, Ended>;

  PortLease(Port wanted, TimePoint now);

  void granted(const MappingGranted& answer, TimePoint now);
  void denied(const MappingDenied& answer, TimePoint now);
  void released(TimePoint now);
  void gateway_forgot(TimePoint now);
  /// The server was asked to dial it, and got through or did not.
  void dialled(bool arrived, TimePoint now);
  /// Deletes it, also if nobody has answered yet.
  void give_back(TimePoint now);

  /// While it is held.
  std::optional<Endpoint> external() const;
  bool is_proved() const { return proved_; }
  bool ended() const { return std::holds_alternative<Over>(state_); }

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

 private:
  struct Asking    { TimePoint until; };
  struct Held      { Endpoint external; std::optional<TimePoint> renew_at, ends_at; std::string said; };  // `said`: why it is not renewed
  struct Repairing { TimePoint until; };  // is being taken away, to be made anew
  struct GivingBack { Reason reason; std::string said; };
  struct Over      {};

  void ask(TimePoint now);
  void renew(Held& held, TimePoint now);
  void end(Reason reason, std::string said);

  Port wanted_;
  bool proved_ = false, repaired_ = false;
  std::variant<Asking, Held, Repairing, GivingBack, Over> state_;
  std::deque<Action> actions_;
};

}  // namespace pshare
