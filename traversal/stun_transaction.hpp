// One STUN request and its answer over UDP (RFC 8489 section 6.2.1), as a core: sends the request at once, again after RTO, 2 RTO, 4 RTO, ...
// until it was sent Rc times, and waits Rm RTO for an answer to the last one. With the RFC's numbers: sent after 0, 0.5, 1.5, 3.5, 7.5,
// 15.5 and 31.5 s, and given up after 39.5 s. Where to, from which socket and whether the answer may be believed is for the owner to know: a
// transaction whose answer carries a proof is fed only with answers whose proof holds (section 9.1.4).
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <variant>

#include "wire/bytes.hpp"
#include "wire/core.hpp"
#include "wire/stun.hpp"
#include "wire/time.hpp"

namespace pshare {

class StunTransaction {
 public:
  /// RFC 8489 section 6.2.1.
  struct Settings {
    Duration rto = std::chrono::milliseconds{500};  // first wait; doubled after each send
    int sends = 7;                                  // Rc, at least 1
    int last_wait = 16;                             // Rm: how many RTO to wait after the last send
    Duration longest_wait = Duration::max();        // not in the RFC: no wait between two sends is longer than this; not shorter than rto
  };

  struct Send     { ByteBuffer bytes; };
  struct Answered { ReceivedStun answer; };  // a success or an error; with something in not_understood it failed (section 6.3.3)
  struct TimedOut {};
  using Action = std::variant<Send, Answered, TimedOut>;  // Answered and TimedOut are the last

  /// `request` is an encoded STUN request (asserted).
  StunTransaction(ByteBuffer request, Settings settings, TimePoint now);

  /// Says whether this is an answer to our request: a second one too, which changes nothing any more, as all that is none.
  bool receive(const ReceivedStun& received, TimePoint now);
  bool receive(ByteView datagram, TimePoint now);

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

  const TransactionId& id() const { return asked_.id; }
  bool ended() const { return std::holds_alternative<Over>(state_); }

 private:
  struct Waiting { TimePoint until; Duration wait; int sends_left; };  // `wait`: between the last send and `until`
  struct Over    {};

  void send(Duration wait, int sends_left, TimePoint now);

  ByteBuffer request_;
  StunMessage asked_;
  Settings settings_;
  std::variant<Waiting, Over> state_;
  std::deque<Action> actions_;
};

}  // namespace pshare
