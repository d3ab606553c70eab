// The relays of this program: which supernodes the server lists that we trust, how far they are, whether the server relays itself, and tickets for
// them. One for all sessions.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "io/asio.hpp"
#include "io/wakeup.hpp"
#include "traversal/io/relay_dial.hpp"
#include "traversal/io/rendezvous_client.hpp"
#include "traversal/relay_choice.hpp"
#include "wire/ids.hpp"
#include "wire/reason.hpp"

namespace pshare {

/// How long the list of supernodes may take to come.
inline constexpr Duration relay_list_patience = std::chrono::seconds{5};
/// How long a supernode may take to answer when others have. As long as none has, the longer one counts: a SYN may be lost, and a proxy has a way of its own.
inline constexpr Duration relay_distance_patience = std::chrono::seconds{1};
inline constexpr Duration longest_relay_distance_patience = std::chrono::seconds{3};
/// A list that is older is fetched anew for the next session.
inline constexpr Duration relay_list_lifetime = std::chrono::seconds{60};

class RelayGuide {
 public:
  /// Whose supernodes we trust, as of now.
  using Trusted = std::function<std::vector<PeerId>()>;

  /// All references live longer.
  RelayGuide(asio::any_io_executor executor, RelayWay way, RendezvousClient& server, Trusted trusted);

  /// Fetches the list and measures, unless that was done just now; the look that is under way will do. Never throws Failure: without a word from the
  /// server it is as it was before.
  awaitable<void> look();
  /// Those that answered, by the latest look to which the server gave its list. Nothing before the first.
  const std::optional<std::vector<NearRelay>>& nearby() const { return near_; }
  void forget() { looked_at_.reset(); }

  /// The server's own relay. Nothing if it does not relay, as far as is known.
  std::optional<RelayPlace> of_server() const;
  /// Which of the two relayed tiers that is; nothing for a relay that we have no reason to trust.
  std::optional<Tier> tier_of(const PeerId& relay) const;

  /// Errors: those of RendezvousClient::ticket().
  awaitable<ByteBuffer> ticket(SessionId session, PeerId peer, PeerId relay, TimePoint until) {
    return server_.ticket(session, peer, relay, until);
  }
  const RelayWay& way() const { return way_; }

 private:
  struct Measuring {
    std::vector<NearRelay>& nearby;
    std::size_t open = 0;
    Wakeup news;
  };
  awaitable<void> measure(RelayListing listing, Measuring& all);

  asio::any_io_executor executor_;
  RelayWay way_;
  RendezvousClient& server_;
  Trusted trusted_;
  std::optional<std::vector<NearRelay>> near_;
  std::optional<TimePoint> looked_at_;
  bool looking_ = false;
  std::size_t looks_ = 0;  // that came to their end
  Wakeups looked_;
};

}  // namespace pshare
