#include "pshare/secured_stream.hpp"

#include <algorithm>
#include <utility>

namespace pshare::sim {

namespace {

// What the real flights take with our certificates, rounded.
constexpr std::size_t client_hello_size = 300, server_flight_size = 900, client_flight_size = 700;
/// RFC 8446 section 5.1.
constexpr std::size_t longest_record = 16 * 1024;

ByteBuffer flight(const PublicKey& key, std::size_t size) {
  ByteBuffer body(size);
  std::ranges::copy(key.bytes, body.begin());
  return body;
}

Errc code_of(TcpEnd::Kind kind) {
  switch (kind) {
    case TcpEnd::Kind::refused: return Errc::refused;
    case TcpEnd::Kind::timed_out: return Errc::timed_out;
    case TcpEnd::Kind::closed:  // without a word of TLS: cut off
    case TcpEnd::Kind::unreachable:
    case TcpEnd::Kind::reset:
    case TcpEnd::Kind::address_in_use: break;
  }
  return Errc::unreachable;
}

}  // namespace

SecuredStream::SecuredStream(Host& host, TcpSocket socket, Role role, const PublicKey& own, Check check, Events events)
    : host_(host),
      socket_(std::move(socket)),
      role_(role),
      own_(own),
      check_(std::move(check)),
      events_(std::move(events)),
      local_(socket_.local()),
      remote_(socket_.remote()) {
  socket_.on_data([this](ByteView bytes) { take(bytes); });
  socket_.on_finished([this] { end({.code = Errc::unreachable, .doing = "the connection to " + remote_.text() + " was cut off"}); });
  socket_.on_writable([this] { flush(); });
  socket_.on_closed([this](const TcpEnd& how) { end({.code = code_of(how.kind), .doing = "talking to " + remote_.text()}); });
  if (role_ == Role::client) socket_.on_connected([this] { connected(); });
}

void SecuredStream::connected() {
  local_ = socket_.local();
  send_record(flight({}, client_hello_size));
}

void SecuredStream::write(ByteView bytes, std::function<void()> written) {
  if (stage_ != Stage::ready || finishing_) return;
  while (bytes.size() > longest_record) {
    send_record(bytes.first(longest_record));
    bytes = bytes.subspan(longest_record);
  }
  send_record(bytes, std::move(written));
}

void SecuredStream::finish() {
  if (stage_ != Stage::ready || std::exchange(finishing_, true)) return;
  send_record({});  // close_notify
}

void SecuredStream::close() {
  if (std::exchange(stage_, Stage::over) == Stage::ready && !finishing_ && outgoing_.empty()) socket_.send(frame({}));
  socket_.close();
}

void SecuredStream::send_record(ByteView body, std::function<void()> written) {
  outgoing_.push_back({.bytes = frame(body), .written = std::move(written)});
  flush();
}

void SecuredStream::flush() {
  while (!outgoing_.empty()) {
    auto& first = outgoing_.front();
    first.sent += socket_.send(ByteView{first.bytes}.subspan(first.sent));
    if (first.sent < first.bytes.size()) return;
    if (first.written) host_.in(Duration::zero(), std::move(first.written));
    outgoing_.pop_front();
  }
  if (finishing_) socket_.finish();
}

void SecuredStream::take(ByteView bytes) {
  if (stage_ == Stage::over) return;
  records_.feed(bytes);
  while (stage_ != Stage::over) {
    auto body = records_.next();
    if (!body) return end(std::move(body).error());
    if (!*body) return;
    take_record(**body);
  }
}

void SecuredStream::take_record(const ByteBuffer& body) {
  if (body.empty()) return end({.code = Errc::closed, .doing = remote_.text() + " closed the connection"});
  if (stage_ == Stage::handshake) return shake_hands(body);
  if (events_.heard) events_.heard(body);
}

void SecuredStream::shake_hands(const ByteBuffer& body) {
  if (role_ == Role::server && body.size() == client_hello_size) return send_record(flight(own_, server_flight_size));
  if (body.size() != (role_ == Role::server ? client_flight_size : server_flight_size))
    return end({.code = Errc::malformed, .doing = "no TLS at " + remote_.text()});
  std::copy_n(body.begin(), peer_key_.bytes.size(), peer_key_.bytes.begin());
  if (!check_(peer())) return end({.code = Errc::identity_mismatch, .doing = "connecting to " + remote_.text() + ": another key"});
  if (role_ == Role::client) send_record(flight(own_, client_flight_size));
  stage_ = Stage::ready;
  if (events_.ready) events_.ready();
}

void SecuredStream::end(Error why) {
  if (std::exchange(stage_, Stage::over) == Stage::over) return;
  // A connection that its peer has finished is ours to close. An alert tells why, at best; here it is the same as an orderly end.
  if (why.code == Errc::identity_mismatch) socket_.send(frame({}));
  socket_.close();
  if (events_.ended) events_.ended(why);
}

}  // namespace pshare::sim
