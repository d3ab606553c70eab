// The relay behind real sockets on this host, in the server's port: what the cores cannot show by themselves. Honest peers beside hostile ones.
#include "relay/io/relay_service.hpp"

#include <gmock/gmock.h>

#include <deque>
#include <fstream>
#include <vector>

#include "io/deadline.hpp"
#include "relay/io/relay_look.hpp"
#include "relay/io/server.hpp"
#include "secure/random_source.hpp"
#include "secure/ticket.hpp"
#include "wire/framing.hpp"
#include "wire/random.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr auto patience = 60s;

struct Person {
  Identity identity = value_or_throw(Identity::generate());
  TlsContext tls{identity};
  const PeerId& id() const { return identity.id(); }
};

ByteBuffer random_bytes(std::uint64_t seed, std::size_t count) {
  ByteBuffer bytes(count);
  SeededRandom{seed}.fill(bytes);
  return bytes;
}

class RelayServiceTest : public testing::Test {
 protected:
  explicit RelayServiceTest(RelayService::Settings settings = {.hello_patience = 500ms}) : relay{loop.get_executor(), joiner, settings} {}

  /// Runs the story beside the server.
  template <typename Story>
  void tell(Story story) {
    std::exception_ptr trouble;
    const auto both = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(server.run());
      co_await story();
    };
    const auto bounded = [&]() -> awaitable<void> {
      auto work = with_tasks<void>(both);
      co_await with_deadline(std::move(work), Clock::now() + patience, "the test's story");
    };
    asio::co_spawn(loop, bounded, [&](std::exception_ptr thrown) { trouble = thrown; });
    loop.run();
    if (trouble) std::rethrow_exception(trouble);
  }

  ByteBuffer ticket(std::optional<std::uint64_t> quota = std::nullopt) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return sign_ticket(host.identity, {TicketId::random(random), SessionId::random(random), alice.id(), bob.id(), host.id(), now + 1min, quota});
  }

  Endpoint here() const { return {*IpAddress::parse("127.0.0.1"), port}; }
  awaitable<TcpStream> dial() { return connect(here()); }
  awaitable<TlsStream> call(const Person& as) { return call_at(here(), as, host.id()); }
  awaitable<TlsStream> call_at(Endpoint there, const Person& as, PeerId whom, std::string_view alpn = relay_alpn) {
    auto socket = co_await connect(there);
    std::vector<std::string> roles{std::string{alpn}};
    TlsStream stream{std::move(socket), TlsEngine{as.tls, TlsRole::client, std::move(roles), only(whom)}};
    co_await stream.handshake();
    stream.stop_reading_ahead();
    co_return stream;
  }
  /// One question to the rendezvous, and its answer.
  template <typename Answer>
  awaitable<Answer> ask(TlsStream& control, ClientMessage question) {
    const auto framed = frame(encode(question));
    co_await control.write(ByteView{framed});
    FrameReader frames;
    for (;;) {
      const auto body = value_or_throw(frames.next());
      if (body) co_return std::get<Answer>(value_or_throw(decode_server_message(*body)));
      std::array<std::byte, 4096> piece;
      const auto count = co_await control.read_some(piece);
      frames.feed(ByteView{piece}.first(count));
    }
  }
  awaitable<TlsStream> greet(const Person& as) {
    auto control = co_await call_at(here(), as, host.id(), control_alpn);
    ClientMessage hello = Hello{};
    const auto welcome = co_await ask<Welcome>(control, std::move(hello));
    EXPECT_TRUE(welcome.signs_tickets && welcome.relays);
    co_return control;
  }
  awaitable<void> present(TlsStream& stream, ByteBuffer ticket_bytes) {
    const auto framed = frame(encode(RelayHello{relay_version, std::move(ticket_bytes)}));
    co_await stream.write(ByteView{framed});
  }
  awaitable<RelayAnswer> hear(TlsStream& stream) {
    FrameReader frames;
    for (;;) {
      const auto body = value_or_throw(frames.next());
      if (body) co_return value_or_throw(decode_relay_answer(*body));
      std::array<std::byte, 1024> piece;
      const auto count = co_await stream.read_some(piece);
      frames.feed(ByteView{piece}.first(count));
    }
  }
  awaitable<RelayRefused> refusal(TlsStream& stream) {
    const auto answer = co_await hear(stream);
    EXPECT_TRUE(std::holds_alternative<RelayRefused>(answer));
    const auto* no = std::get_if<RelayRefused>(&answer);
    co_return no ? *no : RelayRefused{};
  }
  struct Ends {
    TcpStream alice, bob;
  };
  /// A lane between the two, by a ticket of theirs.
  awaitable<Ends> meet(ByteBuffer ticket_bytes) {
    auto one = co_await call(alice);
    auto other = co_await call(bob);
    auto same = ticket_bytes;
    co_await present(one, std::move(same));
    co_await present(other, std::move(ticket_bytes));
    for (auto* each : {&one, &other}) {
      const auto answer = co_await hear(*each);
      EXPECT_TRUE(std::holds_alternative<RelayJoined>(answer)) << std::get<RelayRefused>(answer).words;
    }
    auto left = std::move(one).release();
    co_return Ends{std::move(left), std::move(other).release()};
  }
  /// All that comes until the end.
  awaitable<ByteBuffer> read_all(TcpStream& stream) {
    ByteBuffer all;
    try {
      for (;;) {
        std::array<std::byte, 16 * 1024> piece;
        const auto count = co_await stream.read_some(piece);
        all.insert(all.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(count));
      }
    } catch (const Failure&) {
    }
    co_return all;
  }
  awaitable<void> write_and_finish(TcpStream& stream, const ByteBuffer& bytes) {
    try {
      co_await stream.write(bytes);
    } catch (const Failure&) {  // the lane was cut
    }
    stream.finish();
  }
  awaitable<void> write_quietly(TlsStream& stream, const ByteBuffer& bytes) {
    try {
      co_await stream.write(ByteView{bytes});
    } catch (const Failure&) {  // the relay may have had enough of it already
    }
  }
  awaitable<void> write_for_ever(TcpStream& stream, const ByteBuffer& bytes) {
    for (;;) co_await stream.write(bytes);
  }
  awaitable<bool> is_ended(TlsStream& stream) {
    try {
      for (;;) {
        std::array<std::byte, 1024> piece;
        co_await stream.read_some(piece);
      }
    } catch (const Failure&) {
    }
    co_return true;
  }
  /// Connections from one address, each of which says nothing and is left open until there are many.
  awaitable<void> flood(std::size_t count) {
    std::deque<asio::ip::tcp::socket> open;
    const auto there = to_asio(here());
    for (std::size_t i = 0; i < count; ++i) {
      asio::ip::tcp::socket socket{loop};
      socket.open(there.protocol());
      socket.bind({asio::ip::make_address("127.0.0.2"), 0});
      socket.set_option(asio::socket_base::linger{true, 0});
      const auto connected = co_await socket.async_connect(there, asio::experimental::as_tuple(use_awaitable));
      if (std::get<0>(connected)) continue;
      open.push_back(std::move(socket));
      if (open.size() > 200) open.pop_front();
    }
  }
  static std::size_t resident_memory() {
    std::ifstream statm{"/proc/self/statm"};
    std::size_t all = 0, resident = 0;
    statm >> all >> resident;
    return resident * 4 * KiB;
  }
  awaitable<void> read_into(TcpStream& stream, ByteBuffer& into) { into = co_await read_all(stream); }

  /// Both send and then end, at the same time; each gets what the other sent.
  awaitable<void> exchange(Ends& ends, std::size_t count, std::uint64_t seed) {
    const auto there = random_bytes(seed, count), back = random_bytes(seed + 1, count / 3);
    ByteBuffer to_bob, to_alice;
    const auto all = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(write_and_finish(ends.alice, there));
      tasks.start(write_and_finish(ends.bob, back));
      tasks.start(read_into(ends.alice, to_alice));
      to_bob = co_await read_all(ends.bob);
      while (tasks.running() > 0) co_await asio::post(use_awaitable);
    };
    co_await with_tasks<void>(all);
    EXPECT_TRUE(to_bob == there);
    EXPECT_TRUE(to_alice == back);
  }
  awaitable<void> until_idle() {
    while (!joiner.idle()) co_await asio::post(use_awaitable);
  }

  Person host, alice, bob, mallory;
  MemoryNameStore names;
  SecureRandom random;
  asio::io_context loop;
  TicketOffice office{host.identity, random};
  Rendezvous rendezvous{names, {.agent = "test", .notice = {}, .dials_back = true, .tickets = &office, .relays = true}};
  Joiner joiner{{.rendezvous = {host.identity.public_key()}, .relay = host.id(), .max_sides_of_a_key = 10'000, .max_sides_of_an_address = 10'000}};
  RelayService relay;
  Listener listener = Listener::on(loop.get_executor(), Endpoint{*IpAddress::parse("127.0.0.1"), Port{0}});
  const Port port = listener.port();
  Server server{loop.get_executor(), host.tls, rendezvous, std::move(listener), {}, {}, &relay};
};

/// What the relay goes by is an hour ahead of this machine's clock.
class RelayServiceByAnotherClock : public RelayServiceTest {
 protected:
  static constexpr auto ahead = 1h;
  RelayServiceByAnotherClock() : RelayServiceTest({.clock = [] { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + ahead; }}) {}
};

TEST_F(RelayServiceByAnotherClock, TakesTheTicketsThatAreGoodByIt) {
  tell([this]() -> awaitable<void> {
    const auto by_it = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + ahead;
    auto good = sign_ticket(host.identity, {TicketId::random(random), SessionId::random(random), alice.id(), bob.id(), host.id(), by_it + 1min, std::nullopt});
    auto ends = co_await meet(std::move(good));
    auto expired = ticket();
    auto late = co_await call(alice);
    co_await present(late, std::move(expired));
    EXPECT_THAT((co_await refusal(late)).words, HasSubstr("expired"));
  });
}

class RelayServiceByEachMeans : public RelayServiceTest, public testing::WithParamInterface<OneWay::Means> {
 protected:
  RelayServiceByEachMeans() : RelayServiceTest({.means = GetParam()}) {}
};

TEST_P(RelayServiceByEachMeans, CarriesBytesBothWaysAndPassesEachEndOn) {
  tell([this]() -> awaitable<void> {
    auto bytes = ticket();
    auto ends = co_await meet(std::move(bytes));
    co_await exchange(ends, 20'000'000, 1);
    co_await until_idle();
    EXPECT_EQ(joiner.total_bytes(), 20'000'000u + 20'000'000 / 3);
    EXPECT_EQ(relay.pipes().lent(), 0u);
  });
}

TEST_P(RelayServiceByEachMeans, KeepsOneWayOpenWhenTheOtherHasEnded) {
  tell([this]() -> awaitable<void> {
    auto bytes = ticket();
    auto ends = co_await meet(std::move(bytes));
    ends.alice.finish();
    EXPECT_TRUE((co_await read_all(ends.bob)).empty());
    const auto words = random_bytes(3, 100'000);
    co_await ends.bob.write(words);
    ends.bob.finish();
    EXPECT_TRUE((co_await read_all(ends.alice)) == words);
    co_await until_idle();
  });
}

INSTANTIATE_TEST_SUITE_P(Means, RelayServiceByEachMeans, testing::Values(OneWay::best_means(), OneWay::Means::memory),
                         [](const auto& means) { return means.index == 0 ? std::string{"Best"} : std::string{"Memory"}; });

class RelayServiceAtARate : public RelayServiceTest {
 protected:
  RelayServiceAtARate() : RelayServiceTest({.rate = BytesPerSecond{20'000'000}}) {}
};

TEST_F(RelayServiceAtARate, CarriesTheSameBytesForSeveralAtOnce) {
  tell([this]() -> awaitable<void> {
    std::vector<Ends> all;
    for (int i = 0; i < 4; ++i) {
      auto bytes = ticket();
      all.push_back(co_await meet(std::move(bytes)));
    }
    const auto began = Clock::now();
    const auto together = [&](TaskGroup& tasks) -> awaitable<void> {
      for (std::size_t i = 1; i < all.size(); ++i) tasks.start(exchange(all[i], 1'500'000, 20 + i));
      co_await exchange(all[0], 1'500'000, 20);
      while (tasks.running() > 0) co_await asio::post(use_awaitable);
    };
    co_await with_tasks<void>(together);
    EXPECT_GE(Clock::now() - began, 290ms);  // 8 MB, of which 100 ms may be caught up with: sooner would be too fast
  });
}

TEST_F(RelayServiceAtARate, ALaneThatEndsGivesItsTurnBack) {
  tell([this]() -> awaitable<void> {
    auto first = ticket();
    auto busy = co_await meet(std::move(first));
    const auto together = [&](TaskGroup& tasks) -> awaitable<void> {
      const auto push = [&]() -> awaitable<void> {
        const auto much = random_bytes(7, 4'000'000);
        try {
          co_await write_and_finish(busy.alice, much);
        } catch (const Failure&) {  // cut off in the middle
        }
      };
      tasks.start(push());
      std::array<std::byte, 1000> some;
      for (std::size_t got = 0; got < 2'500'000;) got += co_await busy.bob.read_some(some);  // by now the rate holds it back
      busy.bob.abort();
      while (tasks.running() > 0) co_await asio::post(use_awaitable);
    };
    co_await with_tasks<void>(together);
    co_await until_idle();
    EXPECT_EQ(relay.flows_in_turn(), 0u);
  });
}

TEST_F(RelayServiceTest, TellsWhyALaneEndedToWhoPresentsItsTicketAgain) {
  tell([this]() -> awaitable<void> {
    const auto bytes = ticket(100'000);
    auto copy = bytes;
    auto ends = co_await meet(std::move(copy));
    const auto too_much = random_bytes(4, 1'000'000);
    const auto all = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(write_and_finish(ends.alice, too_much));
      EXPECT_LE((co_await read_all(ends.bob)).size(), 100'000u);
    };
    co_await with_tasks<void>(all);
    EXPECT_EQ(joiner.total_bytes(), 100'000u);
    auto again = co_await call(bob);
    copy = bytes;
    co_await present(again, std::move(copy));
    const auto no = co_await refusal(again);
    EXPECT_EQ(no.code, Errc::limit);
    EXPECT_THAT(no.words, HasSubstr("100000 bytes"));
  });
}

TEST_F(RelayServiceTest, NoticesThatAPeerIsLost) {
  tell([this]() -> awaitable<void> {
    auto bytes = ticket();
    auto ends = co_await meet(std::move(bytes));
    ends.alice.abort();
    EXPECT_TRUE((co_await read_all(ends.bob)).empty());
    co_await until_idle();
  });
}

// --- peers that do not do as they should ----------------------------------------------------------------------------

TEST_F(RelayServiceTest, RefusesAStolenTicketInWords) {
  tell([this]() -> awaitable<void> {
    auto thief = co_await call(mallory);
    auto bytes = ticket();
    co_await present(thief, std::move(bytes));
    const auto no = co_await refusal(thief);
    EXPECT_EQ(no.code, Errc::identity_mismatch);
    co_await until_idle();
  });
}

TEST_F(RelayServiceTest, TellsTheOlderThatItIsSuperseded) {
  tell([this]() -> awaitable<void> {
    const auto bytes = ticket();
    auto older = co_await call(alice);
    auto newer = co_await call(alice);
    auto copy = bytes;
    co_await present(older, std::move(copy));
    while (joiner.waiting() == 0) co_await asio::post(use_awaitable);
    copy = bytes;
    co_await present(newer, std::move(copy));
    EXPECT_THAT((co_await refusal(older)).words, HasSubstr("superseded"));
    auto other = co_await call(bob);
    copy = bytes;
    co_await present(other, std::move(copy));
    EXPECT_TRUE(std::holds_alternative<RelayJoined>(co_await hear(newer)));
  });
}

TEST_F(RelayServiceTest, TellsWhoSpeaksAnotherVersion) {
  tell([this]() -> awaitable<void> {
    auto guest = co_await call(alice);
    const auto framed = frame(encode(RelayHello{relay_version + 1, ticket()}));
    co_await guest.write(ByteView{framed});
    EXPECT_EQ((co_await refusal(guest)).code, Errc::version);
  });
}

TEST_F(RelayServiceTest, EndsWhoSaysNoHelloInTime) {
  tell([this]() -> awaitable<void> {
    auto mute = co_await call(alice);
    auto dripping = co_await call(bob);
    const auto framed = frame(encode(RelayHello{relay_version, ticket()}));
    const auto drip = [&](TaskGroup& tasks) -> awaitable<void> {
      const auto drops = [&]() -> awaitable<void> {
        try {
          for (const auto byte : framed) {
            co_await dripping.write(ByteView{&byte, 1});
            co_await sleep_until(Clock::now() + 20ms);  // it would take many seconds
          }
        } catch (const Failure&) {
        }
      };
      tasks.start(drops());
      EXPECT_TRUE(co_await is_ended(dripping));
    };
    co_await with_tasks<void>(drip);
    EXPECT_TRUE(co_await is_ended(mute));
    EXPECT_TRUE(joiner.idle());
  });
}

TEST_F(RelayServiceTest, EndsWhoSaysGarbageAndGoesOnWithTheOthers) {
  tell([this]() -> awaitable<void> {
    auto bytes = ticket();
    auto ends = co_await meet(std::move(bytes));
    const std::vector<ByteBuffer> vandalism{frame(bytes_of("not CBOR")), ByteBuffer(4, std::byte{0xFF}), ByteBuffer(100'000, std::byte{0}),
                                            frame(ByteBuffer(max_relay_hello + 1))};
    for (const auto& words : vandalism) {
      auto vandal = co_await call(mallory);
      co_await write_quietly(vandal, words);
      EXPECT_TRUE(co_await is_ended(vandal));
    }
    // Not even TLS.
    auto socket = co_await dial();
    const auto noise = random_bytes(5, 10'000);
    co_await socket.write(noise);
    EXPECT_TRUE((co_await read_all(socket)).size() < 100);  // an alert at most
    co_await exchange(ends, 1'000'000, 6);
  });
}

TEST_F(RelayServiceTest, EndsWhoTalksBeforeTheAnswer) {
  tell([this]() -> awaitable<void> {
    const auto bytes = ticket();
    auto copy = bytes;
    auto hasty = co_await call(alice);
    co_await present(hasty, std::move(copy));
    while (joiner.waiting() == 0) co_await asio::post(use_awaitable);
    const auto words = random_bytes(7, 10);
    co_await hasty.write(ByteView{words});
    EXPECT_TRUE(co_await is_ended(hasty));
    co_await until_idle();
  });
}

TEST_F(RelayServiceTest, EndsWhoSaysMoreThanAHelloAndKeepsTheOtherWaiting) {
  tell([this]() -> awaitable<void> {
    const auto bytes = ticket();
    auto polite = co_await call(alice);
    auto copy = bytes;
    co_await present(polite, std::move(copy));
    while (joiner.waiting() == 0) co_await asio::post(use_awaitable);
    auto hasty = co_await call(bob);
    auto words = frame(encode(RelayHello{relay_version, bytes}));
    words.resize(words.size() + 500);
    co_await hasty.write(ByteView{words});
    EXPECT_TRUE(co_await is_ended(hasty));
    EXPECT_EQ(joiner.waiting(), 1u);
    auto again = co_await call(bob);
    copy = bytes;
    co_await present(again, std::move(copy));
    EXPECT_TRUE(std::holds_alternative<RelayJoined>(co_await hear(polite)));
  });
}

TEST_F(RelayServiceTest, NoticesWhoLeavesWhileWaiting) {
  tell([this]() -> awaitable<void> {
    for (const bool orderly : {true, false}) {
      auto guest = co_await call(alice);
      auto bytes = ticket();
      co_await present(guest, std::move(bytes));
      while (joiner.waiting() == 0) co_await asio::post(use_awaitable);
      if (orderly) {
        guest.close();
      } else {
        guest.abort();
      }
      co_await until_idle();
    }
  });
}

TEST_F(RelayServiceTest, KeepsNoPipeForALaneThatNobodyReadsFrom) {
  tell([this]() -> awaitable<void> {
    std::vector<Ends> stuck;
    const auto much = random_bytes(8, 200'000);
    const auto fill = [&](TaskGroup& tasks) -> awaitable<void> {
      for (int i = 0; i < 40; ++i) {
        auto bytes = ticket();
        stuck.push_back(co_await meet(std::move(bytes)));
      }
      for (auto& each : stuck) tasks.start(write_for_ever(each.alice, much));
      auto bytes = ticket();
      auto honest = co_await meet(std::move(bytes));
      co_await exchange(honest, 3'000'000, 9);
      EXPECT_LE(relay.pipes().lent(), max_pipes);
    };
    co_await with_tasks<void>(fill);
  });
}

TEST_F(RelayServiceTest, OutlivesAFloodOfTenThousandConnectionsInBoundedMemory) {
  tell([this]() -> awaitable<void> {
    auto bytes = ticket();
    auto ends = co_await meet(std::move(bytes));
    co_await flood(500);  // so that what is measured is not what the first ones cost
    const auto before = resident_memory();
    const auto both = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(flood(10'000));
      co_await exchange(ends, 10'000'000, 10);
      while (tasks.running() > 0) co_await sleep_until(Clock::now() + 1ms);
    };
    co_await with_tasks<void>(both);
    EXPECT_LT(resident_memory(), before + 200 * MiB);  // 32 half-open ones of the address, each 300 KiB; the test's own buffers; ASan's
  });
}

TEST_F(RelayServiceTest, FindsARelayWhereItIsAndNothingElse) {
  tell([this]() -> awaitable<void> {
    const Endpoint here{*IpAddress::parse("127.0.0.1"), port};
    EXPECT_EQ(co_await look_at_relay(alice.tls, here, host.id()), DialBackOutcome::reached);
    EXPECT_EQ(co_await look_at_relay(alice.tls, here, bob.id()), DialBackOutcome::refused);
    auto other = Listener::on(loop.get_executor(), Endpoint{here.address, Port{0}});
    const Endpoint nobody{here.address, other.port()};
    other.close();
    EXPECT_EQ(co_await look_at_relay(alice.tls, nobody, host.id()), DialBackOutcome::refused);
  });
}

// --- with the rendezvous --------------------------------------------------------------------------------------------

TEST_F(RelayServiceTest, DoesNotListASupernodeBehindAClosedDoor) {
  tell([this]() -> awaitable<void> {
    auto closed = Listener::on(loop.get_executor(), Endpoint{*IpAddress::parse("127.0.0.1"), Port{0}});
    const auto nobodys = closed.port();
    closed.close();
    auto helper = co_await greet(mallory);
    for (const auto where : {nobodys, port}) {  // and not at a port where somebody else is
      ClientMessage volunteer = Volunteer{1, where, true, false};
      EXPECT_EQ((co_await ask<Volunteered>(helper, std::move(volunteer))).outcome, DialBackOutcome::refused);
    }
    auto asker = co_await greet(alice);
    ClientMessage which = AskRelays{2, {}};
    EXPECT_TRUE((co_await ask<Relays>(asker, std::move(which))).relays.empty());
  });
}

}  // namespace
}  // namespace pshare
