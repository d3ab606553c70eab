// One direction of a lane, step by step, between real sockets: which means it uses, and what it keeps meanwhile.
#include "relay/io/splice.hpp"

#include <gtest/gtest.h>

#ifdef __linux__
#include <fcntl.h>
#endif

#include <algorithm>

#include "wire/random.hpp"

namespace pshare {
namespace {

using asio::ip::tcp;

class SpliceTest : public testing::TestWithParam<OneWay::Means> {
 protected:
  struct Pair {
    tcp::socket near, far;  // a peer's, and the relay's
  };
  Pair connected() {
    tcp::acceptor acceptor{loop, {asio::ip::make_address("127.0.0.1"), 0}};
    Pair pair{tcp::socket{loop}, tcp::socket{loop}};
    pair.near.connect(acceptor.local_endpoint());
    acceptor.accept(pair.far);
    pair.far.non_blocking(true);
    return pair;
  }
  ByteBuffer some(std::size_t count) {
    ByteBuffer bytes(count);
    SeededRandom{count}.fill(bytes);
    return bytes;
  }
  /// Waits as the step says.
  void wait(const OneWay::Step& step) {
    if (step.next == OneWay::Next::source) from.far.wait(tcp::socket::wait_read);
    if (step.next == OneWay::Next::destination) to.far.wait(tcp::socket::wait_write);
  }
  std::size_t read_some(std::span<std::byte> out) { return to.near.read_some(asio::buffer(out.data(), out.size())); }

  asio::io_context loop;
  PipePool pipes;
  Pair from = connected(), to = connected();
};

TEST_P(SpliceTest, TakesNoMoreThanItMay) {
  OneWay way{from.far, to.far, pipes, GetParam()};
  const auto bytes = some(1'000);
  asio::write(from.near, asio::buffer(bytes));
  from.far.wait(tcp::socket::wait_read);
  const auto step = way.step(300);
  EXPECT_EQ(step.taken, 300u);
  EXPECT_EQ(step.next, OneWay::Next::turn);
  EXPECT_EQ(way.held(), 0u);
}

TEST_P(SpliceTest, KeepsNothingWhileThereIsNothing) {
  OneWay way{from.far, to.far, pipes, GetParam()};
  EXPECT_EQ(way.step(1'000).next, OneWay::Next::source);
  EXPECT_FALSE(way.has_pipe());
  EXPECT_EQ(pipes.lent(), 0u);
}

TEST_P(SpliceTest, PassesTheEndOnAfterTheLastByte) {
  OneWay way{from.far, to.far, pipes, GetParam()};
  const auto bytes = some(50'000);
  asio::write(from.near, asio::buffer(bytes));
  from.near.shutdown(tcp::socket::shutdown_send);
  std::size_t taken = 0;
  for (;;) {
    const auto step = way.step(bytes_of_a_turn);
    taken += step.taken;
    if (step.next == OneWay::Next::ended) break;
    wait(step);
  }
  EXPECT_EQ(taken, bytes.size());
  ByteBuffer got(bytes.size());
  asio::read(to.near, asio::buffer(got));
  EXPECT_TRUE(got == bytes);
  std::error_code error;
  std::array<std::byte, 1> more;
  to.near.read_some(asio::buffer(more), error);
  EXPECT_EQ(error, asio::error::eof);
}

TEST_P(SpliceTest, LosesNothingAtADestinationThatIsSlow) {
  to.far.set_option(asio::socket_base::send_buffer_size{4'096});
  OneWay way{from.far, to.far, pipes, GetParam()};
  const auto bytes = some(10'000'000);
  ByteBuffer got(bytes.size());
  std::size_t sent = 0, received = 0;
  from.near.non_blocking(true);
  to.near.non_blocking(true);
  while (received < bytes.size()) {
    std::error_code error;
    if (sent < bytes.size()) sent += from.near.write_some(asio::buffer(bytes.data() + sent, bytes.size() - sent), error);
    for (int turn = 0; turn < 4; ++turn) way.step(bytes_of_a_turn);
    received += to.near.read_some(asio::buffer(got.data() + received, std::min<std::size_t>(20'000, got.size() - received)), error);
  }
  EXPECT_TRUE(got == bytes);
}

INSTANTIATE_TEST_SUITE_P(Means, SpliceTest, testing::Values(OneWay::best_means(), OneWay::Means::memory),
                         [](const auto& means) { return means.index == 0 ? std::string{"Best"} : std::string{"Memory"}; });

#ifdef __linux__

class KernelSpliceTest : public SpliceTest {
 protected:
  /// Steps until the destination takes no more, and something is held.
  void fill(OneWay& way) {
    to.far.set_option(asio::socket_base::send_buffer_size{4'096});
    const auto bytes = some(4'000'000);
    from.near.non_blocking(true);
    for (OneWay::Step step; way.held() == 0; step = way.step(bytes_of_a_turn)) {
      std::error_code error;
      from.near.write_some(asio::buffer(bytes), error);
    }
  }
};

TEST_F(KernelSpliceTest, GoesOnThroughMemoryWhenTheSystemWillNotSplice) {
  OneWay way{from.far, to.far, pipes, OneWay::Means::kernel};
  ::fcntl(to.far.native_handle(), F_SETFL, ::fcntl(to.far.native_handle(), F_GETFL) | O_APPEND);  // splice(2): EINVAL
  const auto bytes = some(10'000);
  asio::write(from.near, asio::buffer(bytes));
  for (std::size_t taken = 0; taken < bytes.size();) {
    const auto step = way.step(bytes_of_a_turn);
    ASSERT_NE(step.next, OneWay::Next::broken) << step.why.message();
    taken += step.taken;
    wait(step);
  }
  EXPECT_EQ(way.means(), OneWay::Means::memory);
  ByteBuffer got(bytes.size());
  asio::read(to.near, asio::buffer(got));
  EXPECT_TRUE(got == bytes);
  EXPECT_EQ(pipes.lent(), 0u);
}

TEST_F(KernelSpliceTest, GoesThroughMemoryWhileThereAreNoPipes) {
  std::vector<Pipe> all;
  while (auto pipe = pipes.lend()) all.push_back(*std::move(pipe));
  EXPECT_EQ(all.size(), max_pipes);
  OneWay way{from.far, to.far, pipes, OneWay::Means::kernel};
  const auto bytes = some(1'000);
  asio::write(from.near, asio::buffer(bytes));
  from.far.wait(tcp::socket::wait_read);
  EXPECT_EQ(way.step(bytes_of_a_turn).taken, bytes.size());
  EXPECT_EQ(way.means(), OneWay::Means::kernel);
  ByteBuffer got(bytes.size());
  asio::read(to.near, asio::buffer(got));
  EXPECT_TRUE(got == bytes);
}

TEST_F(KernelSpliceTest, KeepsAPipeForARestOnlyWhileThereArePlenty) {
  OneWay rich{from.far, to.far, pipes, OneWay::Means::kernel};
  fill(rich);
  EXPECT_TRUE(rich.has_pipe());
  std::vector<Pipe> others;
  while (!pipes.scarce()) others.push_back(*pipes.lend());
  rich.step(bytes_of_a_turn);
  EXPECT_FALSE(rich.has_pipe());
  EXPECT_GT(rich.held(), 0u);
}

TEST_F(KernelSpliceTest, ReusesAFewPipes) {
  for (int i = 0; i < 10; ++i) {
    auto pipe = pipes.lend();
    ASSERT_TRUE(pipe);
    pipes.give_back(*std::move(pipe));
  }
  EXPECT_EQ(pipes.lent(), 0u);
}

#endif

}  // namespace
}  // namespace pshare
