// Where relays are, and what they do with what they carry.
//
//   no-relay          says that it relays, gives tickets, and ends every connection that is meant so
//   bad-tickets       the same, and the tickets mean nothing
//   relay-in-between  joins nobody: tells each that the other is there, and is the other one itself, with its own key
//   strange-relay     lists itself as a supernode that serves anyone, under a key that it has not got; and is the other one to whoever comes
#include "in_between.hpp"
#include "lies.hpp"
#include "secure/ticket.hpp"

namespace pshare::hostile {
namespace {

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
    const auto ticket = co_await hear_ticket(stream, setting_.overheard);
    const auto opened = value_or_throw(open_ticket({setting_.identity.public_key()}, setting_.identity.id(), wall_clock(), ticket));
    const auto role = opened.one == stream.peer() ? TlsRole::server : TlsRole::client;  // who asked is the sender, and the TLS client
    auto socket = co_await say_joined(std::move(stream));
    co_await pose_as_the_other(std::move(socket), setting_.tls, role, setting_.overheard);
  }
};

class StrangeRelay : public InBetween {
 public:
  explicit StrangeRelay(const Setting& setting) : InBetween(setting), accomplice_(*Identity::generate()) {}

 protected:
  Welcome welcome(const Client& client) override {
    auto told = InBetween::welcome(client);
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
