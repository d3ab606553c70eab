#include "network/tcp_connection.hpp"

#include <algorithm>
#include <utility>

namespace pshare::sim {

using namespace std::chrono_literals;

namespace {

// Linux: TCP_RTO_MIN is a floor for four times the variation, TCP_RTO_MAX for the whole.
constexpr Duration least_variation = 200ms, longest_timeout = 120s;
// RFC 6298 section 5.7: without a measurement after a SYN had to be repeated.
constexpr Duration timeout_after_repeated_syn = 3s;
// Linux, tcp_fin_timeout: how long a closed program's connection waits for the peer's FIN.
constexpr Duration fin_timeout = 60s;
// RFC 5681 section 3.2.
constexpr unsigned repeated_acknowledgements_that_mean_loss = 3;
// No path is narrower (RFC 879 and RFC 9293 section 3.7.1: 536 bytes without any word about more).
constexpr std::uint32_t smallest_segment = 536;

/// Sequence numbers go round (RFC 9293 section 3.4).
bool before(std::uint32_t a, std::uint32_t b) { return static_cast<std::int32_t>(a - b) < 0; }
bool after(std::uint32_t a, std::uint32_t b) { return before(b, a); }
std::uint32_t later(std::uint32_t a, std::uint32_t b) { return before(a, b) ? b : a; }

}  // namespace

TcpConnection::TcpConnection(const TcpSettings& settings, State state, std::uint32_t initial_sequence, TimePoint now)
    : settings_(settings), state_(state), now_(now), initial_(initial_sequence), first_unacknowledged_(initial_sequence), next_(initial_sequence),
      buffer_at_(initial_sequence + 1), segment_(settings.segment), timed_out_up_to_(initial_sequence), unanswered_since_(now), heard_at_(now) {}

TcpConnection TcpConnection::opening(const TcpSettings& settings, std::uint32_t initial_sequence, TimePoint now) {
  TcpConnection connection{settings, State::syn_sent, initial_sequence, now};
  connection.syn_due_ = true;
  return connection;
}

TcpConnection TcpConnection::answering(const TcpSettings& settings, std::uint32_t initial_sequence, const TcpHeader& syn,
                                       std::optional<std::uint32_t> window, TimePoint now) {
  TcpConnection connection{settings, State::syn_received, initial_sequence, now};
  connection.passive_ = connection.syn_due_ = true;
  connection.peer_initial_ = syn.sequence;
  connection.expected_ = connection.advertised_edge_ = syn.sequence + 1;
  connection.peer_window_ = connection.largest_peer_window_ = window.value_or(0);
  connection.window_from_ = syn.sequence;
  return connection;
}

// ---- What the network says ----

void TcpConnection::receive(const TcpHeader& header, std::optional<std::uint32_t> window, ByteView data, TimePoint now) {
  now_ = heard_at_ = now;
  if (state_ == State::closed) return;
  if (state_ == State::syn_sent) return receive_in_syn_sent(header, window);
  if (state_ == State::time_wait) return receive_in_time_wait(header);
  auto here = header;
  if (here.syn) {
    if (state_ != State::syn_received || here.sequence != peer_initial_) {  // RFC 5961 section 4; and who repeats a SYN-ACK has lost our ACK
      acknowledgement_due_ = true;
      return;
    }
    if (!here.ack) {  // it has not got our SYN-ACK
      syn_due_ = true;
      return;
    }
    // Simultaneous open: its SYN-ACK, of which we know the SYN already. It may not have got ours.
    acknowledgement_due_ = true;
    here.syn = false;
    here.sequence = expected_;
  }
  // Linux is a little more generous than RFC 9293 here: a bare acknowledgement just beyond a full window counts.
  const auto end = here.sequence + static_cast<std::uint32_t>(data.size()) + (here.fin ? 1u : 0u);
  const bool acceptable = !before(end, expected_) && !after(here.sequence, expected_ + receive_window());
  if (here.rst) {
    if (!acceptable) return;
    if (here.sequence != expected_) {  // RFC 5961 section 3
      acknowledgement_due_ = true;
      return;
    }
    return end_by_reset();
  }
  if (!acceptable) {
    acknowledgement_due_ = true;
    return;
  }
  if (!here.ack) return;
  if (state_ == State::syn_received) {
    if (here.acknowledgement != initial_ + 1) return send_reset(here.acknowledgement);
    establish(here, window);
  } else if (after(here.acknowledgement, next_)) {
    acknowledgement_due_ = true;
    return;
  } else {
    take_acknowledgement(here, window, data.empty() && !here.fin);
  }
  if (state_ != State::closed && (!data.empty() || here.fin)) take_data(here, data);
}

void TcpConnection::end_by_reset() { end(handshaking() ? TcpEnd::Kind::refused : TcpEnd::Kind::reset); }

void TcpConnection::receive_in_syn_sent(const TcpHeader& header, std::optional<std::uint32_t> window) {
  const bool acknowledges = header.ack && header.acknowledgement == initial_ + 1;
  if (header.ack && !acknowledges) {
    if (!header.rst) send_reset(header.acknowledgement);
    return;
  }
  if (header.rst) {
    if (acknowledges) end_by_reset();
    return;
  }
  if (!header.syn) return;
  peer_initial_ = header.sequence;
  expected_ = advertised_edge_ = header.sequence + 1;
  if (acknowledges) {
    acknowledgement_due_ = true;
    return establish(header, window);
  }
  // RFC 9293 section 3.5: both asked at once. The timer of our SYN goes on, for the SYN-ACK.
  state_ = State::syn_received;
  window_from_ = header.sequence;
  syn_due_ = true;
}

void TcpConnection::receive_in_time_wait(const TcpHeader& header) {
  if (header.rst) return header.sequence == expected_ ? stop() : void();
  acknowledgement_due_ = true;
  if (header.fin) over_at_ = now_ + settings_.time_wait;
}

void TcpConnection::establish(const TcpHeader& header, std::optional<std::uint32_t> window) {
  if (backoff_ == 0) measure(now_ - unanswered_since_);
  else initial_timeout_ = timeout_after_repeated_syn;
  state_ = finish_asked_ ? State::fin_wait_1 : State::established;
  first_unacknowledged_ = initial_ + 1;
  peer_window_ = window.value_or(0);
  largest_peer_window_ = std::max(largest_peer_window_, peer_window_);
  window_from_ = header.sequence;
  window_acknowledged_ = header.acknowledgement;
  backoff_ = 0;
  syn_due_ = false;
  retransmit_at_.reset();
  last_error_.reset();
  actions_.emplace_back(Connected{});
}

void TcpConnection::take_acknowledgement(const TcpHeader& header, std::optional<std::uint32_t> window, bool bare) {
  const auto acknowledged = header.acknowledgement;
  if (after(acknowledged, first_unacknowledged_)) {
    const auto news = acknowledged - first_unacknowledged_;
    bool again = false;
    std::optional<TimePoint> sent_at;
    for (; !sent_.empty() && !after(sent_.front().end, acknowledged); sent_.pop_front()) {
      again = again || sent_.front().again;
      sent_at = sent_.front().at;
    }
    if (sent_at && !again) measure(now_ - *sent_at);
    const auto bytes = std::min<std::size_t>(acknowledged - buffer_at_, unacknowledged());  // all but a FIN
    buffer_head_ += bytes;
    buffer_at_ += static_cast<std::uint32_t>(bytes);
    if (buffer_head_ > buffer_.size() / 2) {
      buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(buffer_head_));
      buffer_head_ = 0;
    }
    first_unacknowledged_ = acknowledged;
    backoff_ = repeated_acknowledgements_ = 0;
    last_error_.reset();
    unanswered_since_ = now_;
    retransmit_at_ = under_way() == 0 ? std::nullopt : std::optional{now_ + timeout(0)};
    if (recovery_ && !before(acknowledged, recovery_->until)) recovery_.reset();
    if (recovery_ && recovery_->after_timeout) recovery_->window += news;
    if (write_was_cut_ && unacknowledged() <= settings_.send_buffer / 2) {
      write_was_cut_ = false;
      actions_.emplace_back(Writable{});
    }
  } else if (acknowledged == first_unacknowledged_ && bare && under_way() != 0 && window == peer_window_) {
    if (++repeated_acknowledgements_ == repeated_acknowledgements_that_mean_loss && !recovery_ && after(first_unacknowledged_, timed_out_up_to_)) recover(false);
  }
  if (window && !before(acknowledged, first_unacknowledged_) &&
      (before(window_from_, header.sequence) || (window_from_ == header.sequence && !before(acknowledged, window_acknowledged_)))) {
    peer_window_ = *window;
    largest_peer_window_ = std::max(largest_peer_window_, peer_window_);
    window_from_ = header.sequence;
    window_acknowledged_ = acknowledged;
    if (peer_window_ > under_way()) {
      probe_at_.reset();
      probe_backoff_ = 0;
    }
  }
  if (fin_sent_ && first_unacknowledged_ == end_of_data() + 1) own_fin_acknowledged();
}

void TcpConnection::own_fin_acknowledged() {
  if (state_ == State::fin_wait_1) {
    state_ = State::fin_wait_2;
    if (program_gone_) over_at_ = now_ + fin_timeout;
  } else if (state_ == State::closing) {
    wait_in_time_wait();
  } else if (state_ == State::last_ack) {
    end(TcpEnd::Kind::closed);
  }
}

void TcpConnection::take_data(const TcpHeader& header, ByteView data) {
  acknowledgement_due_ = true;
  auto sequence = header.sequence;
  bool fin = header.fin;
  const auto end = sequence + static_cast<std::uint32_t>(data.size());
  if (program_gone_ && after(end, expected_)) {  // RFC 9293 section 3.10.7.4, and RFC 2525 section 2.17: nobody will read it
    send_reset(next_, expected_);
    return stop();
  }
  if (before(sequence, expected_)) {
    const auto old = std::min<std::size_t>(expected_ - sequence, data.size());
    data = data.subspan(old);
    sequence = expected_;
  }
  const auto edge = expected_ + receive_window();
  if (after(end, edge)) {
    data = after(edge, sequence) ? data.first(edge - sequence) : ByteView{};
    fin = false;
  }
  if (fin) fin_at_ = end;
  if (!data.empty()) {
    if (sequence != expected_) {
      auto& kept = ahead_[received_ + (sequence - expected_)];
      if (kept.size() < data.size()) kept = buffer_of(data);
      return;
    }
    const auto append = [this](ByteView more) {
      unread_.insert(unread_.end(), more.begin(), more.end());
      received_ += more.size();
      expected_ += static_cast<std::uint32_t>(more.size());
    };
    append(data);
    for (auto next = ahead_.begin(); next != ahead_.end() && next->first <= received_; next = ahead_.erase(next)) {
      const auto known = received_ - next->first;
      if (known < next->second.size()) append(ByteView{next->second}.subspan(known));
    }
    actions_.emplace_back(Arrived{});
  }
  if (fin_at_ == expected_) take_fin();
}

void TcpConnection::take_fin() {
  if (state_ != State::established && state_ != State::fin_wait_1 && state_ != State::fin_wait_2) return;  // known
  ++expected_;
  actions_.emplace_back(PeerFinished{});
  if (state_ == State::established) state_ = State::close_wait;
  else if (state_ == State::fin_wait_1) state_ = State::closing;
  else wait_in_time_wait();
}

void TcpConnection::wait_in_time_wait() {
  state_ = State::time_wait;
  over_at_ = now_ + settings_.time_wait;
  actions_.emplace_back(Ended{{.kind = TcpEnd::Kind::closed}});
}

void TcpConnection::receive_error(const IcmpError& error, std::uint32_t segment, TimePoint now) {
  now_ = now;
  // RFC 5927 section 4.1: only about what can be under way.
  const auto sequence = error.quoted_tcp.sequence;
  if (state_ == State::closed || before(sequence, first_unacknowledged_) || after(sequence, next_)) return;
  if (error.kind == IcmpError::Kind::packet_too_big) {
    const auto smaller = std::max(segment, smallest_segment);
    if (smaller >= segment_) return;
    segment_ = smaller;
    if (!handshaking() && under_way() != 0) recover(true);
    return;
  }
  last_error_ = error;
  if (!handshaking()) return;  // RFC 1122 section 4.2.3.9: of a connection it may be passing
  if (passive_ && (error.kind == IcmpError::Kind::port_unreachable || error.kind == IcmpError::Kind::prohibited)) return;  // Linux
  end(error.kind == IcmpError::Kind::port_unreachable ? TcpEnd::Kind::refused : TcpEnd::Kind::unreachable, error);
}

// ---- What the program says ----

std::size_t TcpConnection::write(ByteView bytes, TimePoint now) {
  now_ = now;
  if (state_ == State::closed || finish_asked_) return 0;
  const auto room = settings_.send_buffer - std::min<std::size_t>(settings_.send_buffer, unacknowledged());
  const auto taken = bytes.first(std::min(room, bytes.size()));
  write_was_cut_ = write_was_cut_ || taken.size() < bytes.size();
  buffer_.insert(buffer_.end(), taken.begin(), taken.end());
  return taken.size();
}

ByteBuffer TcpConnection::read(TimePoint now) {
  now_ = now;
  auto all = std::exchange(unread_, {});
  // RFC 9293 section 3.8.6.2.2: small openings of the window are not worth a packet of their own.
  const auto opened = static_cast<std::int32_t>(expected_ + receive_window() - advertised_edge_);
  const bool still_receives = state_ == State::established || state_ == State::fin_wait_1 || state_ == State::fin_wait_2;
  if (still_receives && opened >= static_cast<std::int32_t>(std::min(2 * settings_.segment, settings_.window / 2))) acknowledgement_due_ = true;
  return all;
}

void TcpConnection::finish(TimePoint now) {
  now_ = now;
  if (finish_asked_) return;
  finish_asked_ = true;
  if (state_ == State::established) state_ = State::fin_wait_1;
  else if (state_ == State::close_wait) state_ = State::last_ack;
}

void TcpConnection::close(TimePoint now) {
  now_ = now;
  if (program_gone_) return;
  program_gone_ = true;
  if (state_ == State::syn_sent) return stop();
  if (!unread_.empty()) return abort(now);
  finish(now);
  if (state_ == State::fin_wait_2) over_at_ = now + fin_timeout;
}

void TcpConnection::abort(TimePoint now) {
  now_ = now;
  if (state_ != State::syn_sent && state_ != State::time_wait && state_ != State::closed) send_reset(next_, expected_);
  stop();
}

// ---- Time ----

Duration TcpConnection::timeout(unsigned backoff) const {
  auto whole = round_trip_ ? *round_trip_ + std::max(4 * round_trip_variation_, least_variation) : initial_timeout_;
  for (; backoff > 0 && whole < longest_timeout; --backoff) whole *= 2;
  return std::min(whole, longest_timeout);
}

void TcpConnection::measure(Duration sample) {  // RFC 6298 section 2
  if (!round_trip_) {
    round_trip_ = sample;
    round_trip_variation_ = sample / 2;
    return;
  }
  round_trip_variation_ += (std::max(sample - *round_trip_, *round_trip_ - sample) - round_trip_variation_) / 4;
  *round_trip_ += (sample - *round_trip_) / 8;
}

std::optional<TimePoint> TcpConnection::deadline() const {
  if (state_ == State::closed) return std::nullopt;
  std::optional<TimePoint> soonest;
  const auto also = [&](const std::optional<TimePoint>& when) {
    if (when && (!soonest || *when < *soonest)) soonest = when;
  };
  also(retransmit_at_);
  also(probe_at_);
  also(over_at_);
  if (!handshaking() && retransmit_at_) also(unanswered_since_ + settings_.give_up);
  return soonest;
}

void TcpConnection::expire(TimePoint now) {
  now_ = now;
  const auto due = [now](const std::optional<TimePoint>& when) { return when && *when <= now; };
  if (state_ == State::closed) return;
  if (due(over_at_)) return stop();
  if (handshaking()) return due(retransmit_at_) ? retransmit_handshake() : void();
  if ((retransmit_at_ && now - unanswered_since_ >= settings_.give_up) || (due(probe_at_) && now - heard_at_ >= settings_.give_up) ||
      (due(retransmit_at_) && program_gone_ && backoff_ >= settings_.orphan_retries))
    return end(TcpEnd::Kind::timed_out, last_error_);
  if (due(retransmit_at_)) {
    ++backoff_;
    retransmit_at_ = now + timeout(backoff_);
    recover(true);
  }
  if (due(probe_at_)) {
    ++probe_backoff_;
    probe_at_ = now + timeout(probe_backoff_);
    (peer_window_ > under_way() ? window_overridden_ : probe_due_) = true;
  }
}

void TcpConnection::retransmit_handshake() {
  if (backoff_ >= (passive_ ? settings_.syn_ack_retries : settings_.syn_retries)) return end(TcpEnd::Kind::timed_out, last_error_);
  ++backoff_;
  ++retransmissions_;
  retransmit_at_ = now_ + initial_timeout_ * (1u << backoff_);
  syn_due_ = true;
}

void TcpConnection::recover(bool after_timeout) {
  recovery_ = Recovery{.until = next_, .next = first_unacknowledged_, .window = segment_, .after_timeout = after_timeout};
  repeated_acknowledgements_ = 0;
  if (after_timeout) timed_out_up_to_ = next_;
}

// ---- What comes out ----

std::optional<TcpConnection::Action> TcpConnection::take() {
  if (!actions_.empty()) {
    auto first = std::move(actions_.front());
    actions_.pop_front();
    return first;
  }
  if (auto segment = next_segment()) return *std::move(segment);
  return std::nullopt;
}

std::optional<TcpConnection::Segment> TcpConnection::next_segment() {
  if (state_ == State::closed) return std::nullopt;
  if (handshaking()) {
    if (syn_due_) {
      syn_due_ = false;
      if (next_ == initial_) {
        unanswered_since_ = now_;
        retransmit_at_ = now_ + initial_timeout_;
        next_ = initial_ + 1;
      }
      auto syn = bare_segment(initial_);
      syn.header.syn = true;
      return syn;
    }
  } else if (state_ != State::fin_wait_2 && state_ != State::time_wait) {
    if (auto lost = lost_segment()) return lost;
    if (auto fresh = new_segment()) return fresh;
  }
  if (std::exchange(probe_due_, false)) return bare_segment(first_unacknowledged_ - 1);  // too old, so that the peer answers
  if (acknowledgement_due_) return bare_segment(next_);
  return std::nullopt;
}

std::optional<TcpConnection::Segment> TcpConnection::lost_segment() {
  if (!recovery_) return std::nullopt;
  auto& from = recovery_->next;
  from = later(from, first_unacknowledged_);
  const bool allowed = recovery_->after_timeout ? from - first_unacknowledged_ < recovery_->window : from == first_unacknowledged_;
  if (!allowed || !before(from, recovery_->until)) return std::nullopt;
  const auto data = after(end_of_data(), from) ? std::min(end_of_data() - from, recovery_->until - from) : 0;
  const auto length = std::min(data, segment_);
  auto segment = segment_of(from, length, fin_sent_ && from + length == end_of_data());
  const auto end = from + length + (segment.header.fin ? 1u : 0u);
  for (auto& sent : sent_) {
    if (!after(sent.end, from)) continue;
    sent.again = true;
    if (!before(sent.end, end)) break;
  }
  from = end;
  ++retransmissions_;
  return segment;
}

std::optional<TcpConnection::Segment> TcpConnection::new_segment() {
  if (fin_sent_) return std::nullopt;
  const auto waiting = end_of_data() - next_;
  const auto usable = peer_window_ > under_way() ? peer_window_ - under_way() : 0;
  const auto length = std::min({segment_, waiting, usable});
  const bool fin = finish_asked_ && length == waiting;
  // RFC 9293 section 3.8.6.2.1, without Nagle's delay.
  const bool worth_it = length == segment_ || length == waiting || length >= largest_peer_window_ / 2 || std::exchange(window_overridden_, false);
  if (!(length > 0 && worth_it) && !fin) {
    if (waiting > 0 && under_way() == 0 && !probe_at_) probe_at_ = now_ + timeout(probe_backoff_);
    return std::nullopt;
  }
  if (under_way() == 0) unanswered_since_ = now_;
  if (!retransmit_at_) retransmit_at_ = now_ + timeout(backoff_);
  probe_at_.reset();
  auto segment = segment_of(next_, length, fin);
  next_ += length + (fin ? 1u : 0u);
  fin_sent_ = fin;
  sent_.push_back({.end = next_, .at = now_, .again = false});
  return segment;
}

TcpConnection::Segment TcpConnection::segment_of(std::uint32_t sequence, std::uint32_t length, bool fin) {
  auto segment = bare_segment(sequence);
  segment.header.fin = fin;
  const auto data = ByteView{buffer_}.subspan(buffer_head_ + (sequence - buffer_at_), length);
  segment.data.reserve(length + sizeof segment.window);  // for who puts it on the wire
  segment.data.assign(data.begin(), data.end());
  return segment;
}

TcpConnection::Segment TcpConnection::bare_segment(std::uint32_t sequence) {
  const auto window = receive_window();
  const bool ack = state_ != State::syn_sent;
  acknowledgement_due_ = false;
  advertised_edge_ = expected_ + window;
  return {.header = {.sequence = sequence, .acknowledgement = ack ? expected_ : 0, .syn = false, .ack = ack, .fin = false, .rst = false},
          .window = window,
          .data = {}};
}

void TcpConnection::send_reset(std::uint32_t sequence, std::optional<std::uint32_t> acknowledgement) {
  actions_.emplace_back(Segment{.header = {.sequence = sequence,
                                           .acknowledgement = acknowledgement.value_or(0),
                                           .syn = false,
                                           .ack = acknowledgement.has_value(),
                                           .fin = false,
                                           .rst = true},
                                .window = 0,
                                .data = {}});
}

std::uint32_t TcpConnection::receive_window() const {
  return settings_.window - std::min(settings_.window, static_cast<std::uint32_t>(unread_.size()));
}

void TcpConnection::end(TcpEnd::Kind kind, const std::optional<IcmpError>& error) {
  stop();
  actions_.emplace_back(Ended{{.kind = kind, .error = error}});
}

void TcpConnection::stop() {
  state_ = State::closed;
  retransmit_at_.reset(), probe_at_.reset(), over_at_.reset();
  recovery_.reset();
}

}  // namespace pshare::sim
