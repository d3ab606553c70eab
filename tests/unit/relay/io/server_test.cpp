// The rendezvous behind real sockets on this host: what the core cannot show by itself.
#include "relay/io/server.hpp"

#include <gmock/gmock.h>

#include <vector>

#include "io/deadline.hpp"
#include "relay/io/control_connection.hpp"
#include "secure/io/tls_stream.hpp"
#include "wire/role.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 20s;

struct Person {
  Identity identity = value_or_throw(Identity::generate());
  TlsContext tls{identity};
  const PeerId& id() const { return identity.id(); }
};

/// A client's end of a control connection.
class Caller {
 public:
  explicit Caller(TlsStream stream) : stream_(std::move(stream)) {}

  awaitable<void> say(ClientMessage message) {
    const auto framed = frame(encode(message));
    co_await stream_.write(ByteView{framed});
  }
  awaitable<void> say_raw(ByteBuffer bytes) { co_await stream_.write(ByteView{bytes}); }
  /// Throws closed when the server has nothing more to say.
  awaitable<ServerMessage> hear() {
    for (;;) {
      const auto body = value_or_throw(frames_.next());
      if (body) co_return value_or_throw(decode_server_message(*body));
      std::array<std::byte, 4096> piece;
      const auto count = co_await stream_.read_some(piece);
      frames_.feed(ByteView{piece}.first(count));
    }
  }
  template <typename Message>
  awaitable<Message> hear_a() {
    auto heard = co_await hear();
    EXPECT_TRUE(std::holds_alternative<Message>(heard)) << "another message came: " << heard.index();
    co_return std::get<Message>(std::move(heard));
  }
  void close() { stream_.close(); }

 private:
  TlsStream stream_;
  FrameReader frames_;
};

class ServerTest : public testing::Test {
 protected:
  /// Runs the story beside the server, and then stops the server if the story has not.
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

  awaitable<TcpStream> dial() { return connect(Endpoint{*IpAddress::parse("127.0.0.1"), port}); }
  awaitable<Caller> call(const Person& as, std::string alpn = std::string{control_alpn}) {
    auto socket = co_await dial();
    std::vector<std::string> roles{std::move(alpn)};
    TlsStream stream{std::move(socket), TlsEngine{as.tls, TlsRole::client, std::move(roles), only(host.id())}};
    co_await stream.handshake();
    co_return Caller{std::move(stream)};
  }
  awaitable<Caller> greet(const Person& as) {
    auto caller = co_await call(as);
    ClientMessage hello = Hello{};
    co_await caller.say(std::move(hello));
    co_await caller.hear_a<Welcome>();
    co_return caller;
  }

  Person host, alice, bob;
  MemoryNameStore names;
  asio::io_context loop;
  Rendezvous rendezvous{names, {.agent = "test", .notice = {}, .hello_patience = 200ms}};
  Listener listener = Listener::on(loop.get_executor(), Endpoint{*IpAddress::parse("127.0.0.1"), Port{0}});
  const Port port = listener.port();
  Server server{loop.get_executor(), host.tls, rendezvous, std::move(listener)};
};

/// Throws Failure when the connection ends, as a story expects it to.
awaitable<bool> ends(Caller& caller) {
  try {
    for (;;) co_await caller.hear();
  } catch (const Failure&) {
  }
  co_return true;
}

TEST_F(ServerTest, CarriesASignalFromOneToTheOther) {
  tell([this]() -> awaitable<void> {
    auto from = co_await greet(alice);
    auto to = co_await greet(bob);
    ClientMessage signal = SendSignal{7, bob.id(), {}, buffer_of(bytes_of("sealed")), true, {}};
    co_await from.say(std::move(signal));
    EXPECT_EQ((co_await from.hear_a<SignalFate>()).fate, Fate::delivered);
    const auto delivery = co_await to.hear_a<Delivery>();
    EXPECT_EQ(delivery.from, alice.id());
    EXPECT_EQ(text_of(delivery.body), "sealed");
  });
}

TEST_F(ServerTest, NoticesWhoLeaves) {
  tell([this]() -> awaitable<void> {
    auto from = co_await greet(alice);
    auto to = co_await greet(bob);
    to.close();
    std::vector<PeerId> online{bob.id()};
    while (!online.empty()) {  // the news travel by another connection than the question
      ClientMessage who = Who{1, {bob.id()}};
      co_await from.say(std::move(who));
      online = (co_await from.hear_a<WhoReply>()).online;
    }
    EXPECT_TRUE(online.empty());
  });
}

TEST_F(ServerTest, SendsAwayWhoSaysNothingThoughNobodyElseComes) {
  tell([this]() -> awaitable<void> {
    auto mute = co_await call(alice);
    const auto trouble = co_await mute.hear_a<Trouble>();
    EXPECT_EQ(trouble.code, Errc::limit);
    EXPECT_TRUE(co_await ends(mute));  // we do not close: the server does, after its patience
    while (rendezvous.clients() > 0) co_await asio::post(use_awaitable);
  });
}

TEST_F(ServerTest, AnswersGarbageInWordsAndServesTheOthers) {
  tell([this]() -> awaitable<void> {
    auto caller = co_await greet(bob);
    auto vandal = co_await greet(alice);
    auto garbage = frame(bytes_of("not CBOR"));
    co_await vandal.say_raw(std::move(garbage));
    EXPECT_EQ((co_await vandal.hear_a<Trouble>()).code, Errc::malformed);
    auto giant = co_await greet(alice);
    ByteBuffer length(4, std::byte{0xFF});
    co_await giant.say_raw(std::move(length));
    EXPECT_TRUE(co_await ends(giant));
    ClientMessage ping = Ping{};
    co_await caller.say(std::move(ping));
    co_await caller.hear_a<Pong>();
  });
}

TEST_F(ServerTest, ShakesHandsOnlyForARoleThatItHas) {
  tell([this]() -> awaitable<void> {
    bool refused = false;
    try {
      auto caller = co_await call(alice, "h2");
    } catch (const Failure&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
    EXPECT_EQ(rendezvous.clients(), 0u);
  });
}

TEST_F(ServerTest, ClosesHalfOpenConnectionsBeyondThoseOfOneAddress) {
  tell([this]() -> awaitable<void> {
    std::vector<TcpStream> idle;
    for (std::size_t i = 0; i < max_half_open_of_an_address; ++i) idle.push_back(co_await dial());
    auto late = co_await dial();
    std::array<std::byte, 1> byte;
    bool closed = false;
    try {
      co_await late.read_some(byte);
    } catch (const Failure&) {
      closed = true;
    }
    EXPECT_TRUE(closed);
    idle.clear();
    for (bool served = false; !served;) {  // as soon as the server has seen that they are gone
      try {
        auto caller = co_await greet(alice);
        served = true;
      } catch (const Failure&) {
      }
    }
  });
}

TEST_F(ServerTest, TellsEveryClientWhenItStopsAndThenEnds) {
  tell([this]() -> awaitable<void> {
    auto polite = co_await greet(alice);
    auto deaf = co_await greet(bob);  // does not close its end
    const auto stopped_at = Clock::now();
    server.stop();
    const auto trouble = co_await polite.hear_a<Trouble>();
    EXPECT_EQ(trouble.code, Errc::busy);
    polite.close();
    EXPECT_TRUE(co_await ends(deaf));
    EXPECT_LT(Clock::now() - stopped_at, farewell_patience + 5s);
  });
}

TEST_F(ServerTest, EndsAtOnceWhenNobodyIsThere) {
  bool ended = false;
  const auto run = [&]() -> awaitable<void> {
    co_await server.run();
    ended = true;
  };
  asio::co_spawn(loop, run, asio::detached);
  asio::post(loop, [&] { server.stop(); });
  const auto since = Clock::now();
  loop.run();
  EXPECT_TRUE(ended);
  EXPECT_LT(Clock::now() - since, farewell_patience);
}

TEST_F(ServerTest, QueuesOnlySoMuchForAReaderWhoIsSlow) {
  tell([this]() -> awaitable<void> {
    auto socket = co_await dial();  // that nobody reads from it is the point; no handshake is needed to queue
    std::vector<std::string> roles{std::string{control_alpn}};
    ControlConnection connection{loop.get_executor(),
                                 TlsStream{std::move(socket), TlsEngine{alice.tls, TlsRole::server, std::move(roles), only(bob.id())}}};
    const Delivery large{bob.id(), {}, ByteBuffer(max_signal_body)};
    const auto each = frame(encode(ServerMessage{large})).size();
    std::size_t queued = 0;
    while (connection.say(large)) queued += each;
    EXPECT_LE(queued, max_unsent);
    EXPECT_GT(queued + each, max_unsent);
    EXPECT_TRUE(connection.say(Pong{}));  // what still fits is taken
  });
}

TEST_F(ServerTest, IsToldTheRoleInsideOfWhatLooksLikeOrdinaryTls) {
  tell([&]() -> awaitable<void> {
    auto caller = co_await call(alice, std::string{ordinary_alpn});
    const auto role = frame(encode_role(control_alpn)), hello = frame(encode(ClientMessage{Hello{}}));
    ByteBuffer both = role;
    both.insert(both.end(), hello.begin(), hello.end());
    co_await caller.say_raw(std::move(both));
    const auto welcome = co_await caller.hear_a<Welcome>();
    EXPECT_EQ(welcome.agent, "test");
    caller.close();
    server.stop();
  });
}

TEST_F(ServerTest, EndsWhatLooksLikeOrdinaryTlsAndNamesNoRoleOfIts) {
  tell([&]() -> awaitable<void> {
    const ByteBuffer others[] = {frame(encode_role("somebody-elses/1")), frame(ByteBuffer(max_role_frame + 1)), frame(ByteBuffer{}),
                                 buffer_of(bytes_of("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"))};
    for (const auto& each : others) {
      auto caller = co_await call(alice, std::string{ordinary_alpn});
      co_await caller.say_raw(each);
      EXPECT_TRUE(co_await ends(caller));
    }
    server.stop();
  });
}

}  // namespace
}  // namespace pshare
