// A server of a few lines for tests of what talks to one: says and hears whole messages.
#pragma once

#include <stdexcept>
#include <utility>
#include <variant>

#include "person.hpp"
#include "wire/control.hpp"
#include "wire/framing.hpp"

namespace pshare::testing {

/// One connection at the server's side, message by message.
class Conversation {
 public:
  explicit Conversation(TlsStream stream) : stream_(std::move(stream)) {}
  PeerId client() const { return stream_.peer(); }

  awaitable<ClientMessage> hear() {
    ByteBuffer buffer(4096);
    for (;;) {
      const auto body = value_or_throw(frames_.next());
      if (body) co_return value_or_throw(decode_client_message(*body));
      const auto count = co_await stream_.read_some(buffer);
      frames_.feed(ByteView{buffer}.first(count));
    }
  }
  template <typename Message>
  awaitable<Message> hear_a() {
    const auto message = co_await hear();
    const auto* found = std::get_if<Message>(&message);
    if (found == nullptr) throw std::logic_error{"the client said something else"};
    co_return *found;
  }
  awaitable<void> say(ServerMessage message) {
    const auto bytes = frame(encode(message));
    co_await stream_.write(ByteView{bytes});
  }
  awaitable<void> welcome() {
    Welcome words;
    return welcome(std::move(words));
  }
  awaitable<void> welcome(Welcome words) {
    co_await hear_a<Hello>();
    words.observed = {here(), Port{7}};
    co_await say(words);
  }
  void close() { stream_.close(); }

 private:
  TlsStream stream_;
  FrameReader frames_;
};

/// The next one who comes to `listener`, where `server` answers.
inline awaitable<Conversation> accept_client(Listener& listener, const Person& server) {
  auto socket = co_await listener.accept();
  std::vector<std::string> alpn{std::string{control_alpn}};
  PeerCheck anybody = [](const PeerId&) { return true; };
  TlsStream stream{std::move(socket), TlsEngine{server.tls, TlsRole::server, std::move(alpn), std::move(anybody)}};
  co_await stream.handshake();
  co_return Conversation{std::move(stream)};
}

}  // namespace pshare::testing
