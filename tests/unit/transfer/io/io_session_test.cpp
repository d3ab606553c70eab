// Both sides of a session over lanes in memory, with real files.
#include <algorithm>
#include <array>
#include <fstream>
#include <functional>

#include "memory_lane.hpp"
#include "transfer/io/receiver_session.hpp"
#include "transfer/io/sender_session.hpp"
#include "trees.hpp"

namespace pshare::test {
namespace {

using testing::ElementsAre;

/// What the receiver's user agrees to.
Summary summary_of(const FileSource& source) {
  return {.files = source.manifest().files(), .entries = source.manifest().entries(), .bytes = source.manifest().bytes(), .names = {}, .text = {}};
}

struct Sessions : testing::Test {
  Sessions() { fs::create_directory(folder / "to"); }
  fs::path from(const fs::path& below = {}) const { return folder / "from" / below; }
  fs::path to(const fs::path& below = {}) const { return folder / "to" / below; }

  /// Runs both sides to their ends.
  void run(SenderSession& sender, ReceiverSession& receiver) {
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
  void join(SenderSession& sender, ReceiverSession& receiver, std::size_t cut_after = std::numeric_limits<std::size_t>::max()) {
    auto [left, right] = memory_lanes(loop.get_executor(), cut_after);
    sender.add_lane(std::move(left));
    receiver.add_lane(std::move(right));
  }
  /// A whole transfer over so many lanes.
  void transfer(int lanes, SenderSession::Settings settings = {}, std::uint64_t chunk_size = min_chunk_size) {
    auto source = source_of({from("tree")}, chunk_size);
    auto sink = sink_at(to());
    SenderSession sender{loop.get_executor(), pool, source, some_transfer(), std::move(settings)};
    ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), summary_of(source), {}};
    for (int lane = 0; lane < lanes; ++lane) join(sender, receiver);
    run(sender, receiver);
    wire_bytes = sender.wire_bytes();
    bytes = source.manifest().bytes();
    files_done = receiver.files_done();
  }
  void expect_success() const {
    EXPECT_FALSE(sent.trouble) << sent.trouble->message();
    EXPECT_FALSE(received.trouble) << received.trouble->message();
    EXPECT_EQ(picture(to()), picture(from()));
    EXPECT_FALSE(fs::exists(partial_in(to())));
  }

  TempFolder folder;
  asio::io_context loop;
  WorkerPool pool{2};
  SendOutcome sent;
  ReceiveOutcome received;
  std::uint64_t wire_bytes = 0, bytes = 0, files_done = 0;
};

struct SessionsOverLanes : Sessions, testing::WithParamInterface<int> {};

TEST_P(SessionsOverLanes, MoveATree) {
  write_file(from("tree/film"), noise(50 * min_chunk_size + 3));
  for (int file = 0; file < 300; ++file) write_file(from("tree/small/" + std::to_string(file)), noise(static_cast<std::size_t>(file), 5));
  fs::create_directory(from("tree/empty"));
  transfer(GetParam(), {.level = {LevelSetting::Mode::none, 0}});  // so that what travels can be counted
  expect_success();
  EXPECT_THAT(sent.names, ElementsAre("tree"));
  EXPECT_THAT(received.names, ElementsAre("tree"));
  EXPECT_EQ(files_done, 301u);
  EXPECT_GE(wire_bytes, bytes);
  EXPECT_LT(wire_bytes, bytes + bytes / 100 + 64 * KiB) << "headers are small, and nothing is sent twice";
}

INSTANTIATE_TEST_SUITE_P(OneToFour, SessionsOverLanes, testing::Values(1, 2, 3, 4));

TEST_F(Sessions, MoveNothingButAnEmptyFile) {
  write_file(from("tree"), "");
  transfer(1);
  expect_success();
}

TEST_F(Sessions, CompressWhatShrinksWhenToldTo) {
  std::string text;
  while (text.size() < 3 * MiB) text += "line " + std::to_string(text.size()) + " of a log that repeats itself\n";
  write_file(from("tree/log"), text);
  transfer(2, {.level = {LevelSetting::Mode::fixed, 3}});
  expect_success();
  EXPECT_LT(wire_bytes, bytes / 3);
}

TEST_F(Sessions, SendNoBytesForZeros) {
  write_file(from("tree/zeros"), std::string(8 * MiB, '\0'));
  transfer(1);
  expect_success();
  EXPECT_LT(wire_bytes, 32 * KiB);
}

TEST_F(Sessions, KeepToALimit) {
  write_file(from("tree/film"), noise(600'000));
  const auto begun = Clock::now();
  transfer(2, {.level = {}, .limit = BytesPerSecond{1'000'000}});
  expect_success();
  EXPECT_GE(Clock::now() - begun, std::chrono::milliseconds{350}) << "all but the burst at the limit's rate";
}

TEST_F(Sessions, GoOnOverTheOtherLaneWhenOneIsCut) {
  write_file(from("tree/film"), noise(100 * min_chunk_size));
  auto source = source_of({from("tree")}, min_chunk_size);
  auto sink = sink_at(to());
  int lost = 0;
  SenderSession sender{loop.get_executor(), pool, source, some_transfer(), {.level = {}, .limit = {}, .lane_lost = [&](const Path&, const Error&) { ++lost; }}};
  ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), summary_of(source), {}};
  join(sender, receiver, 20 * min_chunk_size + 1000);
  join(sender, receiver);
  run(sender, receiver);
  expect_success();
  EXPECT_EQ(lost, 1);
}

TEST_F(Sessions, GoOnOverALaneThatReplacesTheOnlyOne) {
  write_file(from("tree/film"), noise(100 * min_chunk_size));
  auto source = source_of({from("tree")}, min_chunk_size);
  auto sink = sink_at(to());
  ReceiverSession* other = nullptr;
  SenderSession* ours = nullptr;
  const auto replace = [&](const Path&, const Error&) { join(*ours, *other); };
  SenderSession sender{loop.get_executor(), pool, source, some_transfer(), {.level = {}, .limit = {}, .lane_lost = replace}};
  ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), summary_of(source), {}};
  ours = &sender, other = &receiver;
  join(sender, receiver, 30 * min_chunk_size + 1);
  run(sender, receiver);
  expect_success();
  EXPECT_LT(sender.wire_bytes(), bytes + 100 * min_chunk_size + send_window) << "only what was under way goes twice";
}

TEST_F(Sessions, TellOverWhichLanesTheyGoOnWhenOneIsLost) {
  write_file(from("tree/film"), noise(8 * min_chunk_size));
  auto source = source_of({from("tree")}, min_chunk_size);
  auto sink = sink_at(to());
  std::vector<std::size_t> left;
  SenderSession sender{loop.get_executor(), pool, source, some_transfer(),
                       {.level = {LevelSetting::Mode::none, 0}, .limit = {}, .lanes_left = [&](const std::vector<Path>& lanes) { left.push_back(lanes.size()); }}};
  ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), summary_of(source), {}};
  join(sender, receiver);
  join(sender, receiver);
  join(sender, receiver, 2 * min_chunk_size);
  run(sender, receiver);
  expect_success();
  EXPECT_THAT(left, ElementsAre(2));
}

// --- rivals ---------------------------------------------------------------------------------------------------------

/// What was told about lanes, in order: "chosen", "retired" or "lost", over what.
struct Rivals : Sessions {
  SenderSession::Settings told(std::optional<BytesPerSecond> limit = {}) {
    const auto note = [this](const char* what) { return [this, what](const Path& path, const auto&) { said.push_back(std::string{what} + " " + std::string{word(path.transport)}); }; };
    return {.level = {}, .limit = limit, .lane_lost = note("lost"), .lane_chosen = note("chosen"), .lane_retired = note("retired")};
  }
  void challenge(SenderSession& sender, ReceiverSession& receiver, Transport over = Transport::udp) {
    auto [left, right] = memory_lanes(loop.get_executor(), std::numeric_limits<std::size_t>::max(), over);
    sender.add_rival(std::move(left));
    receiver.add_lane(std::move(right));
  }
  std::vector<std::string> said;
};

TEST_F(Rivals, AreRetiredInOrderWhenLittleIsLeft) {
  write_file(from("tree/film"), noise(40 * min_chunk_size));
  auto source = source_of({from("tree")}, min_chunk_size);
  auto sink = sink_at(to());
  std::vector<Errc> lost_there;
  SenderSession sender{loop.get_executor(), pool, source, some_transfer(), told()};
  ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), summary_of(source),
                           {.lane_lost = [&](const Path&, const Error& why) { lost_there.push_back(why.code); }}};
  join(sender, receiver);
  challenge(sender, receiver);
  EXPECT_EQ(sender.lanes(), 2u);
  run(sender, receiver);
  expect_success();
  EXPECT_THAT(said, ElementsAre("retired udp"));
  EXPECT_THAT(lost_there, ElementsAre(Errc::closed)) << "an end in order";
}

TEST_F(Rivals, TakeOverWhenTheLaneInUseIsCut) {
  write_file(from("tree/film"), noise(60 * MiB));
  auto source = source_of({from("tree")}, default_chunk_size);
  auto sink = sink_at(to());
  SenderSession sender{loop.get_executor(), pool, source, some_transfer(), told()};
  ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), summary_of(source), {}};
  join(sender, receiver, 3 * default_chunk_size + 100);
  challenge(sender, receiver);
  run(sender, receiver);
  expect_success();
  EXPECT_THAT(said, ElementsAre("chosen udp", "lost tcp"));
}

TEST_F(Rivals, AreClosedAtOnceUnderALimitAndBesideSeveralLanes) {
  write_file(from("tree/film"), noise(4 * min_chunk_size));
  for (const bool limited : {true, false}) {
    auto source = source_of({from("tree")}, min_chunk_size);
    SenderSession sender{loop.get_executor(), pool, source, some_transfer(), told(limited ? std::optional{BytesPerSecond{1'000'000'000}} : std::nullopt)};
    for (std::size_t lane = 0; lane < (limited ? 1u : 2u); ++lane) {
      auto [left, right] = memory_lanes(loop.get_executor());
      sender.add_lane(std::move(left));
    }
    const auto before = sender.lanes();
    auto [left, right] = memory_lanes(loop.get_executor());
    sender.add_rival(std::move(left));
    EXPECT_EQ(sender.lanes(), before);
  }
}

TEST_F(Rivals, AreAsWelcomeAsAnyLaneWhileThereIsNone) {
  write_file(from("tree/film"), noise(4 * min_chunk_size));
  auto source = source_of({from("tree")}, min_chunk_size);
  auto sink = sink_at(to());
  SenderSession sender{loop.get_executor(), pool, source, some_transfer(), told()};
  ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), summary_of(source), {}};
  challenge(sender, receiver);
  run(sender, receiver);
  expect_success();
  EXPECT_THAT(said, testing::IsEmpty());
}

TEST_F(Sessions, ResumeInNewSessionsWhatACutSessionLeft) {
  write_file(from("tree/film"), noise(400 * min_chunk_size));
  const auto content = summary_of(source_of({from("tree")}, min_chunk_size));
  {
    auto source = source_of({from("tree")}, min_chunk_size);
    auto sink = sink_at(to());
    SenderSession sender{loop.get_executor(), pool, source, some_transfer(), {}};
    ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), content, {}};
    join(sender, receiver, 350 * min_chunk_size);
    auto laneless = [&]() -> awaitable<void> {
      co_await sender.wait_until_laneless();
      sender.cancel();
      receiver.cancel();
    };
    asio::co_spawn(loop, laneless, asio::detached);
    run(sender, receiver);
    EXPECT_EQ(sent.trouble->code, Errc::interrupted);
    EXPECT_EQ(received.trouble->code, Errc::interrupted);
  }
  transfer(2);
  expect_success();
  EXPECT_LT(wire_bytes, 80 * min_chunk_size) << "what had arrived does not travel again";
}

TEST_F(Sessions, SendOnlyWhatChangedBetweenTwoRuns) {
  auto content = noise(200 * min_chunk_size);
  write_file(from("tree/film"), content);
  {
    auto sink = sink_at(to());
    move(source_of({from("tree")}, min_chunk_size), sink, 150);
  }
  content[10 * min_chunk_size] = static_cast<char>(~content[10 * min_chunk_size]);
  write_file(from("tree/film"), content);
  transfer(1);
  expect_success();
  EXPECT_LT(wire_bytes, 52 * min_chunk_size);
}

TEST_F(Sessions, TellBothSidesWhenTheUserCancels) {
  write_file(from("tree/film"), noise(400 * min_chunk_size));
  auto source = source_of({from("tree")}, min_chunk_size);
  auto sink = sink_at(to());
  SenderSession sender{loop.get_executor(), pool, source, some_transfer(), {}};
  ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), summary_of(source), {}};
  join(sender, receiver);
  sink.watch([&](std::string_view step) {
    if (step == "prepare") asio::post(loop, [&] { sender.cancel(); });
  });
  run(sender, receiver);
  ASSERT_TRUE(sent.trouble && received.trouble);
  EXPECT_EQ(sent.trouble->code, Errc::interrupted);
  EXPECT_THAT(received.trouble->message(), testing::HasSubstr("called it off"));
  EXPECT_TRUE(fs::is_empty(to()) || fs::exists(partial_in(to()))) << "what has arrived is kept, and nothing else is there";
}

TEST_F(Sessions, TellBothSidesWhenASourceChanges) {
  write_file(from("tree/film"), noise(40 * min_chunk_size));
  auto source = source_of({from("tree")}, min_chunk_size);
  write_file(from("tree/film"), noise(40 * min_chunk_size, 2));
  auto sink = sink_at(to());
  SenderSession sender{loop.get_executor(), pool, source, some_transfer(), {}};
  ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), summary_of(source), {}};
  join(sender, receiver);
  run(sender, receiver);
  ASSERT_TRUE(sent.trouble && received.trouble);
  EXPECT_EQ(sent.trouble->code, Errc::source_changed);
}

TEST_F(Sessions, TellBothSidesWhenADestinationGoesAway) {
  write_file(from("tree/film"), noise(40 * min_chunk_size));
  auto source = source_of({from("tree")}, min_chunk_size);
  auto sink = sink_at(to());
  sink.watch([&](std::string_view step) {
    if (step == "prepare") fs::rename(to(), folder / "gone"), fs::remove_all(folder / "gone");
  });
  SenderSession sender{loop.get_executor(), pool, source, some_transfer(), {}};
  ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), summary_of(source), {}};
  join(sender, receiver);
  run(sender, receiver);
  ASSERT_TRUE(sent.trouble && received.trouble);
  EXPECT_EQ(received.trouble->code, Errc::local_io);
}

TEST_F(Sessions, LeaveNothingBehindWhenTheyAreCancelledFromOutside) {
  write_file(from("tree/film"), noise(400 * min_chunk_size));
  auto source = source_of({from("tree")}, min_chunk_size);
  auto sink = sink_at(to());
  SenderSession sender{loop.get_executor(), pool, source, some_transfer(), {}};
  ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), summary_of(source), {}};
  join(sender, receiver);
  asio::cancellation_signal stop;
  int ended = 0;
  auto both = [&]() -> awaitable<void> {
    using namespace asio::experimental::awaitable_operators;
    co_await (sender.run() && receiver.run());
  };
  asio::co_spawn(loop, both, asio::bind_cancellation_slot(stop.slot(), [&](const std::exception_ptr& trouble) { ended += trouble != nullptr; }));
  int steps = 0;
  std::function<void()> step = [&] {
    if (++steps < 200) return asio::post(loop, step);
    stop.emit(asio::cancellation_type::terminal);
  };
  asio::post(loop, step);
  loop.run();
  EXPECT_EQ(ended, 1);
  EXPECT_EQ(sender.lanes() + receiver.lanes(), 0u);
}

// --- hostile peers --------------------------------------------------------------------------------------------------

/// Plays the sender by hand: says these bytes on one lane, and has the receiver called off when its lane is gone or it has ended.
struct HostileSender : Sessions {
  ReceiveOutcome receive(const ByteBuffer& said) {
    auto sink = sink_at(to());
    const Summary agreed{.files = 10, .entries = 10, .bytes = 10 * MiB, .names = {}, .text = {}};
    bool lost = false;
    ReceiverSession* receiving = nullptr;
    const auto lane_lost = [&](const Path&, const Error& why) {
      lost = true;
      lane_trouble = why;
      asio::post(loop, [&] { receiving->cancel(); });
    };
    ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), agreed, {.lane_lost = lane_lost}};
    receiving = &receiver;
    auto [left, right] = memory_lanes(loop.get_executor());
    receiver.add_lane(std::move(right));
    auto play = [&, lane = std::shared_ptr<Lane>{std::move(left)}]() -> awaitable<void> {
      const std::array<ByteView, 1> pieces{said};
      co_await lane->write(pieces);
      ByteBuffer ignored(1024);
      for (bool open = true; open;) {
        try {
          co_await lane->read_some(ignored);
        } catch (const Failure&) {
          open = false;
        }
      }
    };
    asio::co_spawn(loop, play, asio::detached);
    ReceiveOutcome outcome;
    auto run_it = [&]() -> awaitable<void> { outcome = co_await receiver.run(); };
    asio::co_spawn(loop, run_it, [](std::exception_ptr trouble) {
      if (trouble) std::rethrow_exception(trouble);
    });
    loop.run();
    loop.restart();
    return outcome;
  }
  Error lane_trouble;
};

void append(ByteBuffer& bytes, const LaneMessage& message) {
  const auto frame = encode(message);
  bytes.insert(bytes.end(), frame.begin(), frame.end());
}

TEST_F(HostileSender, LosesItsLaneForBytesThatAreNoFrame) {
  const auto outcome = receive(ByteBuffer(100, std::byte{0xEE}));
  EXPECT_EQ(lane_trouble.code, Errc::malformed);
  EXPECT_TRUE(outcome.trouble);
  EXPECT_TRUE(fs::is_empty(to()));
}

TEST_F(HostileSender, EndsTheSessionWithAChunkBeforeTheManifest) {
  ByteBuffer said;
  append(said, ChunkHeader{ChunkIndex{0}, 100, 100, Codec::stored, {}});
  said.resize(said.size() + 100);
  EXPECT_EQ(receive(said).trouble->code, Errc::malformed);
  EXPECT_TRUE(fs::is_empty(to()));
}

TEST_F(HostileSender, EndsTheSessionWithMoreThanWasAgreedTo) {
  for (const auto& begin : {ManifestBegin{some_transfer(), 1'000'000'000, 10, default_chunk_size, false}, ManifestBegin{some_transfer(), 1, ~std::uint64_t{0}, default_chunk_size, false}}) {
    ByteBuffer said;
    append(said, begin);
    EXPECT_EQ(receive(said).trouble->code, Errc::limit);
    EXPECT_TRUE(fs::is_empty(to()));
  }
}

/// The next message, whatever lies in between being read over.
template <typename Wanted>
awaitable<void> wait_for(Lane& lane) {
  for (bool found = false; !found;) {
    ByteBuffer head(LaneFrameHeader::size);
    for (std::size_t got = 0; got < head.size();) got += co_await lane.read_some(std::span{head}.subspan(got));
    const auto header = value_or_throw(decode_lane_frame_header(std::span<const std::byte, LaneFrameHeader::size>{head}));
    ByteBuffer body(header.length);
    for (std::size_t got = 0; got < body.size();) got += co_await lane.read_some(std::span{body}.subspan(got));
    found = std::holds_alternative<Wanted>(value_or_throw(decode_lane_message(header, body)));
  }
}

TEST_F(Sessions, AskForADamagedChunkAgainAndGiveUpInTheEnd) {
  write_file(from("file"), noise(1000));
  const auto source = source_of({from("file")});
  auto sink = sink_at(to());
  ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), summary_of(source), {}};
  auto [left, right] = memory_lanes(loop.get_executor());
  receiver.add_lane(std::move(right));
  ByteBuffer manifest, damaged;
  append(manifest, ManifestBegin{some_transfer(), 1, 1000, source.manifest().chunk_size(), false});
  const auto digest = source.manifest().encode([&](ByteView part) { append(manifest, ManifestPart{buffer_of(part)}); });
  append(manifest, ManifestEnd{digest});
  append(damaged, ChunkHeader{ChunkIndex{0}, 1000, 1000, Codec::stored, {}});
  damaged.resize(damaged.size() + 1000);
  int asked_again = 0;
  auto play = [&, lane = std::shared_ptr<Lane>{std::move(left)}]() -> awaitable<void> {
    const std::array<ByteView, 1> announcement{manifest}, chunk{damaged};
    co_await lane->write(announcement);
    co_await wait_for<HaveEnd>(*lane);
    for (; asked_again < max_again; ++asked_again) {
      co_await lane->write(chunk);
      co_await wait_for<Again>(*lane);
    }
    co_await lane->write(chunk);
    co_await wait_for<Stop>(*lane);
  };
  const auto rethrow = [](const std::exception_ptr& trouble) {
    if (trouble) std::rethrow_exception(trouble);
  };
  auto run_it = [&]() -> awaitable<void> { received = co_await receiver.run(); };
  asio::co_spawn(loop, play, rethrow);
  asio::co_spawn(loop, run_it, rethrow);
  loop.run();
  EXPECT_EQ(asked_again, max_again);
  ASSERT_TRUE(received.trouble);
  EXPECT_FALSE(fs::exists(to("file")));
}

TEST_F(Sessions, GiveUpALaneOnWhichTheReceiverSendsChunks) {
  write_file(from("tree/film"), noise(4 * min_chunk_size));
  auto source = source_of({from("tree")}, min_chunk_size);
  SenderSession* sending = nullptr;
  Error why;
  const auto lane_lost = [&](const Path&, const Error& trouble) {
    why = trouble;
    asio::post(loop, [&] { sending->cancel(); });
  };
  SenderSession sender{loop.get_executor(), pool, source, some_transfer(), {.level = {}, .limit = {}, .lane_lost = lane_lost}};
  sending = &sender;
  auto [left, right] = memory_lanes(loop.get_executor());
  sender.add_lane(std::move(left));
  auto play = [lane = std::shared_ptr<Lane>{std::move(right)}]() -> awaitable<void> {
    const auto frame = encode(LaneMessage{ChunkHeader{ChunkIndex{0}, 100, 100, Codec::stored, {}}});
    const std::array<ByteView, 1> pieces{frame};
    co_await lane->write(pieces);
  };
  asio::co_spawn(loop, play, asio::detached);
  auto run_it = [&]() -> awaitable<void> { sent = co_await sender.run(); };
  asio::co_spawn(loop, run_it, [](std::exception_ptr trouble) {
    if (trouble) std::rethrow_exception(trouble);
  });
  loop.run();
  EXPECT_EQ(why.code, Errc::malformed);
}

TEST_F(Sessions, TakeNoMoreLanesThanTheLimit) {
  write_file(from("tree/film"), noise(4 * min_chunk_size));
  auto source = source_of({from("tree")}, min_chunk_size);
  auto sink = sink_at(to());
  SenderSession sender{loop.get_executor(), pool, source, some_transfer(), {}};
  ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), summary_of(source), {}};
  for (std::uint64_t lane = 0; lane < max_lanes + 3; ++lane) join(sender, receiver);
  EXPECT_EQ(sender.lanes(), max_lanes);
  run(sender, receiver);
  expect_success();
}

// --- receipts -------------------------------------------------------------------------------------------------------

struct Receipts : Sessions {
  /// A whole transfer with a receipt; `signed_facts` is what the receiver signed for.
  void transfer_with_receipt(std::size_t cut_after = std::numeric_limits<std::size_t>::max(), OnConflict on_conflict = OnConflict::rename) {
    auto source = source_of({from("tree")}, min_chunk_size);
    auto sink = value_or_throw(FileSink::at(to(), on_conflict));
    if (watcher) sink.watch(watcher);
    SenderSession* ours = nullptr;
    SenderSession::Settings sending;
    sending.contents = &contents;
    sending.delivered = [&] {
      ++delivered;
      bytes = ours->progress().durable;
    };
    ReceiverSession::Settings receiving;
    receiving.sign = [&](const ContentFacts& held) {
      signed_facts = held;
      return ByteBuffer(signed_receipt_size, std::byte{7});
    };
    SenderSession sender{loop.get_executor(), pool, source, some_transfer(), std::move(sending)};
    ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), summary_of(source), std::move(receiving)};
    ours = &sender;
    join(sender, receiver, cut_after);
    auto laneless = [&]() -> awaitable<void> {
      co_await sender.wait_until_laneless();
      sender.cancel();
      receiver.cancel();
    };
    const bool cut = cut_after != std::numeric_limits<std::size_t>::max();
    if (cut) asio::co_spawn(loop, laneless, asio::detached);
    run(sender, receiver);
    wire_bytes = sender.wire_bytes();
  }
  void expect_agreement() {
    ASSERT_FALSE(sent.trouble) << sent.trouble->message();
    ASSERT_FALSE(received.trouble) << received.trouble->message();
    ASSERT_TRUE(sent.receipt && signed_facts);
    EXPECT_EQ(sent.receipt->signed_receipt, ByteBuffer(signed_receipt_size, std::byte{7}));
    ASSERT_TRUE(sent.receipt->sent);
    EXPECT_EQ(*sent.receipt->sent, *signed_facts);
    EXPECT_EQ(delivered, 1);
  }

  ContentTree contents;
  std::optional<ContentFacts> signed_facts;
  Placement::Watcher watcher;
  int delivered = 0;
};

TEST_F(Receipts, AreOfTheVeryBytesThatWereSent) {
  write_file(from("tree/film"), noise(20 * min_chunk_size + 5));
  write_file(from("tree/zeros"), std::string(4 * min_chunk_size, '\0'));
  write_file(from("tree/text"), std::string(3 * min_chunk_size, 'x'));
  transfer_with_receipt();
  expect_agreement();
  expect_success();
  EXPECT_EQ(signed_facts->files, 3u);
  EXPECT_EQ(bytes, signed_facts->bytes) << "told when everything was there";
}

TEST_F(Receipts, OfWhatCameInAnEarlierSessionAreReadFromWhereItLiesNow) {
  write_file(from("tree/film"), noise(100 * min_chunk_size));
  write_file(from("tree/small"), noise(100));
  transfer_with_receipt(60 * min_chunk_size);
  ASSERT_TRUE(sent.trouble);
  contents = {};  // another process
  write_file(to("tree/film"), "in the way");  // so that the final name is another one
  transfer_with_receipt();
  expect_agreement();
  EXPECT_LT(wire_bytes, 60 * min_chunk_size) << "it was resumed";
}

TEST_F(Receipts, ShowThatWhatLiesThereIsAnother) {
  write_file(from("tree/film"), noise(100 * min_chunk_size));
  transfer_with_receipt(60 * min_chunk_size);
  ASSERT_TRUE(sent.trouble);
  contents = {};
  watcher = [&](std::string_view step) {
    if (step != "complete") return;
    std::fstream file{partial_in(to()) / "data" / "tree" / "film", std::ios::in | std::ios::out | std::ios::binary};
    file.write("damaged", 7);
    EXPECT_TRUE(file.flush());
  };
  transfer_with_receipt();
  ASSERT_TRUE(sent.receipt && sent.receipt->sent && signed_facts);
  EXPECT_NE(sent.receipt->sent->contents, signed_facts->contents);
}

TEST_F(Receipts, AreNotGivenForWhatWasLeftOut) {
  write_file(from("tree"), noise(min_chunk_size));
  write_file(to("tree"), "mine");
  transfer_with_receipt(std::numeric_limits<std::size_t>::max(), OnConflict::skip);
  EXPECT_FALSE(sent.trouble);
  EXPECT_FALSE(sent.receipt);
  EXPECT_FALSE(signed_facts);
  EXPECT_THAT(received.remarks, testing::Contains(testing::HasSubstr("no receipt was given")));
}

TEST_F(Receipts, CannotBeComparedWhenTheSourceHasChangedSince) {
  write_file(from("tree/film"), noise(100 * min_chunk_size));
  transfer_with_receipt(60 * min_chunk_size);
  contents = {};
  auto source = source_of({from("tree")}, min_chunk_size);
  auto sink = sink_at(to());
  SenderSession::Settings sending;
  sending.contents = &contents;
  sending.delivered = [&] { write_file(from("tree/film"), "changed"); };
  ReceiverSession::Settings receiving;
  receiving.sign = [](const ContentFacts&) { return ByteBuffer(signed_receipt_size); };
  SenderSession sender{loop.get_executor(), pool, source, some_transfer(), std::move(sending)};
  ReceiverSession receiver{loop.get_executor(), pool, sink, some_transfer(), summary_of(source), std::move(receiving)};
  join(sender, receiver);
  run(sender, receiver);
  EXPECT_FALSE(sent.trouble);
  ASSERT_TRUE(sent.receipt);
  ASSERT_FALSE(sent.receipt->sent);
  EXPECT_EQ(sent.receipt->sent.error().code, Errc::source_changed);
}

}  // namespace
}  // namespace pshare::test
