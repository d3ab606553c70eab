// Where relays are, and what they do with what they carry.
//
//   no-relay          says that it relays, gives tickets, and ends every connection that is meant so
//   bad-tickets       the same, and the tickets mean nothing
//   relay-in-between  joins nobody: tells each that the other is there, and is the other one itself, with its own key
//   strange-relay     lists itself as a supernode that serves anyone, under a key that it has not got; and relays itself not at all
#include "lies.hpp"
#include "secure/ticket.hpp"
#include "wire/framing.hpp"
#include "wire/lane_messages.hpp"
#include "wire/relay_hello.hpp"

namespace pshare::hostile {
namespace {

constexpr std::string_view lane_was_opened = "a lane was opened to the one in between";

class Relaying : public HonestServer {
 public:
  using HonestServer::HonestServer;

 protected:
  Welcome welcome(const Client& client) override {
    auto told = HonestServer::welcome(client);
    told.signs_tickets = told.relays = true;
    return told;
  }
  void ask_ticket(Client& client, const AskTicket& verb) override {
    const Ticket ticket{.id = TicketId::random(random_), .session = verb.session, .one = client.stream.peer(), .other = verb.peer, .relay = verb.relay,
                        .expires = wall_clock() + ticket_lifetime, .quota = std::nullopt};
    client.say(Granted{verb.request, sign_ticket(setting_.identity, ticket)});
  }
};

class BadTickets : public Relaying {
 public:
  using Relaying::Relaying;

 protected:
  void ask_ticket(Client& client, const AskTicket& verb) override { client.say(Granted{verb.request, buffer_of(bytes_of("let them in"))}); }
};

class InBetween : public Relaying {
 public:
  using Relaying::Relaying;

 protected:
  awaitable<void> relay(TlsStream stream) override {
    FrameReader frames;
    ByteBuffer piece(1024);
    std::optional<ByteBuffer> body;
    while (!(body = value_or_throw(frames.next()))) {
      const auto count = co_await stream.read_some(std::span{piece}.first(1));  // not a byte of what follows
      setting_.overheard.note(ByteView{piece}.first(count));
      frames.feed(ByteView{piece}.first(count));
    }
    const auto ticket = value_or_throw(decode_relay_hello(*body)).ticket;
    const auto opened = value_or_throw(open_ticket({setting_.identity.public_key()}, setting_.identity.id(), wall_clock(), ticket));
    const auto role = opened.one == stream.peer() ? TlsRole::server : TlsRole::client;  // who asked is the sender, and the TLS client
    const auto words = frame(encode(RelayAnswer{RelayJoined{}}));
    co_await stream.write(ByteView{words});
    auto socket = std::move(stream).release();
    std::vector<std::string> alpn{std::string{lane_alpn}};
    const auto anybody = [](const PeerId&) { return true; };
    TlsStream inner{std::move(socket), TlsEngine{setting_.tls, role, std::move(alpn), anybody}};
    co_await inner.handshake();
    // A client is done with its handshake before it knows whether its own key is accepted.
    if (role == TlsRole::server) setting_.overheard.note(bytes_of(lane_was_opened));
    for (;;) {
      const auto count = co_await inner.read_some(piece);
      setting_.overheard.note(bytes_of(lane_was_opened));
      setting_.overheard.note(ByteView{piece}.first(count));
    }
  }
};

class StrangeRelay : public Relaying {
 public:
  explicit StrangeRelay(const Setting& setting) : Relaying(setting), accomplice_(*Identity::generate()) {}

 protected:
  Welcome welcome(const Client& client) override {
    auto told = Relaying::welcome(client);
    told.relays = false;
    return told;
  }
  void ask_relays(Client& client, const AskRelays& verb) override {
    const auto here = client.stream.socket().local();
    std::vector<RelayListing> listed{{accomplice_.id(), {here}, true}};
    for (const auto& each : verb.trusted) listed.push_back({each, {here}, false});
    client.say(Relays{verb.request, std::move(listed)});
  }

 private:
  Identity accomplice_;
};

}  // namespace

Lies lies_about_relays() {
  return {
      {"no-relay", lie<Relaying>()},
      {"bad-tickets", lie<BadTickets>()},
      {"relay-in-between", lie<InBetween>()},
      {"strange-relay", lie<StrangeRelay>()},
  };
}

}  // namespace pshare::hostile
