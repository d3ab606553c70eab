#include "secure/io/tls_stream.hpp"

#include <algorithm>
#include <utility>

#include "wire/error.hpp"

namespace pshare {

namespace {

constexpr std::size_t ciphertext_at_once = 256 * 1024;
constexpr std::size_t plain_at_once = 256 * 1024;
/// RFC 8446 section 5.1: type 1, legacy version 2, length 2.
constexpr std::size_t record_header = 5;

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

  /// How many bytes the next read may take: all that is there, or no more than the header or the rest of one record.
  std::size_t wanted() const {
    if (!by_record) return ciphertext.size();
    if (record.size() < record_header) return record_header - record.size();
    const auto length = std::to_integer<std::size_t>(record[3]) << 8 | std::to_integer<std::size_t>(record[4]);
    return record_header + length - record.size();
  }

  /// Keeps in mind where in a record we are.
  void follow(ByteView received) {
    if (!by_record) return;
    record.insert(record.end(), received.begin(), received.end());
    if (record.size() >= record_header && wanted() == 0) record.clear();
  }

  /// The next ciphertext, of which the engine is fed. The end of the TCP stream is no orderly end: only a close_notify is.
  awaitable<Result<void>> receive() {
    std::size_t received = 0;
    bool ended = false;
    try {
      const auto room = std::span{ciphertext}.first(std::min(wanted(), ciphertext.size()));
      received = co_await socket.read_some(room);
    } catch (const Failure& failure) {
      if (closed || failure.error().code != Errc::closed) throw;
      ended = true;
    }
    if (ended) throw Failure{{.code = Errc::unreachable, .doing = "the connection to " + socket.remote().text() + " was cut off"}};
    follow(ByteView{ciphertext}.first(received));
    co_return engine.feed(ByteView{ciphertext}.first(received));
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
  ByteBuffer record;  // of the record that is being read, what has come; only when by_record
  bool by_record = false;
  bool sending = false, said_goodbye = false, closed = false;
};

TlsStream::TlsStream(TcpStream socket, TlsEngine engine) : state_(std::make_unique<State>(std::move(socket), std::move(engine))) {}
TlsStream::TlsStream(TlsStream&&) noexcept = default;
TlsStream& TlsStream::operator=(TlsStream&&) noexcept = default;

TlsStream::~TlsStream() {
  if (state_) close();
}

void TlsStream::read_record_by_record() noexcept { state_->by_record = true; }

TcpStream TlsStream::release() && {
  const auto state = std::move(state_);
  return std::move(state->socket);
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

}  // namespace pshare
