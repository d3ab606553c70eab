// Where lanes come in: one listener for all sessions of this process, on the punching port. The sender of the files speaks first on every
// connection, whoever dialled, so that connections which cross each other need no further rule (docs/decisions/0018). A receiver lets in
// whoever proves a key that some session expects, and then names that session; a sender (which has one session) offers its own to whoever
// calls, and goes on with nobody but the peer. Everybody else is turned away, most of them within the TLS handshake. What strangers can make it
// do is bounded.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/asio.hpp"
#include "io/tcp_stream.hpp"
#include "io/wakeup.hpp"
#include "secure/tls.hpp"
#include "traversal/io/lane.hpp"
#include "wire/dial_back.hpp"
#include "wire/ids.hpp"
#include "wire/limiter.hpp"
#include "wire/time.hpp"

namespace pshare {

struct LaneDoorLimits {
  Duration greeting_patience = std::chrono::seconds{10};  // from accepted to LaneReady
  std::size_t half_open = 64;                             // callers that have not greeted yet
  std::size_t half_open_per_host = 8;                     // of those, from one IPv4 address or one IPv6 /64
  Rate calls_of_a_host{.burst = 200, .each_second = 10};  // further ones are hung up on: each may cost us a handshake
  std::size_t watched_hosts = 10'000;                     // remembered for it
  std::size_t waiting_lanes = 16;                         // of one session, not yet taken by next()
};

class LaneDoor {
  struct Expected;

 public:
  /// What becomes of the callers of a session: a receiver's greet at the door; a sender's are for the sender, which has the first word.
  enum class Callers { greet, are_handed_over };

  /// Somebody who has not greeted yet is counted for as long as this lives. The door lives longer.
  class HalfOpen {
   public:
    HalfOpen(LaneDoor& door, const IpAddress& host);
    HalfOpen(const HalfOpen&) = delete;
    HalfOpen& operator=(const HalfOpen&) = delete;
    ~HalfOpen();

   private:
    LaneDoor& door_;
    IpAddress host_;
  };

  struct Caller {
    TcpStream socket;
    TimePoint until;  // that long it may take to become a lane
    std::unique_ptr<HalfOpen> counted;
  };

  /// A session's place at the door: as long as it lives, its peer may come in. The door lives longer.
  class Registration {
   public:
    Registration(Registration&&) noexcept;
    Registration& operator=(Registration&&) = delete;
    ~Registration();

    /// The next lane, in order of arrival. Several may wait.
    awaitable<LanePtr> next();
    /// For the receiver, on a connection that we dialled: waits for the peer to speak on it, turned away or not. Errors: those of TLS and greeting;
    /// refused.
    awaitable<LanePtr> hear(TcpStream socket);
    /// For the sender: whoever calls next, to be spoken to.
    awaitable<Caller> next_caller();
    /// The lane that came of it: next() gives it, unless it is turned away.
    void greeted(LanePtr lane);
    /// Turned away are those who greet from now on; they see the connection closed instead of LaneReady. At first, all are let in.
    void let_in();
    void turn_away();

   private:
    friend class LaneDoor;
    Registration(LaneDoor& door, std::unique_ptr<Expected> expected);
    LaneDoor* door_;
    std::unique_ptr<Expected> expected_;
  };

  /// `tls` lives longer.
  LaneDoor(asio::any_io_executor executor, const TlsContext& tls, Listener listener, LaneDoorLimits limits = {});
  ~LaneDoor();

  Port port() const { return listener_.port(); }
  /// Accepts until it is cancelled.
  awaitable<void> run();
  /// Errors: busy, when this peer is expected with this session already (it chose the number, so it may
  /// say it twice).
  Registration expect(SessionId session, PeerId peer, Callers callers = Callers::greet);
  /// Takes callers while no session expects lanes (a supernode's are for its relay), from the end of dial-backs on. As long as its coroutine runs,
  /// and for no longer than greeting_patience, the caller counts as half open. Without it such callers are turned away. Before run().
  using Guests = std::function<awaitable<void>(TcpStream)>;
  void set_guests(Guests guests) { guests_ = std::move(guests); }
  /// As long as it lives, a caller from `server` may be the dial-back with this nonce (wire/dial_back.hpp).
  class DialBackWaiter {
   public:
    DialBackWaiter(LaneDoor& door, const IpAddress& server, const DialBackNonce& nonce);
    DialBackWaiter(const DialBackWaiter&) = delete;
    ~DialBackWaiter();
    awaitable<void> arrived();

   private:
    friend class LaneDoor;
    LaneDoor& door_;
    IpAddress server_;
    DialBackNonce nonce_;
    bool here_ = false;
    Wakeup news_;
  };

  /// Callers that have not greeted yet.
  std::size_t half_open() const { return half_open_; }

 private:
  /// Why a caller from there is hung up on unheard.
  std::optional<std::string_view> objection(const IpAddress& host);
  awaitable<void> let_in(TcpStream socket);
  awaitable<void> greet(TcpStream socket, std::unique_ptr<HalfOpen>& counted);
  awaitable<bool> is_dial_back(TcpStream& socket);
  awaitable<std::pair<LanePtr, Expected*>> hear(TcpStream socket, const Expected* dialler = nullptr);
  Expected* speaker();
  bool somebody_speaks() const;
  bool has_room(const Expected& expected) const;
  bool is_expected(const PeerId& peer) const;

  asio::any_io_executor executor_;
  const TlsContext& tls_;
  Listener listener_;
  LaneDoorLimits limits_;
  std::map<std::pair<SessionId, PeerId>, Expected*> expected_;
  Guests guests_;
  std::vector<DialBackWaiter*> dial_backs_;
  std::map<IpAddress, std::size_t> half_open_per_host_;
  Limiter<IpAddress> calls_;
  std::size_t half_open_ = 0;
};

}  // namespace pshare
