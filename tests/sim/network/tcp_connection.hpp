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

  /// One that has ended.
  explicit TcpConnection(const TcpSettings& settings) : TcpConnection(settings, State::closed, 0, {}) {}
  /// Asks for a connection.
  static TcpConnection opening(const TcpSettings& settings, std::uint32_t initial_sequence, TimePoint now);
  /// Answers `syn`, for a listener.
  static TcpConnection answering(const TcpSettings& settings, std::uint32_t initial_sequence, const TcpHeader& syn, std::optional<std::uint32_t> window,
                                 TimePoint now);

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
  /// Bytes that were written.
  std::size_t unacknowledged() const { return buffer_.size() - buffer_head_; }
  std::optional<Duration> round_trip() const { return round_trip_; }
  std::uint64_t retransmissions() const { return retransmissions_; }

 private:
  struct Sent {  // a segment under way, for measuring
    std::uint32_t end;
    TimePoint at;
    bool again;  // sent more than once, so that its acknowledgement measures nothing (Karn)
  };
  struct Recovery {            // what was under way when something turned out to be lost
    std::uint32_t until, next;  // is sent again from `next`
    std::uint32_t window;       // after a timeout: at most so much beyond what is acknowledged; grows with each acknowledgement
    bool after_timeout;         // then all of it may be lost; else only what the next acknowledgement would be about is
  };

  TcpConnection(const TcpSettings& settings, State state, std::uint32_t initial_sequence, TimePoint now);

  void receive_in_syn_sent(const TcpHeader& header, std::optional<std::uint32_t> window);
  void receive_in_time_wait(const TcpHeader& header);
  void establish(const TcpHeader& header, std::optional<std::uint32_t> window);
  void take_acknowledgement(const TcpHeader& header, std::optional<std::uint32_t> window, bool bare);
  void take_data(const TcpHeader& header, ByteView data);
  void take_fin();
  void own_fin_acknowledged();
  void wait_in_time_wait();
  void end(TcpEnd::Kind kind, const std::optional<IcmpError>& error = std::nullopt);
  void end_by_reset();
  void stop();
  void send_reset(std::uint32_t sequence, std::optional<std::uint32_t> acknowledgement = std::nullopt);
  void retransmit_handshake();
  void recover(bool after_timeout);
  void measure(Duration sample);

  std::optional<Segment> next_segment();
  std::optional<Segment> lost_segment();
  std::optional<Segment> new_segment();
  Segment segment_of(std::uint32_t sequence, std::uint32_t length, bool fin);
  Segment bare_segment(std::uint32_t sequence);

  std::uint32_t end_of_data() const { return buffer_at_ + static_cast<std::uint32_t>(unacknowledged()); }
  std::uint32_t under_way() const { return next_ - first_unacknowledged_; }
  std::uint32_t receive_window() const;
  bool handshaking() const { return state_ == State::syn_sent || state_ == State::syn_received; }
  Duration timeout(unsigned backoff) const;

  TcpSettings settings_;
  State state_;
  TimePoint now_;
  std::deque<Action> actions_;

  // Sending. What is from buffer_head_ on begins at sequence number buffer_at_.
  std::uint32_t initial_, first_unacknowledged_, next_;  // ISS, SND.UNA, SND.NXT
  std::uint32_t buffer_at_;
  ByteBuffer buffer_;
  std::size_t buffer_head_ = 0;
  std::uint32_t peer_window_ = 0, largest_peer_window_ = 0, window_from_ = 0, window_acknowledged_ = 0;  // SND.WND, SND.WL1, SND.WL2
  std::uint32_t segment_;
  bool passive_ = false;  // a listener's
  bool finish_asked_ = false, fin_sent_ = false, write_was_cut_ = false, program_gone_ = false;
  bool syn_due_ = false, acknowledgement_due_ = false, probe_due_ = false, window_overridden_ = false;
  std::deque<Sent> sent_;
  unsigned repeated_acknowledgements_ = 0;
  std::optional<Recovery> recovery_;
  std::uint32_t timed_out_up_to_;  // repeated acknowledgements below it say nothing
  std::uint64_t retransmissions_ = 0;

  // Receiving.
  std::uint32_t peer_initial_ = 0, expected_ = 0, advertised_edge_ = 0;  // IRS, RCV.NXT, its sum with the window that was last told
  std::uint64_t received_ = 0;                                          // bytes in order, ever
  std::map<std::uint64_t, ByteBuffer> ahead_;                           // what came too early, by its place in the stream
  std::optional<std::uint32_t> fin_at_;
  ByteBuffer unread_;

  // Time.
  Duration initial_timeout_ = std::chrono::seconds{1};
  std::optional<Duration> round_trip_;
  Duration round_trip_variation_{};
  unsigned backoff_ = 0, probe_backoff_ = 0;
  TimePoint unanswered_since_, heard_at_;
  std::optional<TimePoint> retransmit_at_, probe_at_, over_at_;
  std::optional<IcmpError> last_error_;
};

}  // namespace pshare::sim
