// One TCP connection as a core (RFC 9293, the state machine of section 3.10), seen from one end: segments go in with the time, segments
// come out. Retransmission as in RFC 6298 with Linux's numbers, fast retransmit as in RFC 6582, resets as in RFC 5961. There is no
// congestion control: what limits it is the window of the receiver.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <variant>

#include "network/packet.hpp"
#include "wire/time.hpp"

namespace pshare::sim {

struct TcpSettings {
  std::uint32_t window = 65536;       // bytes that it takes before its program has read them, and so what may be under way to it
  std::uint32_t send_buffer = 262144; // bytes written that are not acknowledged yet
  std::uint32_t segment = 1400;       // bytes of data at most
  unsigned syn_retries = 6;           // Linux: gives up after 1 + 2 + 4 + ... + 64 = 127 s
  unsigned syn_ack_retries = 5;       // Linux: 63 s
  unsigned orphan_retries = 8;        // Linux, once its program has closed it
  Duration give_up = std::chrono::milliseconds{924'600};  // data that nobody acknowledges for so long (Linux: 15 retransmissions)
  Duration time_wait = std::chrono::seconds{60};
};

/// How a connection, or the attempt at one, ended.
struct TcpEnd {
  enum class Kind {
    closed,          // both sides had said all
    refused,         // connecting: a reset, or ICMP port unreachable
    unreachable,     // connecting: another ICMP error, or no route from here
    timed_out,       // nobody answered; with the last ICMP error, if there was one
    reset,           // by the peer
    address_in_use,  // connecting: there is a connection between these two endpoints
  };
  Kind kind = Kind::closed;
  std::optional<IcmpError> error{};
};

class TcpConnection {
 public:
  /// To be sent. The window belongs to the header too.
  struct Segment { TcpHeader header; std::uint32_t window; ByteBuffer data; };
  struct Connected {};
  struct Arrived {};       // there is something to read()
  struct PeerFinished {};  // it will send no more
  struct Writable {};      // after a write() that was cut short: half of the buffer is free
  struct Ended { TcpEnd how; };
  using Action = std::variant<Segment, Connected, Arrived, PeerFinished, Writable, Ended>;

  enum class State { syn_sent, syn_received, established, fin_wait_1, fin_wait_2, close_wait, closing, last_ack, time_wait, closed };

  /// Asks for a connection.
  static TcpConnection opening(const TcpSettings& settings, std::uint32_t initial_sequence, TimePoint now);
  /// Answers `syn`, for a listener.
  static TcpConnection answering(const TcpSettings& settings, std::uint32_t initial_sequence, const Segment& syn, TimePoint now);

  // What the network says.
  /// `window` is empty for segments that no host sent (a router's reset).
  void receive(const TcpHeader& header, std::optional<std::uint32_t> window, ByteView data, TimePoint now);
  /// Ends an attempt; of a connection it is only remembered, except for packet_too_big, which makes segments smaller: to `segment` bytes.
  void receive_error(const IcmpError& error, std::uint32_t segment, TimePoint now);

  // What the program says.
  /// Takes as much as the buffer holds, also before there is a connection; gives how much.
  std::size_t write(ByteView bytes, TimePoint now);
  /// All that has arrived in order and was not read. Not reading closes the window.
  ByteBuffer read(TimePoint now);
  /// No more will be written: FIN after what is in the buffer.
  void finish(TimePoint now);
  /// The program is gone: FIN after what is in the buffer, or a reset if something was unread. An attempt is dropped without a word.
  void close(TimePoint now);
  /// Reset.
  void abort(TimePoint now);

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

  State state() const { return state_; }
  bool connected() const { return state_ != State::syn_sent && state_ != State::syn_received && state_ != State::closed; }
  std::size_t unread() const { return unread_.size(); }
  std::size_t unacknowledged() const { return static_cast<std::size_t>(buffer_.size() - buffer_head_); }
  std::optional<Duration> round_trip() const { return smoothed_round_trip_; }
  std::uint64_t retransmissions() const { return retransmissions_; }

 private:
  State state_ = State::closed;
  ByteBuffer buffer_, unread_;
  std::size_t buffer_head_ = 0;
  std::optional<Duration> smoothed_round_trip_;
  std::uint64_t retransmissions_ = 0;
};

}  // namespace pshare::sim
