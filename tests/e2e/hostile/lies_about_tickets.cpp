// Tickets, and supernodes, which this server lists and does not look at. It relays nothing itself.
//
//   ticket-expired              gives tickets that have expired; ticket-for-a-day: such as hold for a day
//   ticket-for-others           tickets for two others; ticket-for-another-relay; ticket-of-nobody: tickets that somebody else has signed
//   ticket-of-another-session   tickets of a session that nobody has, which only a peer could know
//   one-ticket                  gives the same ticket again and again
//   false-supernodes            lists as many supernodes for anyone as it may, all of them at the one address in the file OVERHEARD.victim
#include <fstream>

#include "lies.hpp"
#include "secure/ticket.hpp"
#include "wire/candidate.hpp"

namespace pshare::hostile {
namespace {

using namespace std::chrono_literals;

class WithSupernodes : public HonestServer {
 public:
  using HonestServer::HonestServer;

 protected:
  Welcome welcome(const Client& client) override {
    auto told = HonestServer::welcome(client);
    told.signs_tickets = true;
    return told;
  }
  void heard(Client& client, const ClientMessage& message) override {
    const auto* verb = std::get_if<Volunteer>(&message);
    if (!verb) return HonestServer::heard(client, message);
    const Endpoint at{client.from.address, verb->port};
    supernodes_[client.stream.peer()] = RelayListing{client.stream.peer(), {at}, verb->for_anyone};
    client.say(Volunteered{verb->request, DialBackOutcome::reached, at});
  }
  void ask_relays(Client& client, const AskRelays& verb) override {
    std::vector<RelayListing> listed;
    for (const auto& [id, each] : supernodes_)
      if (id != client.stream.peer()) listed.push_back(each);
    client.say(Relays{verb.request, std::move(listed)});
  }
  void ask_ticket(Client& client, const AskTicket& verb) override { client.say(Granted{verb.request, sign_ticket(setting_.identity, honest(client, verb))}); }

  Ticket honest(const Client& client, const AskTicket& verb) {
    return {.id = TicketId::random(random_), .session = verb.session, .one = client.stream.peer(), .other = verb.peer, .relay = verb.relay,
            .expires = wall_clock() + ticket_lifetime, .quota = std::nullopt};
  }

 private:
  std::map<PeerId, RelayListing> supernodes_;
};

class WrongTickets : public WithSupernodes {
 public:
  enum class Wrong { expired, for_a_day, for_others, for_another_relay, of_nobody, of_another_session };
  WrongTickets(const Setting& setting, Wrong how) : WithSupernodes(setting), how_(how), accomplice_(*Identity::generate()) {}

 protected:
  void ask_ticket(Client& client, const AskTicket& verb) override {
    auto ticket = honest(client, verb);
    switch (how_) {
      case Wrong::expired: ticket.expires = wall_clock() - 1min; break;
      case Wrong::for_a_day: ticket.expires = wall_clock() + 24h; break;
      case Wrong::for_others: ticket.one = accomplice_.id(), ticket.other = setting_.identity.id(); break;
      case Wrong::for_another_relay: ticket.relay = accomplice_.id(); break;
      case Wrong::of_another_session: ticket.session = SessionId::random(random_); break;
      case Wrong::of_nobody: break;
    }
    client.say(Granted{verb.request, sign_ticket(how_ == Wrong::of_nobody ? accomplice_ : setting_.identity, ticket)});
  }

 private:
  Wrong how_;
  Identity accomplice_;
};

class OneTicket : public WithSupernodes {
 public:
  using WithSupernodes::WithSupernodes;

 protected:
  void ask_ticket(Client& client, const AskTicket& verb) override {
    if (!ticket_) ticket_ = sign_ticket(setting_.identity, honest(client, verb));
    client.say(Granted{verb.request, *ticket_});
  }

 private:
  std::optional<ByteBuffer> ticket_;
};

class FalseSupernodes : public WithSupernodes {
 public:
  explicit FalseSupernodes(const Setting& setting) : WithSupernodes(setting) {
    while (invented_.size() < max_relays) invented_.push_back(Identity::generate()->id());
  }

 protected:
  void ask_relays(Client& client, const AskRelays& verb) override {
    std::ifstream file{setting_.overheard.path() + ".victim"};
    std::string text;
    file >> text;
    const std::vector<Endpoint> at(max_relay_endpoints, value_or_throw(Endpoint::parse(text)));
    std::vector<RelayListing> listed;
    for (const auto& each : invented_) listed.push_back({each, at, true});
    client.say(Relays{verb.request, std::move(listed)});
  }

 private:
  std::vector<PeerId> invented_;
};

}  // namespace

Lies lies_about_tickets() {
  using Wrong = WrongTickets::Wrong;
  return {
      {"ticket-expired", lie<WrongTickets>(Wrong::expired)},
      {"ticket-for-a-day", lie<WrongTickets>(Wrong::for_a_day)},
      {"ticket-for-others", lie<WrongTickets>(Wrong::for_others)},
      {"ticket-for-another-relay", lie<WrongTickets>(Wrong::for_another_relay)},
      {"ticket-of-nobody", lie<WrongTickets>(Wrong::of_nobody)},
      {"ticket-of-another-session", lie<WrongTickets>(Wrong::of_another_session)},
      {"one-ticket", lie<OneTicket>()},
      {"false-supernodes", lie<FalseSupernodes>()},
  };
}

}  // namespace pshare::hostile
