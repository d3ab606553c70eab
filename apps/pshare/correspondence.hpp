// Signals between us and peers, sealed and signed, through a server that is not trusted: what arrives is opened, checked, and handed
// to whoever waits for it.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "io/asio.hpp"
#include "io/wakeup.hpp"
#include "secure/identity.hpp"
#include "secure/replay_guard.hpp"
#include "secure/sealed.hpp"
#include "traversal/io/rendezvous_client.hpp"
#include "wire/signal.hpp"

namespace pshare {

/// A signal whose signature holds.
struct Letter {
  PeerId from;
  PublicKey from_key;
  DeviceId device;  // to answer just the device that wrote
  Signal signal;
  std::vector<IpAddress> seen_at = {};  // where the server sees the writer, one of each family at most, if the writer wished it to say so
};

class Correspondence {
 public:
  /// All references live longer.
  Correspondence(asio::any_io_executor executor, const Identity& identity, RendezvousClient& server, Random& random);

  /// Opens what is delivered, and sends what is posted, for ever; ends by cancellation.
  awaitable<void> run();

  /// Offers go here; without a handler they are dropped. The handler must not throw.
  void set_on_offer(std::function<void(Letter)> handler) { on_offer_ = std::move(handler); }
  /// What `pshare doctor --with` asks goes here, from whomever; without a handler it is dropped. The handler must not throw.
  void set_on_inquiry(std::function<void(Letter)> handler) { on_inquiry_ = std::move(handler); }
  /// Told in words about deliveries that were dropped: forged, replayed, garbled, not for us.
  void set_on_dropped(std::function<void(std::string)> handler) { on_dropped_ = std::move(handler); }

  /// `address`: whether the server may tell the recipient where it sees us.
  awaitable<Fate> send(PublicKey to, DeviceId device, Signal signal, bool wait, TimePoint until, RendezvousClient::OurAddress address = RendezvousClient::OurAddress::hidden);
  /// The same without waiting, in the order of the calls: what matters now or never. What cannot be sent is dropped, and told.
  void post(const PublicKey& to, DeviceId device, Signal signal, RendezvousClient::OurAddress address = RendezvousClient::OurAddress::hidden);

  /// Receives the letters of one session from one peer for as long as it lives. The correspondence lives longer.
  class Slot {
   public:
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot();
    /// Throws identity_mismatch when the server delivered, as from this peer, something that the peer did not write.
    awaitable<Letter> next();

   private:
    friend class Correspondence;
    Slot(Correspondence& owner, SessionId session, PeerId peer);
    void hand_over(Result<Letter> letter);

    Correspondence& owner_;
    SessionId session_;
    PeerId peer_;
    std::deque<Result<Letter>> letters_;
    Wakeup arrived_;
  };
  Slot expect(SessionId session, PeerId peer);

 private:
  struct Posted { PublicKey to; DeviceId device; Signal signal; RendezvousClient::OurAddress address; };
  awaitable<void> deliver_all();
  awaitable<void> send_posted();
  void deliver(const Delivery& delivery);
  void route(Letter letter);
  void forged(const Delivery& delivery, const Error& trouble);
  void drop(const std::string& why);

  asio::any_io_executor executor_;
  const Identity& identity_;
  RendezvousClient& server_;
  Random& random_;
  ReplayGuard replays_;
  std::deque<Posted> posted_;
  Wakeup posted_news_;
  std::map<SessionId, Slot*> slots_;
  std::function<void(Letter)> on_offer_, on_inquiry_;
  std::function<void(std::string)> on_dropped_;
};

}  // namespace pshare
