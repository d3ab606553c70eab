#include "relay/rendezvous.hpp"

#include <gmock/gmock.h>

#include "secure/identity.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr UnixTime wall{1'800'000'000s};

/// A rendezvous whose clients are test code: what each of them was told is kept in order.
class RendezvousTest : public testing::Test {
 protected:
  struct Person {
    PublicKey key;
    PeerId id;
    DeviceId device;
  };

  Person connect(const PublicKey& key, const std::string& address = "192.0.2.1:5000") {
    const Person person{key, id_of(key), rendezvous.connected(key, *Endpoint::parse(address), now)};
    drain();
    return person;
  }
  Person join(const std::string& name) {
    auto person = connect(Identity::generate()->public_key());
    say(person, Hello{});
    say(person, Register{1, name});
    told(person);
    return person;
  }
  void say(const Person& who, const ClientMessage& message) {
    rendezvous.received(who.device, message, wall, now);
    drain();
  }
  /// Everything that was said to `who` since it was asked last.
  std::vector<ServerMessage> told(const Person& who) { return std::exchange(inbox[who.device], {}); }
  template <typename Message>
  Message only(const Person& who) {
    const auto all = told(who);
    EXPECT_EQ(all.size(), 1u);
    const auto* message = all.empty() ? nullptr : std::get_if<Message>(&all.back());
    EXPECT_NE(message, nullptr);
    return message ? *message : Message{};
  }
  void wait(Duration time) {
    now += time;
    rendezvous.expire(now);
    drain();
  }
  void drain() {
    while (const auto action = rendezvous.take()) {
      if (const auto* reply = std::get_if<Rendezvous::Reply>(&*action)) inbox[reply->to].push_back(reply->message);
      if (const auto* close = std::get_if<Rendezvous::Close>(&*action)) closed.insert(close->device);
    }
  }
  SendSignal offer(const Person& to, int number, bool waits = true) {
    SessionId session;
    session.bytes[0] = static_cast<std::byte>(number);
    return {7, to.id, {}, buffer_of(bytes_of("sealed" + std::to_string(number))), waits, session};
  }

  TimePoint now{};
  MemoryNameStore names;
  Rendezvous rendezvous{names, {.max_clients = 50, .agent = "test", .notice = "maintenance at noon"}};
  std::map<DeviceId, std::vector<ServerMessage>> inbox;
  std::set<DeviceId> closed;
};

TEST_F(RendezvousTest, WelcomesWhoSaysHello) {
  const auto alice = connect(Identity::generate()->public_key());
  say(alice, Hello{});
  const auto welcome = only<Welcome>(alice);
  EXPECT_EQ(welcome.device, alice.device);
  EXPECT_EQ(welcome.observed.text(), "192.0.2.1:5000");
  EXPECT_EQ(welcome.notice, "maintenance at noon");
  EXPECT_EQ(welcome.wait_seconds, 600u);
  EXPECT_EQ(welcome.now, wall);
}

TEST_F(RendezvousTest, EndsAConversationThatDoesNotBeginWithHello) {
  const auto rude = connect(Identity::generate()->public_key());
  say(rude, Ping{});
  EXPECT_EQ(only<Trouble>(rude).code, Errc::malformed);
  EXPECT_TRUE(closed.contains(rude.device));
}

TEST_F(RendezvousTest, SaysWhoMustUpdateWhenVersionsDoNotFit) {
  const auto older = connect(Identity::generate()->public_key()), newer = connect(Identity::generate()->public_key());
  say(older, Hello{.version = oldest_control_version - 1, .agent = {}, .features = {}});
  EXPECT_THAT(only<Trouble>(older).words, HasSubstr("update pshare on your machine"));
  say(newer, Hello{.version = control_version + 1, .agent = {}, .features = {}});
  const auto trouble = only<Trouble>(newer);
  EXPECT_EQ(trouble.code, Errc::version);
  EXPECT_THAT(trouble.words, HasSubstr("update pshare-server"));
  EXPECT_TRUE(closed.contains(older.device) && closed.contains(newer.device));
}

TEST_F(RendezvousTest, GivesANameToItsFirstKeyAndKeepsItThere) {
  const auto alice = join("alice");
  const auto mallory = connect(Identity::generate()->public_key());
  say(mallory, Hello{});
  told(mallory);
  say(mallory, Register{4, "Alice"});
  const auto trouble = only<Trouble>(mallory);
  EXPECT_EQ(trouble.code, Errc::refused);
  EXPECT_EQ(trouble.request, 4u);
  EXPECT_FALSE(closed.contains(mallory.device));
  say(alice, Register{5, "ALICE"});
  EXPECT_EQ(only<Registered>(alice).name, "alice");
}

TEST_F(RendezvousTest, ResolvesNamesAndIdsAndSaysWhoIsOnline) {
  const auto alice = join("alice"), bob = join("bob");
  say(alice, Resolve{2, std::string{"bob"}});
  auto resolved = only<Resolved>(alice);
  EXPECT_EQ(resolved.key, bob.key);
  EXPECT_TRUE(resolved.online);
  rendezvous.disconnected(bob.device, now);
  say(alice, Resolve{3, bob.id});
  resolved = only<Resolved>(alice);
  EXPECT_EQ(resolved.name, "bob");
  EXPECT_FALSE(resolved.online);
  say(alice, Resolve{4, std::string{"nobody"}});
  EXPECT_EQ(only<Trouble>(alice).code, Errc::unknown_peer);
  say(alice, Who{5, {bob.id, alice.id}});
  EXPECT_THAT(only<WhoReply>(alice).online, testing::ElementsAre(alice.id));
}

TEST_F(RendezvousTest, ForwardsASignalToEveryDeviceAndTellsItsFate) {
  const auto alice = join("alice"), bob = join("bob");
  const auto second = connect(bob.key);
  say(second, Hello{});
  told(second);
  say(alice, offer(bob, 1));
  EXPECT_EQ(only<SignalFate>(alice).fate, Fate::delivered);
  for (const auto& device : {bob, second}) {
    const auto delivery = only<Delivery>(device);
    EXPECT_EQ(delivery.from, alice.id);
    EXPECT_EQ(delivery.from_device, alice.device);
    EXPECT_EQ(text_of(delivery.body), "sealed1");
  }
}

TEST_F(RendezvousTest, ForwardsToOneDeviceAloneWhenItIsNamed) {
  const auto alice = join("alice"), bob = join("bob");
  const auto second = connect(bob.key);
  say(second, Hello{});
  told(second);
  auto signal = offer(bob, 1, false);
  signal.device = second.device;
  say(alice, signal);
  EXPECT_EQ(told(bob).size(), 0u);
  EXPECT_EQ(told(second).size(), 1u);
  told(alice);
  rendezvous.disconnected(second.device, now);
  say(alice, signal);
  EXPECT_EQ(only<SignalFate>(alice).fate, Fate::offline);
}

TEST_F(RendezvousTest, KeepsAnOfferForAnOfflinePeerUntilItComes) {
  const auto alice = join("alice"), bob = join("bob");
  rendezvous.disconnected(bob.device, now);
  say(alice, offer(bob, 1));
  EXPECT_EQ(only<SignalFate>(alice).fate, Fate::waiting);
  wait(5min);
  const auto again = connect(bob.key);
  say(again, Hello{});
  const auto all = told(again);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(text_of(std::get<Delivery>(all[1]).body), "sealed1");
}

TEST_F(RendezvousTest, DoesNotDeliverWhatWasWithdrawnOrIsTooOld) {
  const auto alice = join("alice"), bob = join("bob");
  rendezvous.disconnected(bob.device, now);
  say(alice, offer(bob, 1));
  say(alice, Withdraw{8, bob.id, offer(bob, 1).session});
  say(alice, offer(bob, 2));
  for (int i = 0; i < 31; ++i) wait(20s), say(alice, Ping{});  // alice keeps her line alive meanwhile
  const auto again = connect(bob.key);
  say(again, Hello{});
  EXPECT_EQ(told(again).size(), 1u);  // the Welcome
}

TEST_F(RendezvousTest, TellsUnknownOfflineAndAFullMailboxApart) {
  const auto alice = join("alice"), bob = join("bob");
  Person nobody{{}, id_of(Identity::generate()->public_key()), {}};
  say(alice, offer(nobody, 1));
  EXPECT_EQ(only<SignalFate>(alice).fate, Fate::unknown);
  rendezvous.disconnected(bob.device, now);
  say(alice, offer(bob, 1, false));
  EXPECT_EQ(only<SignalFate>(alice).fate, Fate::offline);
  for (int i = 0; i < static_cast<int>(max_waiting_for_one); ++i) say(alice, offer(bob, i));
  told(alice);
  say(alice, offer(bob, 200));
  EXPECT_EQ(only<SignalFate>(alice).fate, Fate::mailbox_full);
}

TEST_F(RendezvousTest, AnswersPingAndDropsWhoIsSilent) {
  const auto alice = join("alice"), bob = join("bob");
  wait(2 * keep_alive);
  say(alice, Ping{});
  EXPECT_EQ(told(alice).size(), 1u);
  wait(keep_alive);
  EXPECT_FALSE(closed.contains(alice.device));
  EXPECT_TRUE(closed.contains(bob.device));
}

TEST_F(RendezvousTest, NamesADeadlineForTheNextSilence) {
  EXPECT_EQ(rendezvous.deadline(), std::nullopt);
  join("alice");
  EXPECT_EQ(rendezvous.deadline(), now + 3 * keep_alive);
}

TEST_F(RendezvousTest, SlowsDownWhoAsksTooMuch) {
  const auto alice = join("alice");
  Errc last = Errc::failed;
  for (int i = 0; i < 70; ++i) {
    say(alice, Resolve{static_cast<std::uint64_t>(i), std::string{"guess"} + std::to_string(i)});
    last = only<Trouble>(alice).code;
  }
  EXPECT_EQ(last, Errc::limit);  // guessing names, one is stopped long before a list is through
  EXPECT_FALSE(closed.contains(alice.device));
  for (int i = 0; i < 300; ++i) say(alice, Ping{});
  EXPECT_TRUE(closed.contains(alice.device));
}

TEST_F(RendezvousTest, LimitsRegistrationsOfAnAddress) {
  join("first");
  int refused = 0;
  for (int i = 0; i < 30; ++i) {
    const auto other = connect(Identity::generate()->public_key());
    say(other, Hello{});
    told(other);
    say(other, Register{1, "name" + std::to_string(i)});
    for (const auto& message : told(other)) refused += std::holds_alternative<Trouble>(message) ? 1 : 0;
  }
  EXPECT_EQ(refused, 11);  // a burst of 20, of which the first registration took one
}

TEST_F(RendezvousTest, TurnsClientsAwayWhenFull) {
  std::vector<Person> people;
  for (int i = 0; i < 51; ++i) people.push_back(connect(Identity::generate()->public_key(), "192.0.2." + std::to_string(i + 1) + ":1"));
  EXPECT_EQ(only<Trouble>(people.back()).code, Errc::busy);
  EXPECT_TRUE(closed.contains(people.back().device));
  EXPECT_EQ(closed.size(), 1u);
}

TEST_F(RendezvousTest, TurnsAwayAnAddressThatConnectsTooOften) {
  int refused = 0;
  for (int i = 0; i < 120; ++i) {
    const auto person = connect(Identity::generate()->public_key());
    refused += closed.contains(person.device) ? 1 : 0;
    rendezvous.disconnected(person.device, now);
  }
  EXPECT_EQ(refused, 20);
}

TEST_F(RendezvousTest, LetsTheOldestDeviceOfAnIdentityGo) {
  const auto first = join("alice");
  for (std::size_t i = 0; i < max_devices_of_a_key; ++i) say(connect(first.key), Hello{});
  EXPECT_TRUE(closed.contains(first.device));
}

TEST_F(RendezvousTest, ForgetsNoNameWhenEveryoneLeaves) {
  const auto alice = join("alice");
  say(alice, Bye{});
  EXPECT_TRUE(closed.contains(alice.device));
  rendezvous.disconnected(alice.device, now);
  EXPECT_EQ(rendezvous.clients(), 0u);
  EXPECT_EQ(names.key_of("alice").value(), alice.key);
}

TEST_F(RendezvousTest, EndsAConversationOfGarbage) {
  const auto alice = join("alice");
  rendezvous.garbled(alice.device, {.code = Errc::malformed, .doing = "reading a message: it is not CBOR"});
  drain();
  EXPECT_EQ(only<Trouble>(alice).code, Errc::malformed);
  EXPECT_TRUE(closed.contains(alice.device));
}

}  // namespace
}  // namespace pshare
