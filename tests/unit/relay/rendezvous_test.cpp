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

  Person connect(const PublicKey& key, const std::string& address) {
    const Person person{key, id_of(key), rendezvous.connected(key, *Endpoint::parse(address), now)};
    drain();
    return person;
  }
  /// Everybody at an address of their own, unless a test is about just that.
  Person connect() {
    const auto number = static_cast<std::uint16_t>(++strangers);
    return connect(stranger(), "10.1." + std::to_string(number >> 8) + "." + std::to_string(number & 0xFF) + ":5000");
  }
  /// A key that nobody else has.
  PublicKey stranger() {
    PublicKey key;
    key.bytes[0] = static_cast<std::byte>(++keys), key.bytes[1] = static_cast<std::byte>(keys >> 8);
    return key;
  }
  Person greeted(Person person, std::vector<std::string> features = {}) {
    say(person, Hello{.version = control_version, .agent = {}, .features = std::move(features)});
    told(person);
    return person;
  }
  Person join(const std::string& name) {
    auto person = connect();
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
      if (const auto* complaint = std::get_if<Rendezvous::Complaint>(&*action)) complaints.push_back(complaint->why);
      if (const auto* dial = std::get_if<Rendezvous::DialBack>(&*action)) dials.push_back(*dial);
    }
  }
  SendSignal offer(const Person& to, int number, bool waits = true) {
    SessionId session;
    session.bytes[0] = static_cast<std::byte>(number);
    return {7, to.id, {}, buffer_of(bytes_of("sealed" + std::to_string(number))), waits, session};
  }

  TimePoint now{};
  /// Keeps names in memory, and can be broken like a disk.
  class Names final : public NameStore {
   public:
    Result<PublicKey> claim(const std::string& name, const PublicKey& key) override {
      if (broken) return Unexpected{trouble};
      return kept.claim(name, key);
    }
    Result<std::optional<PublicKey>> key_of(const std::string& name) override {
      if (broken) return Unexpected{trouble};
      return kept.key_of(name);
    }
    Result<std::optional<Registration>> registration_of(const PeerId& id) override {
      if (broken) return Unexpected{trouble};
      return kept.registration_of(id);
    }
    bool broken = false;
    const Error trouble{.code = Errc::local_io, .doing = "reading the names: the disk is on fire"};
    MemoryNameStore kept;
  } names;
  Rendezvous rendezvous{names, {.max_clients = 300, .agent = "test", .notice = "maintenance at noon",
                                 .stun = Port{4700}, .stun_alternate = Port{4701}, .reflect_alternate = Port{4702},
                                 .addresses = std::pair{*IpAddress::parse("203.0.113.1"), *IpAddress::parse("203.0.113.2")},
                                 .dials_back = true}};
  std::map<DeviceId, std::vector<ServerMessage>> inbox;
  std::set<DeviceId> closed;
  std::vector<Error> complaints;
  std::vector<Rendezvous::DialBack> dials;
  int strangers = 0, keys = 0;
};

TEST_F(RendezvousTest, WelcomesWhoSaysHello) {
  const auto alice = connect(stranger(), "192.0.2.1:5000");
  say(alice, Hello{});
  const auto welcome = only<Welcome>(alice);
  EXPECT_EQ(welcome.device, alice.device);
  EXPECT_EQ(welcome.observed.text(), "192.0.2.1:5000");
  EXPECT_EQ(welcome.notice, "maintenance at noon");
  EXPECT_EQ(welcome.wait_seconds, 600u);
  EXPECT_EQ(welcome.now, wall);
}

TEST_F(RendezvousTest, EndsAConversationThatDoesNotBeginWithHello) {
  const auto rude = connect();
  say(rude, Ping{});
  EXPECT_EQ(only<Trouble>(rude).code, Errc::malformed);
  EXPECT_TRUE(closed.contains(rude.device));
}

TEST_F(RendezvousTest, SaysWhoMustUpdateWhenVersionsDoNotFit) {
  const auto older = connect(), newer = connect();
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
  const auto mallory = connect();
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
  const auto second = connect(bob.key, "192.0.2.2:5000");
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
  const auto second = connect(bob.key, "192.0.2.2:5000");
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
  const auto again = connect(bob.key, "192.0.2.2:5000");
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
  const auto again = connect(bob.key, "192.0.2.2:5000");
  say(again, Hello{});
  EXPECT_EQ(told(again).size(), 1u);  // the Welcome
}

TEST_F(RendezvousTest, TellsUnknownOfflineAndAFullMailboxApart) {
  const auto alice = join("alice"), bob = join("bob");
  Person nobody{{}, id_of(stranger()), {}};
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

TEST_F(RendezvousTest, WaitsForTheHelloNotAsLongAsForOthers) {
  const auto mute = connect();
  EXPECT_EQ(rendezvous.deadline(), now + hello_patience);
  wait(hello_patience);
  EXPECT_EQ(only<Trouble>(mute).code, Errc::limit);
  EXPECT_TRUE(closed.contains(mute.device));
  EXPECT_EQ(rendezvous.deadline(), std::nullopt);  // the rest is the driver's
}

TEST_F(RendezvousTest, NumbersDevicesFromWhereItIsTold) {
  Rendezvous other{names, {.agent = {}, .notice = {}, .first_device = DeviceId{77}}};
  EXPECT_EQ(other.connected(stranger(), *Endpoint::parse("192.0.2.1:1"), now), DeviceId{77});
  EXPECT_EQ(other.connected(stranger(), *Endpoint::parse("192.0.2.1:1"), now), DeviceId{78});
}

// --- devices --------------------------------------------------------------------------------------------------------

TEST_F(RendezvousTest, LeavesAWaitingOfferToADeviceThatTakesOffers) {
  const auto alice = join("alice"), bob = join("bob");
  rendezvous.disconnected(bob.device, now);
  say(alice, offer(bob, 1));
  told(alice);

  const auto asking = connect(bob.key, "192.0.2.2:1");  // `pshare peers`, say
  say(asking, Hello{.version = control_version, .agent = {}, .features = {"something-new", std::string{answers_only_feature}}});
  EXPECT_EQ(told(asking).size(), 1u);  // the Welcome
  say(alice, Who{2, {bob.id}});
  EXPECT_TRUE(only<WhoReply>(alice).online.empty());
  say(alice, offer(bob, 2));
  EXPECT_EQ(only<SignalFate>(alice).fate, Fate::waiting);

  const auto receiving = connect(bob.key, "192.0.2.2:1");
  say(receiving, Hello{});
  EXPECT_EQ(told(receiving).size(), 3u);  // the Welcome, and both offers
}

TEST_F(RendezvousTest, BringsAnswersToDevicesThatTakeNothingElse) {
  const auto bob = join("bob");
  const auto alice = greeted(connect(), {std::string{answers_only_feature}});
  auto answer = offer(alice, 1, false);
  answer.device = alice.device;
  say(bob, answer);
  EXPECT_EQ(only<SignalFate>(bob).fate, Fate::delivered);
  EXPECT_EQ(told(alice).size(), 1u);
}

TEST_F(RendezvousTest, DoesNotOfferAPersonsFilesToTheDeviceThatSendsThem) {
  const auto here = join("alice");
  say(here, offer(here, 1));
  EXPECT_EQ(only<SignalFate>(here).fate, Fate::waiting);
  const auto there = greeted(connect(here.key, "192.0.2.2:1"));
  EXPECT_TRUE(told(here).empty());
  say(here, offer(here, 2));
  EXPECT_EQ(told(there).size(), 1u);
}

TEST_F(RendezvousTest, LetsAnOfferBeAnsweredAfterItsSenderConnectedAnew) {
  auto alice = join("alice"), bob = join("bob");
  rendezvous.disconnected(bob.device, now);
  say(alice, offer(bob, 1));
  rendezvous.disconnected(alice.device, now);
  alice = greeted(connect(alice.key, "192.0.2.1:2"), {std::string{answers_only_feature}});
  bob = connect(bob.key, "192.0.2.2:2");
  say(bob, Hello{});
  const auto all = told(bob);
  ASSERT_EQ(all.size(), 2u);
  const auto delivery = std::get<Delivery>(all[1]);
  EXPECT_EQ(delivery.from_device, DeviceId{});  // the one it came from is gone: every device of hers
  auto answer = offer(alice, 1, false);
  answer.device = delivery.from_device;
  say(bob, answer);
  EXPECT_EQ(told(alice).size(), 1u);
}

TEST_F(RendezvousTest, LetsTheOldestDeviceOfAnIdentityGo) {
  const auto first = join("alice");
  for (std::size_t i = 0; i < max_devices_of_a_key; ++i) greeted(connect(first.key, "192.0.2.1:1"));
  EXPECT_TRUE(closed.contains(first.device));
  EXPECT_EQ(closed.size(), 1u);
}

TEST_F(RendezvousTest, SendsNothingToWhoIsBeingSentAway) {
  const auto alice = join("alice"), bob = join("bob");
  say(bob, Bye{});
  say(alice, offer(bob, 1));
  EXPECT_EQ(only<SignalFate>(alice).fate, Fate::waiting);
  EXPECT_TRUE(told(bob).empty());
  say(bob, Ping{});
  EXPECT_TRUE(told(bob).empty());
}

TEST_F(RendezvousTest, KnowsAKeyWithoutANameWhileItIsOnline) {
  const auto alice = join("alice"), nameless = greeted(connect());
  say(alice, Resolve{2, nameless.id});
  const auto resolved = only<Resolved>(alice);
  EXPECT_EQ(resolved.name, "");
  EXPECT_EQ(resolved.key, nameless.key);
  say(alice, offer(nameless, 1));
  EXPECT_EQ(only<SignalFate>(alice).fate, Fate::delivered);
  rendezvous.disconnected(nameless.device, now);
  say(alice, Resolve{3, nameless.id});
  EXPECT_EQ(only<Trouble>(alice).code, Errc::unknown_peer);
  say(alice, offer(nameless, 2));
  EXPECT_EQ(only<SignalFate>(alice).fate, Fate::unknown);
}

// --- limits ---------------------------------------------------------------------------------------------------------

TEST_F(RendezvousTest, EndsAConnectionThatAsksWithoutEnd) {
  const auto alice = join("alice");
  for (std::uint32_t i = 0; i < verbs_of_a_connection.burst; ++i) say(alice, Ping{});
  EXPECT_TRUE(closed.contains(alice.device));
}

TEST_F(RendezvousTest, SlowsDownAKeyThatLooksUpTooMuch) {
  const auto alice = join("alice"), bob = join("bob");
  for (std::uint32_t i = 0; i < lookups_of_a_key.burst; ++i) {
    say(alice, Who{i, {bob.id}});
    only<WhoReply>(alice);
  }
  say(alice, Who{1, {bob.id}});
  EXPECT_EQ(only<Trouble>(alice).code, Errc::limit);
  EXPECT_FALSE(closed.contains(alice.device));
  wait(1s);
  say(alice, Resolve{2, bob.id});
  only<Resolved>(alice);
}

TEST_F(RendezvousTest, SlowsDownAnAddressWhateverTheKeysThatLookUp) {
  const auto bob = join("bob");
  std::uint32_t answered = 0, refused = 0;
  for (std::uint32_t key = 0; key < 1 + lookups_of_an_address.burst / lookups_of_a_key.burst; ++key) {
    const auto other = greeted(connect(stranger(), "10.9.9.9:1"));
    for (std::uint32_t i = 0; i < lookups_of_a_key.burst; ++i) say(other, Resolve{1, bob.id});
    for (const auto& message : told(other)) std::holds_alternative<Resolved>(message) ? ++answered : ++refused;
  }
  EXPECT_EQ(answered, lookups_of_an_address.burst);
  EXPECT_EQ(refused, lookups_of_a_key.burst);
}

TEST_F(RendezvousTest, StopsWhoGuessesNamesEvenWithManyKeys) {
  const auto bob = join("bob");
  for (std::uint32_t i = 0; i < misses_of_an_address.burst; ++i) {
    const auto guesser = greeted(connect(stranger(), "10.9.9.9:1"));
    say(guesser, Resolve{1, "guess" + std::to_string(i)});
    EXPECT_EQ(only<Trouble>(guesser).code, Errc::unknown_peer);
    rendezvous.disconnected(guesser.device, now);
  }
  const auto guesser = greeted(connect(stranger(), "10.9.9.9:1"));
  say(guesser, Resolve{1, std::string{"bob"}});  // a hit would tell as much as a miss
  EXPECT_EQ(only<Trouble>(guesser).code, Errc::limit);
  say(guesser, Resolve{1, bob.id});  // an ID cannot be guessed
  only<Resolved>(guesser);
  const auto elsewhere = greeted(connect());
  say(elsewhere, Resolve{1, std::string{"bob"}});
  only<Resolved>(elsewhere);
}

TEST_F(RendezvousTest, CountsATriedRegistrationAsAGuess) {
  join("bob");
  const auto guess = [&](ClientMessage question) {
    const auto guesser = greeted(connect(stranger(), "10.9.9.9:1"));
    say(guesser, std::move(question));
    const auto code = only<Trouble>(guesser).code;
    rendezvous.disconnected(guesser.device, now);
    return code;
  };
  const auto by_registering = registrations_of_an_address.burst;
  static_assert(registrations_of_an_address.burst < misses_of_an_address.burst);
  for (std::uint32_t i = 0; i < by_registering; ++i) EXPECT_EQ(guess(Register{1, "bob"}), Errc::refused);
  for (std::uint32_t i = by_registering; i < misses_of_an_address.burst; ++i) EXPECT_EQ(guess(Resolve{1, "guess" + std::to_string(i)}), Errc::unknown_peer);
  EXPECT_EQ(guess(Resolve{1, std::string{"bob"}}), Errc::limit);
  now += 9s;  // an address may register again sooner than it may guess
  EXPECT_EQ(guess(Register{1, "bob"}), Errc::limit);
  now += 2s;
  EXPECT_EQ(guess(Register{1, "bob"}), Errc::refused);
}

TEST_F(RendezvousTest, LimitsRegistrationsOfAnAddress) {
  std::uint32_t refused = 0;
  for (std::uint32_t i = 0; i < registrations_of_an_address.burst + 11; ++i) {
    const auto other = greeted(connect(stranger(), "10.9.9.9:1"));
    say(other, Register{1, "name" + std::to_string(i)});
    for (const auto& message : told(other)) refused += std::holds_alternative<Trouble>(message) ? 1 : 0;
  }
  EXPECT_EQ(refused, 11u);
}

TEST_F(RendezvousTest, LimitsRegistrationsOfAKey) {
  const auto alice = join("alice");
  join("bob");
  Errc last = Errc::failed;
  for (std::uint32_t i = 0; i < registrations_of_a_key.burst; ++i) {  // one went for her own name
    say(alice, Register{1, "bob"});
    last = only<Trouble>(alice).code;
    EXPECT_EQ(last, i + 1 < registrations_of_a_key.burst ? Errc::refused : Errc::limit);
  }
}

TEST_F(RendezvousTest, LetsEverybodySayTheirOwnNameAgainAsOftenAsTheyLike) {
  const auto alice = join("alice");
  for (std::uint32_t i = 0; i < 3 * registrations_of_an_address.burst; ++i) {
    say(alice, Register{i, "alice"});
    only<Registered>(alice);
  }
}

TEST_F(RendezvousTest, LimitsTheNamesOfAKey) {
  const auto alice = join("name0");
  for (std::size_t i = 1; i < max_names_of_a_key; ++i) {
    say(alice, Register{1, "name" + std::to_string(i)});
    only<Registered>(alice);
  }
  say(alice, Register{9, "more"});
  EXPECT_EQ(only<Trouble>(alice).code, Errc::limit);
}

TEST_F(RendezvousTest, RefusesAStrangeNameWithTheRule) {
  const auto alice = greeted(connect());
  say(alice, Register{3, "no spaces, please"});
  const auto trouble = only<Trouble>(alice);
  EXPECT_EQ(trouble.code, Errc::malformed);
  EXPECT_EQ(trouble.request, 3u);
}

TEST_F(RendezvousTest, CountsLargeSignalsForMore) {
  const auto alice = join("alice"), bob = join("bob");
  auto large = offer(bob, 1, false);
  large.body = ByteBuffer(max_signal_body);
  const auto each = 1 + max_signal_body / signal_unit;
  for (std::size_t i = 0; i < signals_of_a_key.burst / each; ++i) {
    say(alice, large);
    only<SignalFate>(alice);
  }
  say(alice, large);
  EXPECT_EQ(only<Trouble>(alice).code, Errc::limit);
  large.body = ByteBuffer(10);
  say(alice, large);
  EXPECT_EQ(only<SignalFate>(alice).fate, Fate::delivered);
}

TEST_F(RendezvousTest, LimitsSignalsOfAnAddressWhateverTheKeys) {
  const auto bob = join("bob");
  std::uint32_t delivered = 0, refused = 0;
  for (std::uint32_t key = 0; key < 1 + signals_of_an_address.burst / 100; ++key) {
    const auto sender = greeted(connect(stranger(), "10.9.9.9:1"));
    for (int i = 0; i < 100; ++i) say(sender, offer(bob, i, false));
    for (const auto& message : told(sender)) std::holds_alternative<SignalFate>(message) ? ++delivered : ++refused;
  }
  EXPECT_EQ(delivered, signals_of_an_address.burst);
  EXPECT_EQ(refused, 100u);
}

TEST_F(RendezvousTest, RefusesASignalThatIsTooLongAndAWhoThatAsksForTooMany) {
  const auto alice = join("alice"), bob = join("bob");
  auto long_one = offer(bob, 1);
  long_one.body = ByteBuffer(max_signal_body + 1);
  say(alice, long_one);
  EXPECT_EQ(only<Trouble>(alice).code, Errc::limit);
  say(alice, Who{2, std::vector<PeerId>(max_who + 1)});
  EXPECT_EQ(only<Trouble>(alice).code, Errc::limit);
  EXPECT_TRUE(told(bob).empty());
}

TEST_F(RendezvousTest, TurnsClientsAwayWhenFull) {
  for (int i = 0; i < 300; ++i) connect();
  EXPECT_TRUE(closed.empty());
  const auto late = connect();
  EXPECT_EQ(only<Trouble>(late).code, Errc::busy);
  EXPECT_EQ(closed, std::set{late.device});
}

TEST_F(RendezvousTest, TurnsAwayAnAddressWithTooManyConnections) {
  for (std::size_t i = 0; i < max_clients_of_an_address; ++i) {
    if (i % 50 == 0) now += 10s;  // so as not to come too often
    connect(stranger(), "[2001:db8::" + std::to_string(i + 1) + "]:1");
  }
  EXPECT_TRUE(closed.empty());
  now += 10s;
  const auto late = connect(stranger(), "[2001:db8::9999]:1");
  EXPECT_EQ(only<Trouble>(late).code, Errc::busy);
  EXPECT_FALSE(closed.contains(connect().device));
  rendezvous.disconnected(late.device, now);
  rendezvous.disconnected(DeviceId{1}, now);
  EXPECT_FALSE(closed.contains(connect(stranger(), "[2001:db8::9999]:1").device));
}

TEST_F(RendezvousTest, TurnsAwayAnAddressThatConnectsTooOften) {
  std::uint32_t refused = 0;
  for (std::uint32_t i = 0; i < hellos_of_an_address.burst + 20; ++i) {
    const auto person = connect(stranger(), "10.9.9.9:1");
    refused += closed.contains(person.device) ? 1 : 0;
    rendezvous.disconnected(person.device, now);
  }
  EXPECT_EQ(refused, 20u);
}

// --- trouble --------------------------------------------------------------------------------------------------------

TEST_F(RendezvousTest, TellsTheClientLittleAndTheOperatorAllWhenTheStoreFails) {
  const auto alice = join("alice");
  const auto nobody = id_of(stranger());
  names.broken = true;
  const std::vector<ClientMessage> requests{Register{1, "carol"}, Resolve{1, std::string{"bob"}}, Resolve{1, nobody},
                                            SendSignal{1, nobody, {}, {}, true, {}}};
  for (const auto& request : requests) {
    say(alice, request);
    const auto trouble = only<Trouble>(alice);
    EXPECT_EQ(trouble.code, Errc::failed);
    EXPECT_EQ(trouble.request, 1u);
    EXPECT_THAT(trouble.words, testing::Not(HasSubstr("on fire")));
  }
  ASSERT_EQ(complaints.size(), requests.size());
  EXPECT_THAT(complaints[0].message(), HasSubstr("on fire"));
  EXPECT_FALSE(closed.contains(alice.device));
}

TEST_F(RendezvousTest, ForgetsNoNameWhenEveryoneLeaves) {
  const auto alice = join("alice");
  say(alice, Bye{});
  EXPECT_TRUE(closed.contains(alice.device));
  rendezvous.disconnected(alice.device, now);
  EXPECT_EQ(rendezvous.clients(), 0u);
  EXPECT_EQ(rendezvous.deadline(), std::nullopt);
  EXPECT_EQ(names.key_of("alice").value(), alice.key);
}

TEST_F(RendezvousTest, EndsAConversationOfGarbage) {
  const auto alice = join("alice");
  rendezvous.garbled(alice.device, {.code = Errc::malformed, .doing = "reading a message: it is not CBOR"});
  drain();
  EXPECT_EQ(only<Trouble>(alice).code, Errc::malformed);
  EXPECT_TRUE(closed.contains(alice.device));
}

TEST_F(RendezvousTest, TellsEverybodyWhenItStops) {
  const auto alice = join("alice"), mute = connect();
  rendezvous.stop();
  drain();
  for (const auto& each : {alice, mute}) {
    const auto trouble = only<Trouble>(each);
    EXPECT_EQ(trouble.code, Errc::busy);
    EXPECT_EQ(trouble.request, std::nullopt);
    EXPECT_TRUE(closed.contains(each.device));
  }
  EXPECT_TRUE(closed.contains(connect().device));
}

// --- what helps to find out about NATs --------------------------------------------------------------------------------

TEST_F(RendezvousTest, TellsEachClientTheAddressThatItHasNotComeTo) {
  const auto greeted_at = [&](std::optional<IpAddress> at) {
    const auto key = stranger();
    const Person person{key, id_of(key), rendezvous.connected(key, *Endpoint::parse("10.7.7.7:1"), now, at)};
    say(person, Hello{});
    return only<Welcome>(person);
  };
  const auto one = *IpAddress::parse("203.0.113.1"), other = *IpAddress::parse("203.0.113.2");
  EXPECT_EQ(greeted_at(one).alternate_address, other);
  EXPECT_EQ(greeted_at(other).alternate_address, one);
  EXPECT_EQ(greeted_at(*IpAddress::parse("203.0.113.3")).alternate_address, std::nullopt);
  const auto welcome = greeted_at(std::nullopt);
  EXPECT_EQ(welcome.alternate_address, std::nullopt);
  EXPECT_EQ(welcome.stun, Port{4700});
  EXPECT_EQ(welcome.stun_alternate, Port{4701});
  EXPECT_EQ(welcome.reflect_alternate, Port{4702});
}

TEST_F(RendezvousTest, VouchesForASendersAddressOnlyIfTheSenderWishesIt) {
  const auto alice = greeted(connect(stranger(), "192.0.2.1:5000")), bob = join("bob");
  auto signal = offer(bob, 1);
  say(alice, signal);
  EXPECT_EQ(only<Delivery>(bob).from_address, std::nullopt);
  signal.show_address = true;
  say(alice, signal);
  EXPECT_EQ(only<Delivery>(bob).from_address, IpAddress::parse("192.0.2.1").value());
}

TEST_F(RendezvousTest, VouchesForTheAddressFromWhichAWaitingOfferWasSent) {
  const auto alice = greeted(connect(stranger(), "[2001:db8::7]:5000")), bob = join("bob");
  rendezvous.disconnected(bob.device, now);
  auto shown = offer(bob, 1), hidden = offer(bob, 2);
  shown.show_address = true;
  say(alice, shown);
  say(alice, hidden);
  const auto back = connect(bob.key, "10.3.3.3:1");
  say(back, Hello{});
  const auto all = told(back);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(std::get<Delivery>(all[1]).from_address, IpAddress::parse("2001:db8::7").value());  // not its /64, by which it is counted
  EXPECT_EQ(std::get<Delivery>(all[2]).from_address, std::nullopt);
}

TEST_F(RendezvousTest, VouchesForTheOtherFamilyWhereTheSendersKeyHasProvenItself) {
  const auto at = *IpAddress::parse("192.0.2.1"), lie = *IpAddress::parse("192.0.2.66");
  const auto alice = greeted(connect(stranger(), "[2001:db8::7]:5000")), bob = join("bob");
  auto signal = offer(bob, 1);
  signal.other_address = at;
  signal.show_address = true;
  say(alice, signal);
  EXPECT_EQ(only<Delivery>(bob).from_other, std::nullopt) << "merely named";
  rendezvous.reflected(bob.key, at);
  say(alice, signal);
  EXPECT_EQ(only<Delivery>(bob).from_other, std::nullopt) << "another key was there";
  rendezvous.reflected(alice.key, at);
  say(alice, signal);
  const auto both = only<Delivery>(bob);
  EXPECT_EQ(both.from_address, IpAddress::parse("2001:db8::7").value());
  EXPECT_EQ(both.from_other, at);
  signal.other_address = lie;
  say(alice, signal);
  EXPECT_EQ(only<Delivery>(bob).from_other, std::nullopt);
}

TEST_F(RendezvousTest, ShowsTheOtherFamilyOnlyIfTheSenderWishesIt) {
  const auto at = *IpAddress::parse("192.0.2.1");
  const auto alice = greeted(connect(stranger(), "[2001:db8::7]:5000")), bob = join("bob");
  rendezvous.reflected(alice.key, at);
  auto unnamed = offer(bob, 1), hidden = offer(bob, 2);
  unnamed.show_address = true;
  hidden.other_address = at;
  for (const auto& signal : {unnamed, hidden}) {
    say(alice, signal);
    EXPECT_EQ(only<Delivery>(bob).from_other, std::nullopt);
  }
}

TEST_F(RendezvousTest, VouchesForOneAddressOfEachFamily) {
  const auto at = *IpAddress::parse("192.0.2.2");
  const auto alice = greeted(connect(stranger(), "192.0.2.1:5000")), bob = join("bob");
  rendezvous.reflected(alice.key, at);
  auto signal = offer(bob, 1);
  signal.show_address = true;
  signal.other_address = at;
  say(alice, signal);
  EXPECT_EQ(only<Delivery>(bob).from_other, std::nullopt);
}

TEST_F(RendezvousTest, VouchesForBothFamiliesWhenAnOfferHasWaited) {
  const auto at = *IpAddress::parse("192.0.2.1");
  const auto alice = greeted(connect(stranger(), "[2001:db8::7]:5000")), bob = join("bob");
  rendezvous.disconnected(bob.device, now);
  rendezvous.reflected(alice.key, at);
  auto signal = offer(bob, 1);
  signal.show_address = true;
  signal.other_address = at;
  say(alice, signal);
  const auto back = connect(bob.key, "10.3.3.3:1");
  say(back, Hello{});
  const auto all = told(back);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(std::get<Delivery>(all[1]).from_other, at);
}

TEST_F(RendezvousTest, ForgetsWhereAKeyWasWhenItsLastDeviceGoes) {
  const auto at = *IpAddress::parse("192.0.2.1");
  const auto bob = join("bob");
  const auto key = stranger();
  rendezvous.reflected(key, at);  // nobody that is online: not kept at all
  auto signal = offer(bob, 1);
  signal.show_address = true;
  signal.other_address = at;
  const auto one = greeted(connect(key, "[2001:db8::7]:5000"));
  say(one, signal);
  EXPECT_EQ(only<Delivery>(bob).from_other, std::nullopt);
  rendezvous.reflected(key, at);
  const auto two = greeted(connect(key, "[2001:db8::7]:5001"));
  rendezvous.disconnected(one.device, now);
  say(two, signal);
  EXPECT_EQ(only<Delivery>(bob).from_other, at);
  say(two, Bye{});
  rendezvous.disconnected(two.device, now);
  const auto three = greeted(connect(key, "[2001:db8::7]:5002"));
  say(three, signal);
  EXPECT_EQ(only<Delivery>(bob).from_other, std::nullopt);
}

TEST_F(RendezvousTest, RemembersSoManyAddressesOfAKeyAndTheLatestOnes) {
  const auto address = [](std::size_t number) { return *IpAddress::parse("192.0.2." + std::to_string(number)); };
  const auto alice = greeted(connect(stranger(), "[2001:db8::7]:5000")), bob = join("bob");
  for (std::size_t i = 0; i <= max_reflections_of_a_key; ++i) rendezvous.reflected(alice.key, address(i));
  auto signal = offer(bob, 1);
  signal.show_address = true;
  for (std::size_t i = 0; i <= max_reflections_of_a_key; ++i) {
    signal.other_address = address(i);
    say(alice, signal);
    EXPECT_EQ(only<Delivery>(bob).from_other.has_value(), i > 0) << i;
  }
}

TEST_F(RendezvousTest, DialsBackOnlyTheAddressFromWhichItWasAsked) {
  const auto alice = greeted(connect(stranger(), "192.0.2.1:5000"));
  DialBackNonce nonce;
  nonce.fill(std::byte{9});
  say(alice, Probe{5, Transport::udp, Port{4711}, nonce});
  ASSERT_EQ(dials.size(), 1u);
  EXPECT_EQ(dials[0].to.text(), "192.0.2.1:4711");
  EXPECT_EQ(dials[0].transport, Transport::udp);
  EXPECT_EQ(dials[0].nonce, nonce);
  EXPECT_TRUE(told(alice).empty());
  rendezvous.dialled_back(dials[0].number, DialBackOutcome::refused);
  drain();
  const auto probed = only<Probed>(alice);
  EXPECT_EQ(probed.request, 5u);
  EXPECT_EQ(probed.outcome, DialBackOutcome::refused);
  rendezvous.dialled_back(dials[0].number, DialBackOutcome::reached);  // said twice
  drain();
  EXPECT_TRUE(told(alice).empty());
}

TEST_F(RendezvousTest, DialsAConnectionBackOnlyAFewTimesAtOnce) {
  const auto alice = greeted(connect());
  for (std::size_t i = 0; i < max_dial_backs_of_a_connection; ++i) say(alice, Probe{i, Transport::tcp, Port{1}, {}});
  EXPECT_TRUE(told(alice).empty());
  say(alice, Probe{99, Transport::tcp, Port{1}, {}});
  EXPECT_EQ(only<Trouble>(alice).code, Errc::limit);
  EXPECT_EQ(dials.size(), max_dial_backs_of_a_connection);
  rendezvous.dialled_back(dials[0].number, DialBackOutcome::timeout);
  drain();
  told(alice);
  say(alice, Probe{100, Transport::tcp, Port{1}, {}});
  EXPECT_EQ(dials.size(), max_dial_backs_of_a_connection + 1);
}

TEST_F(RendezvousTest, DialsAConnectionBackOnlySoOften) {
  const auto alice = greeted(connect());
  const auto probe = [&] {
    const auto before = dials.size();
    say(alice, Probe{1, Transport::tcp, Port{1}, {}});
    if (dials.size() > before) rendezvous.dialled_back(dials.back().number, DialBackOutcome::reached);
    drain();
    return dials.size() > before;
  };
  std::uint32_t granted = 0;
  for (int i = 0; i < 30; ++i) granted += probe() ? 1 : 0;
  EXPECT_EQ(granted, dial_backs_of_a_connection.burst);
  wait(5s);
  EXPECT_TRUE(probe());
  EXPECT_FALSE(probe());
}

TEST_F(RendezvousTest, DialsAnAddressBackOnlySoOften) {
  std::size_t connections = 0;
  while (dials.size() < dial_backs_of_an_address.burst) {
    const auto person = greeted(connect(stranger(), "10.8.8.8:" + std::to_string(++connections)));
    say(person, Probe{1, Transport::tcp, Port{1}, {}});
    rendezvous.dialled_back(dials.back().number, DialBackOutcome::reached);
    drain();
    rendezvous.disconnected(person.device, now);
  }
  const auto late = greeted(connect(stranger(), "10.8.8.8:9999")), elsewhere = greeted(connect());
  say(late, Probe{1, Transport::tcp, Port{1}, {}});
  EXPECT_EQ(only<Trouble>(late).code, Errc::limit);
  say(elsewhere, Probe{1, Transport::tcp, Port{1}, {}});
  EXPECT_TRUE(told(elsewhere).empty());
}

TEST_F(RendezvousTest, DialsOnlySoManyBackAtOnceAndCountsThoseWhoHaveLeft) {
  for (std::size_t i = 0; i < max_dial_backs; ++i) {
    const auto person = greeted(connect());
    say(person, Probe{1, Transport::tcp, Port{1}, {}});
    rendezvous.disconnected(person.device, now);
  }
  const auto late = greeted(connect());
  say(late, Probe{1, Transport::tcp, Port{1}, {}});
  EXPECT_EQ(only<Trouble>(late).code, Errc::busy);
  rendezvous.dialled_back(dials.front().number, DialBackOutcome::timeout);  // of somebody who has left
  drain();
  say(late, Probe{2, Transport::tcp, Port{1}, {}});
  EXPECT_TRUE(told(late).empty());
  EXPECT_EQ(dials.size(), max_dial_backs + 1);
}

TEST_F(RendezvousTest, SaysSoWhenItDialsNobodyBack) {
  Rendezvous plain{names, {.agent = "test", .notice = {}}};
  const auto key = stranger();
  const auto device = plain.connected(key, *Endpoint::parse("10.1.1.1:1"), now);
  plain.received(device, Hello{}, wall, now);
  plain.received(device, Probe{1, Transport::tcp, Port{1}, {}}, wall, now);
  std::vector<ServerMessage> said;
  while (const auto action = plain.take()) said.push_back(std::get<Rendezvous::Reply>(*action).message);
  ASSERT_EQ(said.size(), 2u);
  EXPECT_EQ(std::get<Welcome>(said[0]).stun, Port{});
  EXPECT_EQ(std::get<Trouble>(said[1]).code, Errc::unsupported);
}

}  // namespace
}  // namespace pshare
