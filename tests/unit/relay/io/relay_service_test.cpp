// The relay behind real sockets on this host, in the server's port: what the cores cannot show by themselves. Honest peers beside hostile ones.
#include "relay/io/relay_service.hpp"

#include <gmock/gmock.h>

#include <vector>

#include "io/deadline.hpp"
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

  awaitable<TcpStream> dial() { return connect(Endpoint{*IpAddress::parse("127.0.0.1"), port}); }
  awaitable<TlsStream> call(const Person& as) {
    auto socket = co_await dial();
    std::vector<std::string> roles{std::string{relay_alpn}};
    TlsStream stream{std::move(socket), TlsEngine{as.tls, TlsRole::client, std::move(roles), only(host.id())}};
    co_await stream.handshake();
    stream.stop_reading_ahead();
    co_return stream;
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
  Rendezvous rendezvous{names, {.agent = "test", .notice = {}, .tickets = &office, .relays = true}};
  Joiner joiner{{.rendezvous = host.identity.public_key(), .relay = host.id(), .max_sides_of_a_key = 10'000, .max_sides_of_an_address = 10'000}};
  RelayService relay{loop.get_executor(), joiner};
  Listener listener = Listener::on(loop.get_executor(), Endpoint{*IpAddress::parse("127.0.0.1"), Port{0}});
  const Port port = listener.port();
  Server server{loop.get_executor(), host.tls, rendezvous, std::move(listener), {}, &relay};
};

class RelayServiceByEachMeans : public RelayServiceTest, public testing::WithParamInterface<OneWay::Means> {
 protected:
  RelayServiceByEachMeans() { relay.copy_by(GetParam()); }
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

}  // namespace
}  // namespace pshare
