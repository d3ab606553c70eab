// Tickets and supernodes at the rendezvous: who is listed, to whom, and who gets a ticket for what.
#include <gmock/gmock.h>

#include "relay/rendezvous.hpp"
#include "relay/volunteers.hpp"
#include "secure/identity.hpp"
#include "secure/ticket.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

constexpr UnixTime wall{1'800'000'000s};

class SupernodesTest : public testing::Test {
 protected:
  struct Person {
    PublicKey key;
    PeerId id;
    DeviceId device;
    Endpoint from;
  };

  Person connect(const PublicKey& key, const std::string& from) {
    const auto endpoint = *Endpoint::parse(from);
    const Person person{key, id_of(key), rendezvous.connected(key, endpoint, now), endpoint};
    say(person, Hello{});
    told(person);
    return person;
  }
  Person connect() {
    PublicKey key;
    key.bytes[0] = static_cast<std::byte>(++keys), key.bytes[1] = static_cast<std::byte>(keys >> 8);
    return connect(key, "10.1." + std::to_string(keys >> 8) + "." + std::to_string(keys & 0xFF) + ":5000");
  }
  void say(const Person& who, const ClientMessage& message) {
    rendezvous.received(who.device, message, wall, now);
    drain();
  }
  std::vector<ServerMessage> told(const Person& who) { return std::exchange(inbox[who.device], {}); }
  template <typename Message>
  Message only(const Person& who) {
    const auto all = told(who);
    EXPECT_EQ(all.size(), 1u);
    const auto* message = all.empty() ? nullptr : std::get_if<Message>(&all.back());
    EXPECT_NE(message, nullptr);
    return message ? *message : Message{};
  }
  void drain() {
    while (const auto action = rendezvous.take()) {
      if (const auto* reply = std::get_if<Rendezvous::Reply>(&*action)) inbox[reply->to].push_back(reply->message);
      if (const auto* look = std::get_if<Rendezvous::VerifyRelay>(&*action)) looks.push_back(*look);
    }
  }
  void found(const Rendezvous::VerifyRelay& look, DialBackOutcome outcome = DialBackOutcome::reached) {
    rendezvous.dialled_back(look.number, outcome);
    drain();
  }
  /// A supernode that is listed.
  Person supernode(bool for_anyone) {
    auto person = connect();
    volunteer(person, for_anyone);
    return person;
  }
  void volunteer(const Person& person, bool for_anyone, bool full = false) {
    say(person, Volunteer{1, Port{4800}, for_anyone, full});
    if (!looks.empty()) found(looks.back());
    looks.clear();
    told(person);
  }
  std::vector<PeerId> listed(const Person& asker, std::vector<PeerId> trusted = {}) {
    say(asker, AskRelays{2, std::move(trusted)});
    std::vector<PeerId> ids;
    for (const auto& each : only<Relays>(asker).relays) ids.push_back(each.relay);
    return ids;
  }

  static const Identity& host() {
    static const Identity identity = value_or_throw(Identity::generate());
    return identity;
  }

  TimePoint now{};
  MemoryNameStore names;
  SeededRandom random{1};
  TicketOffice office{host(), random, 5'000};
  Rendezvous rendezvous{names, {.agent = "test", .notice = {}, .dials_back = true, .tickets = &office, .relays = true}};
  std::map<DeviceId, std::vector<ServerMessage>> inbox;
  std::vector<Rendezvous::VerifyRelay> looks;
  int keys = 0;
};

// --- tickets --------------------------------------------------------------------------------------------------------

TEST_F(SupernodesTest, SignsATicketForItsOwnRelay) {
  const auto alice = connect(), bob = connect();
  SessionId session;
  session.bytes[3] = std::byte{9};
  say(alice, AskTicket{5, session, bob.id, host().id()});
  const auto granted = only<Granted>(alice);
  EXPECT_EQ(granted.request, 5u);
  const auto ticket = open_ticket({host().public_key()}, host().id(), wall, granted.ticket);
  ASSERT_TRUE(ticket);
  EXPECT_EQ(ticket->session, session);
  EXPECT_EQ(ticket->one, alice.id);
  EXPECT_EQ(ticket->other, bob.id);
  EXPECT_EQ(ticket->expires, wall + ticket_lifetime);
  EXPECT_EQ(ticket->quota, 5'000u);
}

TEST_F(SupernodesTest, GivesEveryTicketAnIdOfItsOwn) {
  const auto alice = connect(), bob = connect();
  std::set<TicketId> ids;
  for (int i = 0; i < 5; ++i) {
    say(alice, AskTicket{5, {}, bob.id, host().id()});
    ids.insert(value_or_throw(open_ticket({host().public_key()}, host().id(), wall, only<Granted>(alice).ticket)).id);
  }
  EXPECT_THAT(ids, SizeIs(5));
}

TEST_F(SupernodesTest, SignsNoTicketForALaneToOneself) {
  const auto alice = connect();
  say(alice, AskTicket{5, {}, alice.id, host().id()});
  EXPECT_EQ(only<Trouble>(alice).code, Errc::refused);
}

TEST_F(SupernodesTest, BoundsTheTicketsOfAKey) {
  const auto alice = connect(), bob = connect();
  for (std::uint32_t i = 0; i < tickets_of_a_key.burst; ++i) {
    say(alice, AskTicket{5, {}, bob.id, host().id()});
    only<Granted>(alice);
  }
  say(alice, AskTicket{5, {}, bob.id, host().id()});
  EXPECT_EQ(only<Trouble>(alice).code, Errc::limit);
  now += 5s;
  say(alice, AskTicket{5, {}, bob.id, host().id()});
  only<Granted>(alice);
}

TEST_F(SupernodesTest, BoundsTheTicketsOfAnAddressWhateverTheKeys) {
  const auto address = *IpAddress::parse("192.0.2.1");
  std::uint32_t granted = 0;
  for (std::uint32_t i = 0; i < tickets_of_an_address.burst + 10; ++i) {
    PublicKey key;
    key.bytes[4] = static_cast<std::byte>(i), key.bytes[5] = static_cast<std::byte>(i >> 8);
    if (office.sign({id_of(key), host().id(), host().id(), {}}, address, wall, now)) ++granted;
  }
  EXPECT_EQ(granted, tickets_of_an_address.burst);
}

TEST_F(SupernodesTest, SaysSoWhenItDoesNotRelayItself) {
  Rendezvous other{names, {.agent = "test", .notice = {}, .dials_back = true, .tickets = &office, .relays = false}};
  const auto device = other.connected(PublicKey{}, *Endpoint::parse("192.0.2.1:5"), now);
  other.received(device, Hello{}, wall, now);
  other.received(device, AskTicket{5, {}, host().id(), host().id()}, wall, now);
  const auto welcome = other.take(), answer = other.take();
  EXPECT_TRUE(std::get<Welcome>(std::get<Rendezvous::Reply>(*welcome).message).signs_tickets);
  EXPECT_FALSE(std::get<Welcome>(std::get<Rendezvous::Reply>(*welcome).message).relays);
  EXPECT_EQ(std::get<Trouble>(std::get<Rendezvous::Reply>(*answer).message).code, Errc::offline);
}

// --- supernodes -----------------------------------------------------------------------------------------------------

TEST_F(SupernodesTest, ListsASupernodeOnceItWasFoundWhereItSays) {
  const auto helper = connect(), asker = connect();
  say(helper, Volunteer{1, Port{4800}, true, false});
  ASSERT_THAT(looks, SizeIs(1));
  EXPECT_EQ(looks[0].at, (Endpoint{helper.from.address, Port{4800}}));  // never anywhere else
  EXPECT_EQ(looks[0].relay, helper.id);
  EXPECT_THAT(listed(asker), IsEmpty());
  found(looks[0]);
  const auto answer = only<Volunteered>(helper);
  EXPECT_EQ(answer.outcome, DialBackOutcome::reached);
  EXPECT_EQ(answer.endpoint, looks[0].at);
  say(asker, AskRelays{2, {}});
  EXPECT_THAT(only<Relays>(asker).relays, ElementsAre(RelayListing{helper.id, {looks[0].at}, true}));
}

TEST_F(SupernodesTest, DoesNotListOneThatWasNotFound) {
  const auto helper = connect(), asker = connect();
  say(helper, Volunteer{1, Port{4800}, true, false});
  found(looks[0], DialBackOutcome::timeout);
  EXPECT_EQ(only<Volunteered>(helper).outcome, DialBackOutcome::timeout);
  EXPECT_THAT(listed(asker), IsEmpty());
  say(asker, AskTicket{3, {}, connect().id, helper.id});
  EXPECT_EQ(only<Trouble>(asker).code, Errc::offline);
}

TEST_F(SupernodesTest, StopsListingOneThatIsNotFoundAnyMore) {
  const auto helper = supernode(true), asker = connect();
  say(helper, Volunteer{1, Port{4800}, true, false});  // looked at each time
  EXPECT_THAT(listed(asker), ElementsAre(helper.id));   // as before until then
  found(looks.at(0), DialBackOutcome::refused);
  EXPECT_THAT(listed(asker), IsEmpty());
}

TEST_F(SupernodesTest, ListsItOnlyWhileItsControlConnectionLives) {
  const auto helper = supernode(true), asker = connect();
  EXPECT_THAT(listed(asker), ElementsAre(helper.id));
  rendezvous.disconnected(helper.device, now);
  EXPECT_THAT(listed(asker), IsEmpty());
}

TEST_F(SupernodesTest, ListsItNoMoreWhenItSaysSo) {
  const auto helper = supernode(true), asker = connect();
  say(helper, Volunteer{1, Port{0}, true, false});
  EXPECT_NE(only<Volunteered>(helper).outcome, DialBackOutcome::reached);
  EXPECT_THAT(listed(asker), IsEmpty());
}

TEST_F(SupernodesTest, DoesNotListAFullOneUntilItHasRoomAgain) {
  const auto helper = supernode(true), asker = connect();
  say(helper, Volunteer{1, Port{4800}, true, true});
  EXPECT_THAT(looks, IsEmpty());  // it is known to be there
  EXPECT_EQ(only<Volunteered>(helper).outcome, DialBackOutcome::reached);
  EXPECT_THAT(listed(asker), IsEmpty());
  volunteer(helper, true);
  EXPECT_THAT(listed(asker), ElementsAre(helper.id));
}

TEST_F(SupernodesTest, TellsOfThoseForContactsOnlyToWhoNamesThem) {
  const auto private_one = supernode(false), public_one = supernode(true), asker = connect();
  EXPECT_THAT(listed(asker), ElementsAre(public_one.id));
  EXPECT_THAT(listed(asker, {private_one.id}), ElementsAre(private_one.id, public_one.id));
  EXPECT_THAT(listed(asker, {public_one.id}), ElementsAre(public_one.id));  // once
}

TEST_F(SupernodesTest, NeverListsTheAskersOwn) {
  const auto helper = supernode(true);
  EXPECT_THAT(listed(helper, {helper.id}), IsEmpty());
}

TEST_F(SupernodesTest, ListsSoManyAndOthersEachTime) {
  for (std::size_t i = 0; i < 2 * max_relays; ++i) supernode(true);
  const auto asker = connect();
  const auto some = listed(asker), others = listed(asker);
  EXPECT_THAT(some, SizeIs(max_relays));
  EXPECT_THAT(others, SizeIs(max_relays));
  std::set<PeerId> all{some.begin(), some.end()};
  all.insert(others.begin(), others.end());
  EXPECT_THAT(all, SizeIs(2 * max_relays));
}

TEST_F(SupernodesTest, SignsATicketForAListedSupernodeWithoutAQuota) {
  const auto helper = supernode(true), asker = connect(), peer = connect();
  say(asker, AskTicket{3, {}, peer.id, helper.id});
  const auto ticket = open_ticket({host().public_key()}, helper.id, wall, only<Granted>(asker).ticket);
  ASSERT_TRUE(ticket);
  EXPECT_EQ(ticket->quota, std::nullopt);
}

TEST_F(SupernodesTest, KnowsOneSupernodeOfAKeyTheLatest) {
  const auto older = supernode(true);
  const auto newer = connect(older.key, "10.9.9.9:5000");
  volunteer(newer, true);
  const auto asker = connect();
  say(asker, AskRelays{2, {}});
  const auto relays = only<Relays>(asker).relays;
  ASSERT_THAT(relays, SizeIs(1));
  EXPECT_EQ(relays[0].endpoints, std::vector{*Endpoint::parse("10.9.9.9:4800")});
  rendezvous.disconnected(older.device, now);
  EXPECT_THAT(listed(asker), ElementsAre(older.id));  // it is not the older's any more
}

TEST_F(SupernodesTest, BoundsHowOftenItLooks) {
  const auto helper = connect();
  for (std::size_t i = 0; i < max_dial_backs_of_a_connection; ++i) say(helper, Volunteer{1, Port{4800}, true, false});
  EXPECT_THAT(told(helper), IsEmpty());
  say(helper, Volunteer{1, Port{4800}, true, false});
  EXPECT_EQ(only<Trouble>(helper).code, Errc::limit);
}

TEST_F(SupernodesTest, ForgetsALookWhosePortHasChangedMeanwhile) {
  const auto helper = connect(), asker = connect();
  say(helper, Volunteer{1, Port{4800}, true, false});
  say(helper, Volunteer{2, Port{4801}, true, false});
  found(looks.at(0));
  EXPECT_THAT(listed(asker), IsEmpty());
  found(looks.at(1));
  EXPECT_THAT(listed(asker), ElementsAre(helper.id));
}

TEST(Volunteers, BoundsThoseOfAnAddress) {
  Volunteers volunteers;
  const auto offer = [](std::size_t number, const char* from) {
    PeerId::Digest digest{};
    digest[0] = static_cast<std::byte>(number), digest[1] = static_cast<std::byte>(number >> 8);
    const auto address = *IpAddress::parse(from);
    return Volunteers::Offer{DeviceId{number}, PeerId{digest}, address, {address, Port{1}}, true};
  };
  for (std::size_t i = 1; i <= max_volunteers_of_an_address; ++i) EXPECT_EQ(volunteers.offered(offer(i, "192.0.2.1")), Volunteers::Verdict::look);
  EXPECT_EQ(volunteers.offered(offer(99, "192.0.2.1")), Volunteers::Verdict::too_many);
  EXPECT_EQ(volunteers.offered(offer(99, "192.0.2.2")), Volunteers::Verdict::look);
  volunteers.gone(DeviceId{1}, offer(1, "192.0.2.1").id);
  EXPECT_EQ(volunteers.offered(offer(100, "192.0.2.1")), Volunteers::Verdict::look);
  EXPECT_LE(volunteers.size(), max_volunteers);
}

}  // namespace
}  // namespace pshare
