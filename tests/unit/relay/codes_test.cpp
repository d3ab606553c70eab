// One-time codes at the rendezvous: who is led to whom, once, and how often somebody may try.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "relay/rendezvous.hpp"
#include "secure/identity.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr UnixTime wall{1'800'000'000s};

class CodesTest : public testing::Test {
 protected:
  struct Person {
    PeerId id;
    DeviceId device;
  };

  Person connect(const PublicKey& key, const std::string& from, std::vector<std::string> features = {}) {
    const Person person{id_of(key), rendezvous.connected(key, *Endpoint::parse(from), now)};
    say(person, Hello{.version = control_version, .agent = "", .features = std::move(features)});
    told(person);
    return person;
  }
  static PublicKey key(int number) {
    PublicKey made;
    made.bytes[0] = static_cast<std::byte>(number), made.bytes[1] = static_cast<std::byte>(number >> 8);
    return made;
  }
  Person connect() {
    ++keys;
    return connect(key(keys), "10.1." + std::to_string(keys >> 8) + "." + std::to_string(keys & 0xFF) + ":5000");
  }
  void say(const Person& who, const ClientMessage& message) {
    rendezvous.received(who.device, message, wall, now);
    drain();
  }
  void drain() {
    while (const auto action = rendezvous.take())
      if (const auto* reply = std::get_if<Rendezvous::Reply>(&*action)) inbox[reply->to].push_back(reply->message);
  }
  std::vector<ServerMessage> told(const Person& who) { return std::exchange(inbox[who.device], {}); }
  /// What a person was told of codes: "answer 4821", "joined 4821 body", "trouble limit", ...
  std::vector<std::string> heard(const Person& who) {
    std::vector<std::string> words;
    for (const auto& each : told(who)) {
      if (const auto* answer = std::get_if<CodeAnswer>(&each)) words.push_back("answer " + std::to_string(answer->number));
      if (const auto* trouble = std::get_if<Trouble>(&each)) words.push_back("trouble " + std::string{word(trouble->code)});
      if (const auto* delivery = std::get_if<Delivery>(&each)) words.push_back("delivery " + std::string{text_of(delivery->body)});
      if (const auto* fate = std::get_if<SignalFate>(&each)) words.push_back("fate " + std::to_string(static_cast<int>(fate->fate)));
      if (std::holds_alternative<TakingOffers>(each)) words.emplace_back("taking");
      if (const auto* news = std::get_if<CodeNews>(&each))
        words.push_back((news->what == CodeNews::What::joined ? "joined " : news->what == CodeNews::What::message ? "message " : "gone ") + std::to_string(news->number) +
                        (news->body.empty() ? "" : " " + std::string{text_of(news->body)}));
    }
    return words;
  }
  std::uint64_t opened(const Person& host, std::uint64_t wish = 0) {
    say(host, CodeOpen{1, wish});
    const auto all = told(host);
    const auto* answer = all.size() == 1 ? std::get_if<CodeAnswer>(&all.front()) : nullptr;
    EXPECT_NE(answer, nullptr);
    return answer ? answer->number : 0;
  }
  void join(const Person& guest, std::uint64_t number) { say(guest, CodeJoin{2, number, buffer_of(bytes_of("share"))}); }
  void later(Duration time) {
    now += time;
    rendezvous.expire(now);
    drain();
  }

  MemoryNameStore names;
  SeededRandom random{5};
  Rendezvous rendezvous{names, {.max_clients = 2000, .agent = "test", .notice = {}, .random = &random}};
  TimePoint now{};
  int keys = 0;
  std::map<DeviceId, std::vector<ServerMessage>> inbox;
};

TEST_F(CodesTest, LeadsTheOneGuestToTheHostAndPassesOnWhatTheySay) {
  const auto host = connect(), guest = connect();
  const auto number = opened(host);
  const auto text = std::to_string(number);
  join(guest, number);
  EXPECT_THAT(heard(guest), ElementsAre("answer " + text));
  EXPECT_THAT(heard(host), ElementsAre("joined " + text + " share"));
  say(host, CodeMessage{3, number, buffer_of(bytes_of("to guest"))});
  EXPECT_THAT(heard(host), ElementsAre("answer " + text));
  EXPECT_THAT(heard(guest), ElementsAre("message " + text + " to guest"));
  say(guest, CodeMessage{3, number, buffer_of(bytes_of("to host"))});
  EXPECT_THAT(heard(host), ElementsAre("message " + text + " to host"));
  EXPECT_THAT(heard(guest), ElementsAre("answer " + text));
  say(host, CodeClose{4, number});
  EXPECT_THAT(heard(guest), ElementsAre("gone " + text));
  say(guest, CodeMessage{5, number, {}});
  EXPECT_THAT(heard(guest), ElementsAre("trouble unknown-peer"));
}

TEST_F(CodesTest, AllowsOneGuessAndThenNobody) {
  const auto host = connect(), guesser = connect(), late = connect();
  const auto number = opened(host);
  join(guesser, number);
  heard(host);
  join(late, number);
  EXPECT_THAT(heard(late), ElementsAre("trouble unknown-peer"));
  EXPECT_THAT(heard(host), IsEmpty());
  say(guesser, CodeClose{3, number});
  EXPECT_THAT(heard(host), ElementsAre("gone " + std::to_string(number)));
  join(late, number);
  EXPECT_THAT(heard(late), ElementsAre("trouble unknown-peer"));  // also when the guesser has gone
  EXPECT_NE(opened(host, number), number);                        // and for no new code of the same host
}

TEST_F(CodesTest, LetsNobodyElseSpeakInAnExchange) {
  const auto host = connect(), guest = connect(), third = connect();
  const auto number = opened(host);
  join(guest, number);
  say(third, CodeMessage{1, number, {}});
  EXPECT_THAT(heard(third), ElementsAre("trouble unknown-peer"));
  say(third, CodeClose{2, number});
  heard(guest), heard(host);
  say(host, CodeMessage{3, number, buffer_of(bytes_of("still here"))});
  EXPECT_THAT(heard(guest), SizeIs(1));
}

TEST_F(CodesTest, GivesAHostThatHasLostItsConnectionItsNumberBackAndNobodyElse) {
  const auto host = connect(key(500), "10.9.0.1:1"), other = connect();
  const auto number = opened(host);
  rendezvous.disconnected(host.device, now);
  join(other, number);
  EXPECT_THAT(heard(other), ElementsAre("trouble unknown-peer"));
  EXPECT_NE(opened(other, number), number);
  const auto back = connect(key(500), "10.9.0.1:2");
  EXPECT_EQ(opened(back, number), number);
}

TEST_F(CodesTest, TellsTheOtherWhenOneIsGoneOrTheExchangeTakesTooLong) {
  const auto host = connect(), guest = connect();
  const auto first = opened(host);
  join(guest, first);
  heard(host), heard(guest);
  later(code_exchange_patience);
  EXPECT_THAT(heard(host), ElementsAre("gone " + std::to_string(first)));
  EXPECT_THAT(heard(guest), ElementsAre("gone " + std::to_string(first)));
  const auto second = opened(host);
  join(guest, second);
  heard(host);
  rendezvous.disconnected(guest.device, now);
  drain();
  EXPECT_THAT(heard(host), ElementsAre("gone " + std::to_string(second)));
}

TEST_F(CodesTest, BoundsWhatIsSaidInAnExchange) {
  const auto host = connect(), guest = connect();
  const auto number = opened(host);
  join(guest, number);
  heard(guest);
  for (std::size_t i = 0; i < max_code_messages; ++i) say(guest, CodeMessage{1, number, {}});
  heard(guest);
  say(guest, CodeMessage{1, number, {}});
  EXPECT_THAT(heard(guest), ElementsAre("trouble limit"));
}

TEST_F(CodesTest, GivesOutNumbersAtRandomAndLongerOnesWhereManyAreOpen) {
  std::set<std::uint64_t> numbers;
  std::uint64_t largest = 0;
  for (int i = 0; i < 40; ++i) {
    const auto host = connect();
    for (std::size_t each = 0; each < max_open_codes_of_a_key; ++each) {
      const auto number = opened(host);
      EXPECT_TRUE(numbers.insert(number).second);
      EXPECT_GE(number, smallest_code_number);
      largest = std::max(largest, number);
      EXPECT_TRUE(numbers.size() > 9'000 / numbers_for_each_code || number < 10'000);
    }
  }
  EXPECT_GT(largest, 10'000u);  // 640 are open
}

TEST_F(CodesTest, LimitsOpenCodesOfAKeyAndOfAnAddress) {
  const auto host = connect();
  for (std::size_t i = 0; i < max_open_codes_of_a_key; ++i) opened(host);
  say(host, CodeOpen{1});
  EXPECT_THAT(heard(host), ElementsAre("trouble limit"));

  std::size_t open = 0;
  for (int i = 0; open < max_open_codes_of_an_address; ++i) {
    const auto neighbour = connect(key(600 + i), "10.8.0.1:" + std::to_string(1000 + i));
    later(2s);  // so that it is not the rate that stops them
    for (std::size_t each = 0; each < max_open_codes_of_a_key && open < max_open_codes_of_an_address; ++each, ++open) opened(neighbour);
    later(1s);
    if (i > 20) break;
  }
  const auto one_more = connect(key(700), "10.8.0.1:2000");
  say(one_more, CodeOpen{1});
  EXPECT_THAT(heard(one_more), ElementsAre("trouble limit"));
}

TEST_F(CodesTest, LimitsHowOftenAKeyOrAnAddressOpensCodes) {
  const auto host = connect();
  for (std::uint32_t i = 0; i < codes_of_a_key.burst; ++i) say(host, CodeClose{2, opened(host)}), told(host);
  say(host, CodeOpen{1});
  EXPECT_THAT(heard(host), ElementsAre("trouble limit"));
  later(10s);
  opened(host);

  std::uint32_t done = 0;
  for (int i = 0; done < codes_of_an_address.burst; ++i) {
    const auto neighbour = connect(key(800 + i), "10.7.0.1:" + std::to_string(1000 + i));
    for (std::uint32_t each = 0; each + 1 < codes_of_a_key.burst && done < codes_of_an_address.burst; ++each, ++done) say(neighbour, CodeClose{2, opened(neighbour)}), told(neighbour);
  }
  const auto one_more = connect(key(900), "10.7.0.1:2000");
  say(one_more, CodeOpen{1});
  EXPECT_THAT(heard(one_more), ElementsAre("trouble limit"));
}

TEST_F(CodesTest, LimitsAttemptsOfAKeyAndOfAnAddress) {
  const auto guest = connect();
  std::vector<Person> hosts;
  const auto fresh = [&] {
    hosts.push_back(connect());
    return opened(hosts.back());
  };
  for (std::uint32_t i = 0; i < joins_of_a_key.burst; ++i) join(guest, fresh());
  heard(guest);
  join(guest, fresh());
  EXPECT_THAT(heard(guest), ElementsAre("trouble limit"));

  for (std::uint32_t i = 0; i < joins_of_an_address.burst; ++i) join(connect(key(3000 + static_cast<int>(i)), "10.6.0.1:" + std::to_string(1000 + i)), fresh());
  const auto one_more = connect(key(4000), "10.6.0.1:3000");
  join(one_more, fresh());
  EXPECT_THAT(heard(one_more), ElementsAre("trouble limit"));
  EXPECT_THAT(heard(hosts.back()), IsEmpty());  // the code of a host whom it would have led to is not burnt
}

TEST_F(CodesTest, StopsWhoGoesThroughTheNumbers) {
  const auto host = connect();
  const auto number = opened(host);
  std::uint32_t answered = 0;
  for (std::uint64_t guess = smallest_code_number; guess < smallest_code_number + 200; ++guess) {
    if (guess == number) continue;
    const auto guesser = connect(key(5000 + static_cast<int>(guess)), "10.5.0.1:" + std::to_string(guess));
    join(guesser, guess);
    for (const auto& each : heard(guesser)) answered += each == "trouble unknown-peer" ? 1 : 0;
    rendezvous.disconnected(guesser.device, now);
    drain();
    later(100ms);
  }
  EXPECT_LE(answered, missed_codes_of_an_address.burst + 1);
  // And the right one is not told either, now.
  const auto guesser = connect(key(9000), "10.5.0.1:9000");
  join(guesser, number);
  EXPECT_THAT(heard(guesser), ElementsAre("trouble limit"));
  EXPECT_THAT(heard(host), IsEmpty());
}

TEST_F(CodesTest, GivesTheOffersOfOnePeerToTheDeviceThatExpectsThem) {
  const auto sender = connect(), stranger = connect();
  const auto service = connect(key(42), "10.4.0.1:1"), by_code = connect(key(42), "10.4.0.1:2", {std::string{answers_only_feature}});
  const auto offer = [&](const Person& from, const char* body) {
    SendSignal signal;
    signal.request = 1, signal.to = service.id, signal.body = buffer_of(bytes_of(body)), signal.wait = true;
    say(from, signal);
    told(from);
  };
  offer(sender, "before");
  EXPECT_THAT(heard(service), ElementsAre("delivery before"));
  say(by_code, TakeOffers{1, sender.id});
  EXPECT_THAT(heard(by_code), ElementsAre("taking"));
  offer(sender, "expected");
  offer(stranger, "other");
  EXPECT_THAT(heard(by_code), ElementsAre("delivery expected"));
  EXPECT_THAT(heard(service), ElementsAre("delivery other"));
  rendezvous.disconnected(by_code.device, now);
  offer(sender, "again");
  EXPECT_THAT(heard(service), ElementsAre("delivery again"));
}

TEST_F(CodesTest, HandsOverWhatWaitsOfThatPeerAndNothingElse) {
  const auto sender = connect(), stranger = connect();
  const auto by_code = connect(key(42), "10.4.0.1:2", {std::string{answers_only_feature}});
  for (const auto* from : {&sender, &stranger}) {
    SendSignal signal;
    signal.request = 1, signal.to = by_code.id, signal.body = buffer_of(bytes_of(from == &sender ? "mine" : "not mine")), signal.wait = true;
    signal.session.bytes[0] = static_cast<std::byte>(from == &sender ? 1 : 2);
    say(*from, signal);
    EXPECT_THAT(heard(*from), ElementsAre("fate 1"));
  }
  say(by_code, TakeOffers{1, sender.id});
  EXPECT_THAT(heard(by_code), ElementsAre("taking", "delivery mine"));
}

TEST_F(CodesTest, AreNotThereWithoutRandomness) {
  Rendezvous old{names, {.agent = "test", .notice = {}}};
  const auto device = old.connected(key(1), *Endpoint::parse("10.0.0.1:1"), now);
  old.received(device, Hello{}, wall, now);
  const auto welcome = old.take();
  ASSERT_TRUE(welcome);
  EXPECT_FALSE(std::get<Welcome>(std::get<Rendezvous::Reply>(*welcome).message).codes);
  old.received(device, CodeOpen{1}, wall, now);
  EXPECT_EQ(std::get<Trouble>(std::get<Rendezvous::Reply>(*old.take()).message).code, Errc::unsupported);
}

}  // namespace
}  // namespace pshare
