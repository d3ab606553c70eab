#include "secure/io/tls_stream.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "wire/error.hpp"

namespace pshare {

namespace {

constexpr std::size_t ciphertext_at_once = 256 * 1024;
constexpr std::size_t plain_at_once = 256 * 1024;

/// RFC 8446 section 5: the header of a record, and the longest one (5.2).
constexpr std::size_t record_header = 5;
constexpr std::size_t longest_record = record_header + 16 * 1024 + 256;

/// Where in the stream of records we are.
class RecordReading {
 public:
  void passed(ByteView bytes) {
    while (!bytes.empty()) {
      const auto count = std::min(bytes.size(), needs());
      if (left_ > 0) {
        left_ -= count;
      } else {
        std::ranges::copy(bytes.first(count), header_.begin() + static_cast<std::ptrdiff_t>(have_));
        have_ += count;
        if (have_ == record_header) {
          left_ = std::to_integer<std::size_t>(header_[3]) << 8 | std::to_integer<std::size_t>(header_[4]);
          have_ = 0;
        }
      }
      bytes = bytes.subspan(count);
    }
  }
  /// To the end of the record's body, or first of its header.
  std::size_t needs() const { return left_ > 0 ? left_ : record_header - have_; }

 private:
  std::array<std::byte, record_header> header_{};
  std::size_t have_ = 0, left_ = 0;
};

}  // namespace

struct TlsStream::State {
  State(TcpStream stream, TlsEngine tls) : socket(std::move(stream)), engine(std::move(tls)) {}

  /// Sends all that the engine has for the network. Only one coroutine does so at a time: the handshake, then the writer. What a read
  /// makes the engine say (an alert, a key update) leaves with the next write.
  awaitable<void> flush() {
    // A part of a record may be out already, and nothing that could follow would be understood.
    if (sending) throw Failure{{.code = Errc::unreachable, .doing = "writing to " + socket.remote().text() + ", where an earlier write broke off"}};
    while (engine.output_size() > 0) {
      in_flight = engine.take_output(std::move(in_flight));
      sending = true;  // stays so when the write is cancelled or fails
      co_await socket.write(in_flight);
      sending = false;
    }
  }

  /// The next ciphertext, of which the engine is fed. The end of the TCP stream is no orderly end: only a close_notify is.
  awaitable<Result<void>> receive() {
    std::size_t received = 0;
    bool ended = false;
    try {
      const auto room = std::span{ciphertext};
      const auto wanted = reads_ahead ? room.size() : std::min(room.size(), record.needs());
      received = co_await socket.read_some(room.first(wanted));
    } catch (const Failure& failure) {
      if (closed || failure.error().code != Errc::closed) throw;
      ended = true;
    }
    if (ended) throw Failure{{.code = Errc::unreachable, .doing = "the connection to " + socket.remote().text() + " was cut off"}};
    const auto fresh = ByteView{ciphertext}.first(received);
    record.passed(fresh);
    co_return engine.feed(fresh);
  }

  /// A last word, if the socket takes it at once.
  void flush_now() noexcept {
    const auto words = engine.take_output();
    socket.write_now(words);
  }

  void say_goodbye() noexcept {
    // In the middle of a write, a close_notify would stand inside a record.
    if (!engine.established() || sending || std::exchange(said_goodbye, true)) return;
    engine.close();
    flush_now();
  }

  TcpStream socket;
  TlsEngine engine;
  ByteBuffer in_flight;
  ByteBuffer ciphertext = ByteBuffer(ciphertext_at_once);
  RecordReading record;
  bool reads_ahead = true, sending = false, said_goodbye = false, closed = false;
};

TlsStream::TlsStream(TcpStream socket, TlsEngine engine) : state_(std::make_unique<State>(std::move(socket), std::move(engine))) {}
TlsStream::TlsStream(TlsStream&&) noexcept = default;
TlsStream& TlsStream::operator=(TlsStream&&) noexcept = default;

TlsStream::~TlsStream() {
  if (state_) close();
}

awaitable<void> TlsStream::handshake() {
  auto& state = *state_;
  for (;;) {
    co_await state.flush();
    if (state.engine.established()) co_return;
    const auto fed = co_await state.receive();
    if (fed) continue;
    state.flush_now();  // the alert that tells the other side why
    auto error = fed.error();
    error.doing = "connecting to " + state.socket.remote().text() + ": " + error.doing;
    throw Failure{std::move(error)};
  }
}

const PeerId& TlsStream::peer() const { return state_->engine.peer(); }
const PublicKey& TlsStream::peer_key() const { return state_->engine.peer_key(); }
const std::string& TlsStream::alpn() const { return state_->engine.alpn(); }
const TcpStream& TlsStream::socket() const { return state_->socket; }

awaitable<std::size_t> TlsStream::read_some(std::span<std::byte> out) {
  auto& state = *state_;
  for (;;) {
    const auto count = state.engine.read(out);
    if (!count) throw Failure{count.error()};
    if (*count > 0) co_return *count;
    if (state.engine.closed_by_peer()) throw Failure{{.code = Errc::closed, .doing = state.socket.remote().text() + " closed the connection"}};
    auto fed = co_await state.receive();
    if (!fed) throw Failure{std::move(fed).error()};
  }
}

awaitable<void> TlsStream::read_exactly(std::span<std::byte> out) {
  while (!out.empty()) {
    const auto count = co_await read_some(out);
    out = out.subspan(count);
  }
}

awaitable<void> TlsStream::write(std::span<const ByteView> pieces) {
  auto& state = *state_;
  for (auto piece : pieces) {
    while (!piece.empty()) {
      const auto part = piece.first(std::min(piece.size(), plain_at_once));
      piece = piece.subspan(part.size());
      if (auto written = state.engine.write(part); !written) throw Failure{std::move(written).error()};
      if (state.engine.output_size() >= plain_at_once) co_await state.flush();
    }
  }
  co_await state.flush();
}

awaitable<void> TlsStream::write(ByteView piece) { co_await write(std::span{&piece, 1}); }

void TlsStream::stop_reading_ahead() {
  state_->reads_ahead = false;
  state_->ciphertext = ByteBuffer(longest_record);
}

void TlsStream::finish() noexcept {
  if (state_->closed) return;
  state_->say_goodbye();
  state_->socket.finish();
}

void TlsStream::close() noexcept {
  if (std::exchange(state_->closed, true)) return;
  state_->say_goodbye();
  state_->socket.close();
}

void TlsStream::abort() noexcept {
  state_->closed = true;
  state_->socket.abort();
}

TcpStream TlsStream::release() && {
  auto& state = *state_;
  if (state.closed || state.sending || state.engine.output_size() > 0 || !state.engine.drained()) {
    const auto doing = "giving up TLS on the connection to " + state.socket.remote().text() + ": there is more of it than was agreed";
    state.socket.abort();
    state.closed = true;
    throw Failure{{.code = Errc::malformed, .doing = doing}};
  }
  auto socket = std::move(state.socket);
  state_.reset();
  return socket;
}

}  // namespace pshare
