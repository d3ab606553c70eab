// Standard input and standard output as the two ends.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "memory_lane.hpp"
#include "transfer/checksum.hpp"
#include "transfer/io/receiver_session.hpp"
#include "transfer/io/sender_session.hpp"
#include "transfer/io/standard_stream.hpp"
#include "transfer/io/stream_sink.hpp"
#include "transfer/io/stream_source.hpp"
#include "trees.hpp"

namespace pshare::test {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error{errno, std::generic_category(), "pipe2"};
    out = Handle{ends[0]};
    in = Handle{ends[1]};
  }
  Handle out, in;  // read from the one, written to the other
};

void write_and_close(Handle into, const std::string& content) {
  std::size_t put = 0;
  while (put < content.size()) {
    const auto count = ::write(into.native(), content.data() + put, content.size() - put);
    if (count <= 0) return;
    put += static_cast<std::size_t>(count);
  }
}

std::string read_to_end(int fd) {
  std::string all;
  std::array<char, 65536> some{};
  for (ssize_t count = 0; (count = ::read(fd, some.data(), some.size())) > 0;) all.append(some.data(), static_cast<std::size_t>(count));
  return all;
}

struct Streams : testing::Test {
  /// From `content` on a pipe to a sink.
  void transfer(const std::string& content, Sink& sink, int lanes) {
    Pipe input;
    std::thread feeder{[&] { write_and_close(std::move(input.in), content); }};
    {
      auto source = value_or_throw(StreamSource::from(input.out.native(), "stdin", min_chunk_size));
      const Summary agreed{.files = 1, .entries = 1, .bytes = std::nullopt, .names = {}, .text = {}};
      SenderSession sender{loop.get_executor(), pool, source, some_transfer(), {}};
      ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), agreed, {}};
      for (int lane = 0; lane < lanes; ++lane) {
        auto [left, right] = memory_lanes(loop.get_executor());
        sender.add_lane(std::move(left));
        receiver.add_lane(std::move(right));
      }
      auto both = [&]() -> awaitable<void> {
        using namespace asio::experimental::awaitable_operators;
        auto [sent_so, received_so] = co_await (sender.run() && receiver.run());
        sent = std::move(sent_so);
        received = std::move(received_so);
      };
      asio::co_spawn(loop, both, [](std::exception_ptr trouble) {
        if (trouble) std::rethrow_exception(trouble);
      });
      loop.run();
      loop.restart();
    }
    input.out = Handle{};
    feeder.join();
  }
  void expect_success() const {
    EXPECT_FALSE(sent.trouble) << sent.trouble->message();
    EXPECT_FALSE(received.trouble) << received.trouble->message();
  }
  asio::io_context loop;
  WorkerPool pool{2};
  SendOutcome sent;
  ReceiveOutcome received;
  TempFolder folder;
};

TEST_F(Streams, GoFromStandardInputToAFile) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, min_chunk_size * 3, min_chunk_size * 700 + 17}) {
    const auto content = noise(size);
    const auto to = folder / std::to_string(size);
    fs::create_directory(to);
    auto sink = sink_at(to);
    transfer(content, sink, 2);
    expect_success();
    EXPECT_EQ(content_of(to / "stdin") == content, true) << size;
  }
}

TEST_F(Streams, GoFromStandardInputToStandardOutputInOrder) {
  const auto content = noise(min_chunk_size * 300 + 17);
  Pipe output;
  std::string arrived;
  std::thread reader{[&] { arrived = read_to_end(output.out.native()); }};
  {
    StreamSink sink{output.in.native()};
    transfer(content, sink, 4);
  }
  output.in = Handle{};
  reader.join();
  expect_success();
  EXPECT_TRUE(arrived == content);
}

TEST_F(Streams, EndWithWordsWhenNobodyReadsStandardOutputAnyMore) {
  ::signal(SIGPIPE, SIG_IGN);
  Pipe output;
  output.out = Handle{};
  StreamSink sink{output.in.native()};
  transfer(noise(min_chunk_size * 40), sink, 1);
  ASSERT_TRUE(received.trouble && sent.trouble);
  EXPECT_EQ(received.trouble->code, Errc::local_io);
}

TEST(StreamSinkTest, HoldsBackWhatComesEarlyAndLimitsIt) {
  Pipe output;
  StreamSink sink{output.in.native()};
  auto manifest = std::make_shared<Manifest>();
  Entry entry;
  entry.name = "out";
  entry.size = 100 * max_chunk_size;
  ASSERT_TRUE(manifest->add(entry));
  manifest->seal(max_chunk_size);
  ASSERT_TRUE(sink.open(some_transfer(), manifest, false));
  const ByteBuffer chunk(max_chunk_size);
  for (std::uint64_t early = 1; early <= most_reordered / max_chunk_size; ++early) {
    const auto stored = sink.store(ChunkIndex{early}, {}, chunk);
    ASSERT_TRUE(stored);
    EXPECT_TRUE(stored->empty());
  }
  const auto too_far = sink.store(ChunkIndex{50}, {}, chunk);
  ASSERT_FALSE(too_far);
  EXPECT_EQ(too_far.error().code, Errc::limit);
}

TEST(StreamSinkTest, TakesAChunkOnceThatComesTwice) {
  Pipe output;
  StreamSink sink{output.in.native()};
  auto manifest = std::make_shared<Manifest>();
  Entry entry;
  entry.name = "out";
  entry.size = 4;
  ASSERT_TRUE(manifest->add(entry));
  manifest->seal(min_chunk_size);
  ASSERT_TRUE(sink.open(some_transfer(), manifest, true));
  std::size_t stored = 0;
  for (const auto number : {0u, 0u, 2u, 2u, 1u, 0u, 3u}) {  // as after the loss of a lane
    const auto taken = sink.store(ChunkIndex{number}, {}, ByteBuffer(1, static_cast<std::byte>('a' + number)));
    ASSERT_TRUE(taken);
    stored += taken->size();
  }
  EXPECT_EQ(stored, 4u);
  ASSERT_TRUE(sink.finish(4));
  std::string got(4, ' ');
  ASSERT_EQ(::read(output.out.native(), got.data(), got.size()), 4);
  EXPECT_EQ(got, "abcd");
}

TEST(StreamSinkTest, LetsGoOfAPipeThatNobodyEmpties) {
  Pipe output;
  StreamSink sink{output.in.native()};
  auto manifest = std::make_shared<Manifest>();
  Entry entry;
  entry.name = "out";
  entry.size = max_chunk_size;
  ASSERT_TRUE(manifest->add(entry));
  manifest->seal(max_chunk_size);
  ASSERT_TRUE(sink.open(some_transfer(), manifest, false));
  std::thread interrupter{[&] { sink.interrupt(); }};
  const auto stored = sink.store(ChunkIndex{0}, {}, ByteBuffer(max_chunk_size));
  interrupter.join();
  ASSERT_FALSE(stored);
  EXPECT_EQ(stored.error().code, Errc::interrupted);
}

TEST(StreamSinkTest, TakesExactlyOneFile) {
  StreamSink sink{1};
  auto manifest = std::make_shared<Manifest>();
  for (const auto* name : {"a", "b"}) {
    Entry entry;
    entry.name = name;
    ASSERT_TRUE(manifest->add(entry));
  }
  manifest->seal(min_chunk_size);
  const auto opened = sink.open(some_transfer(), manifest, false);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::unsupported);
}

TEST(StandardStreamTest, WhoeverComesAfterTheInterruptionReturnsAtOnce) {
  Pipe pipe;
  OutputStream output{pipe.in.native()};
  ASSERT_TRUE(output.write(ByteBuffer(1)));
  InputStream input{pipe.out.native()};
  input.interrupt();
  output.interrupt();
  ByteBuffer byte(1);
  const auto read = input.read(byte);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::interrupted);
  const auto written = output.write(byte);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::interrupted);
}

TEST(StandardStreamTest, ReadsWhatThereIsAndThenTheEnd) {
  Pipe pipe;
  {
    OutputStream output{pipe.in.native()};
    ASSERT_TRUE(output.write(ByteBuffer(3, std::byte{7})));
  }
  pipe.in = Handle{};
  InputStream input{pipe.out.native()};
  ByteBuffer some(10);
  const auto count = input.read(some), end = input.read(some);
  ASSERT_TRUE(count && end);
  EXPECT_EQ(*count, 3u);
  EXPECT_EQ(*end, 0u);
}

TEST(StreamSourceTest, EndsWhileItWaitsForInput) {
  Pipe input;
  auto source = value_or_throw(StreamSource::from(input.out.native(), "stdin"));
  source.start([] {});
  SUCCEED() << "its destructor returns";
}

TEST(StreamSourceTest, KeepsNoMoreThanTheWindow) {
  Pipe input;
  std::atomic<std::uint64_t> fed = 0;
  std::thread feeder{[&, into = std::move(input.in)] {
    const std::string some(min_chunk_size, 'x');
    while (fed < 2 * stream_window && ::write(into.native(), some.data(), some.size()) > 0) fed += some.size();
  }};
  ::signal(SIGPIPE, SIG_IGN);
  {
    auto source = value_or_throw(StreamSource::from(input.out.native(), "stdin", min_chunk_size));
    std::mutex mutex;
    std::condition_variable grew;
    source.start([&] {
      const std::lock_guard lock{mutex};
      grew.notify_one();
    });
    std::unique_lock lock{mutex};
    grew.wait(lock, [&] { return source.growth().bytes == stream_window; });
    source.release_before(ChunkIndex{10});
    grew.wait(lock, [&] { return source.growth().bytes == stream_window + 10 * min_chunk_size; });
    ByteBuffer raw(min_chunk_size);
    EXPECT_FALSE(source.read(ChunkIndex{9}, raw)) << "let go of";
    EXPECT_TRUE(source.read(ChunkIndex{10}, raw));
  }
  input.out = Handle{};
  feeder.join();
}

}  // namespace
}  // namespace pshare::test
