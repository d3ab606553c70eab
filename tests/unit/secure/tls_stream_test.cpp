#include "secure/io/tls_stream.hpp"

#include <gtest/gtest.h>

#include "../io/run.hpp"
#include "io/deadline.hpp"
#include "io/task_group.hpp"
#include "wire/random.hpp"

namespace pshare {
namespace {

using testing::run;

template <typename T>
awaitable<Errc> trouble_of(awaitable<T> work) {
  try {
    co_await std::move(work);
  } catch (const Failure& failure) {
    co_return failure.error().code;
  }
  ADD_FAILURE() << "did not fail";
  co_return Errc::failed;
}

awaitable<void> note_trouble(awaitable<void> work, std::optional<Errc>& trouble) {
  try {
    co_await std::move(work);
  } catch (const Failure& failure) {
    trouble = failure.error().code;
  }
}

ByteBuffer random_bytes(std::uint64_t seed, std::size_t count) {
  ByteBuffer bytes(count);
  SeededRandom{seed}.fill(bytes);
  return bytes;
}

/// Alice, who dialled, and Bob, who listened, on one loopback connection.
class TlsOnASocket : public ::testing::Test {
 protected:
  TlsEngine alices_engine(const PeerId& expected) { return {alice_context, TlsRole::client, {"pshare-lane/1"}, only(expected)}; }
  TlsEngine bobs_engine(const PeerId& expected) { return {bob_context, TlsRole::server, {"pshare-lane/1"}, only(expected)}; }

  awaitable<void> connect_sockets() {
    const auto loopback = *IpAddress::parse("127.0.0.1");
    auto listener = Listener::on(loop.get_executor(), Endpoint{loopback, Port{0}});
    const Endpoint to{loopback, listener.port()};
    alices_socket = co_await connect(to);
    bobs_socket = co_await listener.accept();
  }

  /// Both streams, after their handshakes, which may have ended in trouble.
  awaitable<void> meet(PeerId alice_expects, PeerId bob_expects) {
    co_await connect_sockets();
    left.emplace(*std::move(alices_socket), alices_engine(alice_expects));
    right.emplace(*std::move(bobs_socket), bobs_engine(bob_expects));
    co_await shake_hands();
  }

  awaitable<void> shake_hands() {
    TaskGroup* group = nullptr;
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      group = &tasks;
      tasks.start(note_trouble(left->handshake(), left_trouble));
      co_await note_trouble(right->handshake(), right_trouble);
      while (group->running() > 1) co_await asio::post(loop, use_awaitable);  // the body itself is one
    };
    co_await with_tasks(std::move(body));
  }

  Identity alice = *Identity::generate(), bob = *Identity::generate(), mallory = *Identity::generate();
  TlsContext alice_context{alice}, bob_context{bob};
  asio::io_context loop;
  std::optional<TcpStream> alices_socket, bobs_socket;
  std::optional<TlsStream> left, right;
  std::optional<Errc> left_trouble, right_trouble;
};

TEST_F(TlsOnASocket, ProvesBothKeys) {
  run(loop, meet(bob.id(), alice.id()));
  ASSERT_FALSE(left_trouble || right_trouble);
  EXPECT_EQ(left->peer(), bob.id());
  EXPECT_EQ(right->peer_key(), alice.public_key());
  EXPECT_EQ(right->alpn(), "pshare-lane/1");
}

TEST_F(TlsOnASocket, CarriesMegabytesBothWaysAtOnce) {
  const auto there = random_bytes(1, 5'000'011), back = random_bytes(2, 3'000'017);
  ByteBuffer at_right(there.size()), at_left(back.size());
  auto story = [&]() -> awaitable<void> {
    co_await meet(bob.id(), alice.id());
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(left->write(there));
      tasks.start(right->write(back));
      tasks.start(left->read_exactly(at_left));
      co_await right->read_exactly(at_right);
      while (tasks.running() > 1) co_await asio::post(loop, use_awaitable);
    };
    co_await with_tasks(std::move(body));
  };
  run(loop, story());
  EXPECT_TRUE(at_right == there);
  EXPECT_TRUE(at_left == back);
}

TEST_F(TlsOnASocket, WritesPiecesAsIfTheyWereOne) {
  ByteBuffer heard(11);
  auto story = [&]() -> awaitable<void> {
    co_await meet(bob.id(), alice.id());
    const std::array pieces{bytes_of("hello"), bytes_of(""), bytes_of(" "), bytes_of("there")};
    co_await left->write(pieces);
    co_await right->read_exactly(heard);
  };
  run(loop, story());
  EXPECT_EQ(text_of(heard), "hello there");
}

TEST_F(TlsOnASocket, RefusesAServerWithAnotherKeyOnBothSides) {
  run(loop, meet(mallory.id(), alice.id()));
  EXPECT_EQ(left_trouble, Errc::identity_mismatch);
  EXPECT_EQ(right_trouble, Errc::identity_mismatch);  // told by an alert
}

TEST_F(TlsOnASocket, TellsARefusedClientAtItsFirstReadAndTakesNothingFromIt) {
  auto story = [&]() -> awaitable<Errc> {
    co_await meet(bob.id(), mallory.id());
    std::array<std::byte, 16> nothing;
    co_return co_await trouble_of(left->read_some(nothing));
  };
  EXPECT_EQ(run(loop, story()), Errc::identity_mismatch);
  EXPECT_EQ(left_trouble, std::nullopt);  // in TLS 1.3 the client is done first
  EXPECT_EQ(right_trouble, Errc::identity_mismatch);
}

TEST_F(TlsOnASocket, GivesItsSocketUpWithWhatFollowsTheLastRecordStillInIt) {
  ByteBuffer heard(5), raw(3);
  auto story = [&]() -> awaitable<void> {
    co_await meet(bob.id(), alice.id());
    right->stop_reading_ahead();
    co_await left->write(bytes_of("hello"));
    auto alices = std::move(*left).release();
    co_await alices.write(bytes_of("raw"));
    std::array<std::byte, 1024> all_there;
    constexpr std::size_t record = 5 + 5 + 1 + 16;  // RFC 8446 section 5.2; both have arrived before the first is read
    while (co_await const_cast<TcpStream&>(right->socket()).peek(all_there) < record + 3) co_await asio::post(loop, use_awaitable);
    co_await right->read_exactly(heard);
    auto bobs = std::move(*right).release();
    for (std::size_t got = 0; got < raw.size();) got += co_await bobs.read_some(std::span{raw}.subspan(got));
  };
  run(loop, story());
  EXPECT_EQ(text_of(heard), "hello");
  EXPECT_EQ(text_of(raw), "raw");
}

TEST_F(TlsOnASocket, DoesNotGiveItsSocketUpWhileBytesOfItAreHere) {
  auto story = [&]() -> awaitable<Errc> {
    co_await meet(bob.id(), alice.id());
    co_await left->write(bytes_of("more than is read"));
    ByteBuffer heard(4);
    co_await right->read_exactly(heard);
    try {
      std::move(*right).release();
    } catch (const Failure& failure) {
      co_return failure.error().code;
    }
    co_return Errc::failed;
  };
  EXPECT_EQ(run(loop, story()), Errc::malformed);
}

TEST_F(TlsOnASocket, EndsOrderlyWithWhatWasWrittenBefore) {
  auto story = [&]() -> awaitable<Errc> {
    co_await meet(bob.id(), alice.id());
    co_await left->write(bytes_of("last words"));
    left->close();
    ByteBuffer heard(10);
    co_await right->read_exactly(heard);
    EXPECT_EQ(text_of(heard), "last words");
    co_return co_await trouble_of(right->read_some(heard));
  };
  EXPECT_EQ(run(loop, story()), Errc::closed);
}

TEST_F(TlsOnASocket, TakesACutForNoEnd) {
  auto story = [&]() -> awaitable<Errc> {
    co_await connect_sockets();
    right.emplace(*std::move(bobs_socket), bobs_engine(alice.id()));
    auto engine = alices_engine(bob.id());
    const auto hello = engine.take_output();
    ByteBuffer some(16 * 1024);
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(note_trouble(right->handshake(), right_trouble));
      co_await alices_socket->write(hello);
      while (!engine.established()) {
        const auto count = co_await alices_socket->read_some(some);
        if (!engine.feed(ByteView{some}.first(count))) co_return;
      }
      const auto finished = engine.take_output();
      co_await alices_socket->write(finished);
      while (tasks.running() > 1) co_await asio::post(loop, use_awaitable);
    };
    co_await with_tasks(std::move(body));
    alices_socket->close();  // no close_notify
    co_return co_await trouble_of(right->read_some(some));
  };
  EXPECT_EQ(run(loop, story()), Errc::unreachable);
  EXPECT_EQ(right_trouble, std::nullopt);
}

TEST_F(TlsOnASocket, TakesAnEndInTheHandshakeForACut) {
  auto story = [&]() -> awaitable<Errc> {
    co_await connect_sockets();
    left.emplace(*std::move(alices_socket), alices_engine(bob.id()));
    bobs_socket->close();
    co_return co_await trouble_of(left->handshake());
  };
  EXPECT_EQ(run(loop, story()), Errc::unreachable);
}

TEST_F(TlsOnASocket, SaysNothingMoreOnceAWriteBrokeOff) {
  const ByteBuffer much(64 * 1024 * 1024);  // more than any socket buffer takes
  auto story = [&]() -> awaitable<void> {
    co_await meet(bob.id(), alice.id());
    auto stuck = left->write(much);
    EXPECT_EQ(co_await trouble_of(with_deadline(std::move(stuck), Clock::now(), "writing to nobody")), Errc::timed_out);
    EXPECT_EQ(co_await trouble_of(left->write(bytes_of("more"))), Errc::unreachable);
  };
  run(loop, story());
}

TEST_F(TlsOnASocket, EndsAPendingReadWhenClosedByUs) {
  std::optional<Errc> trouble;
  auto story = [&]() -> awaitable<void> {
    co_await meet(bob.id(), alice.id());
    ByteBuffer out(16);
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(note_trouble(left->read_exactly(out), trouble));
      co_await asio::post(loop, use_awaitable);
      left->close();
      while (tasks.running() > 1) co_await asio::post(loop, use_awaitable);
    };
    co_await with_tasks(std::move(body));
  };
  run(loop, story());
  EXPECT_EQ(trouble, Errc::closed);
}

}  // namespace
}  // namespace pshare
