// How long an idle UDP mapping lives (RFC 4787 section 4.3), by RFC 5780 section 4.6, as a core. Instead of searching by halves with one mapping it makes one for
// each time that is in question, and looks at each just once, so that it is over when the longest has passed.
//
// It owns no sockets: they are numbered, and all are fresh. Number 0 asks; each other one makes a mapping and is then silent until its time has come: then 0 asks
// the server to answer to that mapping's port (RESPONSE-PORT), and what comes in shows that it still lives. Looking at it would have kept it alive.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "traversal/nat/nat_behaviour.hpp"
#include "traversal/stun_transaction.hpp"
#include "wire/core.hpp"
#include "wire/random.hpp"

namespace pshare {

/// Times that are worth asking about, up to `limit`: around what RFC 4787 (2 and 5 minutes), Linux (30 s, 2 minutes) and hasty NATs have.
std::vector<Duration> lifetimes_to_try(Duration limit);

class LifetimeMeasurement {
 public:
  struct Settings {
    /// Six times within 1.6 s: silence is to mean that the mapping is gone.
    StunTransaction::Settings transaction{.rto = std::chrono::milliseconds{50}, .sends = 6, .last_wait = 10};
  };

  struct Send     { std::size_t socket; Endpoint to; ByteBuffer bytes; };
  struct Measured { std::optional<MappingLifetime> lifetime; };  // nothing: no answer at all, or the server does not know RESPONSE-PORT
  using Action = std::variant<Send, Measured>;

  /// Takes waits.size() + 1 sockets.
  LifetimeMeasurement(std::vector<Duration> waits, Endpoint server, Settings settings, Random& random, TimePoint now);

  /// False: nothing of ours.
  bool arrived(std::size_t socket, const Endpoint& from, const ReceivedStun& received, TimePoint now);
  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

 private:
  struct Mapping {
    Duration wait;
    StunTransaction making;                      // asks how the socket is seen
    std::optional<Endpoint> external = {};
    std::optional<TimePoint> look_at = {};
    std::optional<StunTransaction> looking = {};
    bool lives = false;
    bool is_over() const { return looking ? looking->ended() : making.ended() && !look_at; }
  };

  void drain(StunTransaction& transaction, std::size_t socket);
  void end_if_over();

  Endpoint server_;
  Settings settings_;
  Random& random_;
  std::vector<Mapping> mappings_;  // of socket 1 and on
  bool understood_ = true, ended_ = false;
  std::deque<Action> actions_;
};

}  // namespace pshare
