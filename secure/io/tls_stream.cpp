#include "secure/io/tls_stream.hpp"

#include <algorithm>
#include <utility>

#include "wire/error.hpp"

namespace pshare {

namespace {

constexpr std::size_t ciphertext_at_once = 256 * 1024;
constexpr std::size_t plain_at_once = 256 * 1024;

}  // namespace

struct TlsStream::State {
  State(TcpStream stream, TlsEngine tls) : socket(std::move(stream)), engine(std::move(tls)) {}

  /// Sends all that the engine has for the network. Only one coroutine does so at a time: the handshake, then the writer. What a read
  /// makes the engine say (an alert, a key update) leaves with the next write.
  awaitable<void> flush() {
    while (engine.output_size() > 0) {
      in_flight = engine.take_output(std::move(in_flight));
      sending = true;  // stays so when the write is cancelled or fails: a part of a record may be out
      co_await socket.write(in_flight);
      sending = false;
    }
  }

  /// A last word, if the socket takes it at once.
  void flush_now() noexcept {
    const auto words = engine.take_output();
    socket.write_now(words);
  }

  TcpStream socket;
  TlsEngine engine;
  ByteBuffer in_flight;
  ByteBuffer ciphertext = ByteBuffer(ciphertext_at_once);
  bool sending = false, closed = false;
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
    const auto count = co_await state.socket.read_some(state.ciphertext);
    const auto fed = state.engine.feed(ByteView{state.ciphertext}.first(count));
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
    const auto other_end = state.socket.remote().text();
    if (state.engine.closed_by_peer()) throw Failure{{.code = Errc::closed, .doing = other_end + " closed the connection"}};

    std::size_t received = 0;
    bool cut_off = false;
    try {
      received = co_await state.socket.read_some(state.ciphertext);
    } catch (const Failure& failure) {
      if (failure.error().code != Errc::closed) throw;
      cut_off = true;
    }
    if (cut_off) throw Failure{{.code = Errc::unreachable, .doing = "the connection to " + other_end + " was cut off"}};
    if (auto fed = state.engine.feed(ByteView{state.ciphertext}.first(received)); !fed) throw Failure{std::move(fed).error()};
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

void TlsStream::close() noexcept {
  if (std::exchange(state_->closed, true)) return;
  // In the middle of a write, a close_notify would stand inside a record.
  if (state_->engine.established() && !state_->sending) {
    state_->engine.close();
    state_->flush_now();
  }
  state_->socket.close();
}

}  // namespace pshare
