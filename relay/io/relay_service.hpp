// The relay's sockets: hears who presents which ticket, and copies bytes between those that relay/joiner.hpp has joined (design section 7). Used by
// the server and by supernodes alike: whoever accepts TLS connections gives those here whose handshake agreed on relay_alpn.
//
// While its lane lives, a side is two sockets and some small coroutines: what TLS needed for the hello is gone by then.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "io/asio.hpp"
#include "io/tcp_stream.hpp"
#include "io/wakeup.hpp"
#include "relay/fair_rate.hpp"
#include "relay/io/splice.hpp"
#include "relay/joiner.hpp"
#include "secure/io/tls_stream.hpp"
#include "wire/relay_hello.hpp"

namespace pshare {

/// After the handshake, the hello has so long to arrive.
inline constexpr Duration relay_hello_patience = std::chrono::seconds{10};
/// The answer has so long to be taken. It fits into any socket's buffer.
inline constexpr Duration relay_answer_patience = std::chrono::seconds{5};
/// Those who are being told why not, at once; further ones are told and closed, and may miss it if the network is slow.
inline constexpr std::size_t max_being_refused = 256;
/// The longest hello: a ticket, and what is around it.
inline constexpr std::size_t max_relay_hello = max_signed_ticket + 256;
/// A peer whose machine has vanished is noticed after two minutes, even if the other side says nothing.
inline constexpr int relay_keep_alive_idle = 60, relay_keep_alive_interval = 15, relay_keep_alive_count = 4;  // seconds, seconds, probes

/// What a relay of so many lanes has open at most, with the sides that wait and those that are being told why not.
constexpr std::size_t descriptors_of_relay(std::size_t lanes, std::size_t waiting) {
  return 2 * lanes + waiting + max_being_refused + 2 * (max_pipes + spare_pipes);
}

class RelayService {
 public:
  struct Settings {
    std::optional<BytesPerSecond> rate = {};        // of the whole relay, both ways together
    Duration hello_patience = relay_hello_patience;  // tests on real sockets have less
    OneWay::Means means = OneWay::best_means();      // and try what other systems do
    std::function<UnixTime()> clock = {};            // by which tickets expire; nothing: this machine's
  };
  /// The joiner lives longer, and is driven by this alone; others may look at it, and change() it.
  RelayService(asio::any_io_executor executor, Joiner& joiner, Settings settings);
  ~RelayService();

  /// Keeps the joiner's time. For ever: run it beside what accepts.
  awaitable<void> run();

  /// The first word of a connection that was made in the relay role. Throws Failure: timed_out, malformed, closed... The caller counts it as half open
  /// until then.
  awaitable<RelayHello> hear_hello(TlsStream& stream);
  /// All the rest, until that connection is over. Throws nothing but its cancellation.
  awaitable<void> serve(TlsStream stream, RelayHello hello);

  /// Changes what the joiner allows (or drains it), and carries out what follows from it.
  void change(const std::function<void(Joiner&)>& what);
  /// Told of each lane that is joined and of each that is over, in order. Either may be empty.
  struct Watch {
    std::function<void(const Joiner::LaneView&)> begun;
    std::function<void(const Joiner::Over&)> over;
  };
  void watch(Watch watch) { watch_ = std::move(watch); }
  const Joiner& joiner() const { return joiner_; }
  const PipePool& pipes() const { return pipes_; }
  /// Flows that wait for their turn at the rate, or have it.
  std::size_t flows_in_turn() const { return rate_ ? rate_->asking() : 0; }

 private:
  struct Side;
  struct Lane;

  awaitable<void> await_verdict(Side& side, RelaySide number);
  awaitable<void> refuse(TlsStream stream, RelayRefused answer);
  awaitable<void> join(TlsStream stream, Joiner::Join verdict, RelaySide number);
  awaitable<void> copy(RelayLane number, std::shared_ptr<Lane> lane);
  awaitable<void> flow(RelayLane number, Lane& lane, std::size_t from);
  /// How much may flow now; waits for its turn if there is a rate.
  awaitable<OneWay::Step> next_step(OneWay& way, RelayLane number);
  void carry_out();
  void perform(const Joiner::Action& action);

  asio::any_io_executor executor_;
  Joiner& joiner_;
  Settings settings_;
  std::optional<FairRate> rate_;
  Watch watch_;
  PipePool pipes_;
  std::uint64_t next_side_ = 1;
  std::size_t being_refused_ = 0;
  std::map<RelaySide, Side*> sides_;  // that wait for a verdict; each owned by its serve()
  /// Shared by this table, until it is cut, and by those who serve its two sides.
  std::map<RelayLane, std::shared_ptr<Lane>> lanes_;
  std::optional<TimePoint> next_expiry_;
  Wakeup clock_;
};

}  // namespace pshare
