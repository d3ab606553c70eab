// The receiver's core, alone: what it asks for, reports and refuses, and that no sender can make it do anything worse than end.
#include "transfer/receiver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "session_fixture.hpp"
#include "wire/core.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

static_assert(Core<Receiver>);

class AReceiver : public testing::Test {
 public:
  using Actions = std::vector<Receiver::Action>;

  void begin(std::uint64_t chunk_count, bool stream = false) {
    stream_ = stream;
    manifest_ = manifest_of(stream ? 0 : chunk_count);
    Summary summary{.files = 1, .entries = 1, .bytes = manifest_.bytes(), .names = {}, .text = {}};
    if (stream) summary.bytes.reset();
    receiver_.emplace(the_transfer, summary, now_);
    receiver_->lane_joined(first_lane, now_);
    drain(*receiver_);
  }
  Actions hear(const LaneMessage& message, LaneNumber lane = first_lane) {
    receiver_->received(lane, message, now_);
    return drain(*receiver_);
  }
  ManifestBegin announcement() const {
    return {the_transfer, manifest_.entries(), manifest_.bytes(), manifest_.chunk_size(), stream_};
  }
  Actions hear_manifest(LaneNumber lane = first_lane) {
    hear(announcement(), lane);
    const auto digest = manifest_.encode([&](ByteView part) { hear(ManifestPart{buffer_of(part)}, lane); });
    return hear(ManifestEnd{digest}, lane);
  }
  Actions open(Receiver::Found found = {}) {
    receiver_->opened(std::move(found), now_);
    return drain(*receiver_);
  }
  void begin_receiving(std::uint64_t chunk_count, bool stream = false) {
    begin(chunk_count, stream);
    hear_manifest();
    open();
  }
  ChunkHeader header(std::uint64_t chunk, std::optional<std::uint64_t> length = {}) const {
    const auto raw = static_cast<std::uint32_t>(length.value_or(stream_ ? min_chunk_size : manifest_.length(ChunkIndex{chunk})));
    return {.chunk = ChunkIndex{chunk}, .raw_length = raw, .wire_length = raw, .codec = Codec::stored, .hash = {}};
  }
  Result<bool> chunk_begins(std::uint64_t chunk, std::optional<std::uint64_t> length = {}) {
    return receiver_->chunk_begins(first_lane, header(chunk, length), now_);
  }
  Actions store(std::uint64_t chunk, std::optional<std::uint64_t> length = {}) {
    const auto wanted = chunk_begins(chunk, length);
    EXPECT_TRUE(wanted && *wanted);
    receiver_->stored(ChunkIndex{chunk}, now_);
    return drain(*receiver_);
  }
  Actions sync(std::initializer_list<std::uint64_t> numbers) {
    receiver_->synced(chunks(numbers), now_);
    return drain(*receiver_);
  }
  Actions finish() {
    receiver_->finished({"file"}, now_);
    return drain(*receiver_);
  }
  template <typename Message>
  static std::vector<Message> said(const Actions& actions) { return said_in<Message, Receiver>(actions); }
  static std::optional<Error> trouble(const Actions& actions) { return trouble_in<Receiver>(actions); }

  bool stream_ = false;
  Manifest manifest_;
  std::optional<Receiver> receiver_;
  TimePoint now_ = session_start;
};

TEST_F(AReceiver, OpensThePartialWhenTheManifestIsWholeAndSaysWhatIsThere) {
  begin(9);
  const auto opens = all_of<Receiver::Open>(hear_manifest());
  ASSERT_THAT(opens, SizeIs(1));
  EXPECT_EQ(opens.front().manifest->chunks(), 9u);
  Receiver::Found found{.durable = ChunkMap{9}};
  found.durable.set(ChunkIndex{8});
  found.checks = {{ChunkIndex{2}, ChunkHash{std::byte{1}}}, {ChunkIndex{8}, ChunkHash{}}, {ChunkIndex{99}, ChunkHash{}}};
  const auto have = open(std::move(found));
  EXPECT_EQ(said<HaveBegin>(have).front().chunks, 9u);
  ASSERT_THAT(said<HavePart>(have), SizeIs(1));
  EXPECT_THAT(said<HavePart>(have).front().bits, ElementsAre(std::byte{0}, std::byte{1}));
  ASSERT_THAT(said<HaveCheck>(have), SizeIs(1));
  ASSERT_THAT(said<HaveCheck>(have).front().items, SizeIs(1)) << "neither what is durable nor what there is not";
  EXPECT_EQ(said<HaveCheck>(have).front().items.front().chunk, ChunkIndex{2});
  EXPECT_THAT(said<HaveEnd>(have), SizeIs(1));
  EXPECT_EQ(receiver_->progress().resumed, min_chunk_size - 1);
}

TEST_F(AReceiver, ReportsStoredChunksTogetherAfterAShortWhile) {
  begin_receiving(5);
  EXPECT_THAT(store(0), IsEmpty());
  EXPECT_THAT(store(1), IsEmpty());
  EXPECT_EQ(receiver_->deadline(), now_ + stored_delay);
  now_ += stored_delay;
  receiver_->expire(now_);
  const auto stored = said<Stored>(drain(*receiver_));
  ASSERT_THAT(stored, SizeIs(1));
  EXPECT_EQ(stored.front().chunks, chunks({0, 1}));
}

TEST_F(AReceiver, ReportsStoredChunksAtOnceWhenThereAreManyBytesOfThem) {
  begin_receiving(100);
  std::uint64_t chunk = 0;
  while (store(chunk).empty()) ++chunk;
  EXPECT_EQ((chunk + 1) * min_chunk_size, stored_batch);
}

TEST_F(AReceiver, SaysDurableInsteadOfStoredForWhatIsBoth) {
  begin_receiving(3);
  store(0);
  store(1);
  const auto actions = sync({0});
  ASSERT_THAT(said<Durable>(actions), SizeIs(1));
  EXPECT_EQ(said<Durable>(actions).front().chunks, chunks({0}));
  EXPECT_EQ(said<Stored>(actions).front().chunks, chunks({1}));
}

TEST_F(AReceiver, TakesAChunkThatIsHereForADuplicate) {
  begin_receiving(2);
  store(0);
  const auto again = chunk_begins(0);
  ASSERT_TRUE(again);
  EXPECT_FALSE(*again);
}

TEST_F(AReceiver, WantsAChunkOnASecondLaneWhileItIsStillComingOnTheFirst) {
  begin_receiving(1);
  receiver_->lane_joined(second_lane, now_);
  EXPECT_TRUE(*chunk_begins(0));
  EXPECT_TRUE(*receiver_->chunk_begins(second_lane, header(0), now_));
  receiver_->chunk_lost(ChunkIndex{0}, now_);
  receiver_->stored(ChunkIndex{0}, now_);
  EXPECT_EQ(receiver_->progress().stored, min_chunk_size - 1);
}

TEST_F(AReceiver, AsksAgainForWhatArrivedWrongSoOftenAndNoMoreOften) {
  begin_receiving(1);
  for (int i = 0; i < max_again; ++i) {
    EXPECT_TRUE(*chunk_begins(0));
    receiver_->wrong(ChunkIndex{0}, now_);
    EXPECT_THAT(said<Again>(drain(*receiver_)), SizeIs(1));
  }
  EXPECT_TRUE(*chunk_begins(0));
  receiver_->wrong(ChunkIndex{0}, now_);
  EXPECT_EQ(trouble(drain(*receiver_))->code, Errc::failed);
}

TEST_F(AReceiver, FinishesOnceAllIsDurableAndForgetsAfterTheFarewell) {
  begin_receiving(2);
  store(0);
  store(1);
  EXPECT_TRUE(receiver_->progress().complete);
  EXPECT_THAT(all_of<Receiver::Finish>(sync({0})), IsEmpty());
  const auto finishes = all_of<Receiver::Finish>(sync({1}));
  ASSERT_THAT(finishes, SizeIs(1));
  EXPECT_EQ(finishes.front().bytes, 2 * min_chunk_size - 1);
  EXPECT_THAT(said<Verified>(finish()).front().names, ElementsAre("file"));
  EXPECT_FALSE(trouble(hear(End{2 * min_chunk_size - 1})));
  const auto last = hear(Farewell{});
  EXPECT_THAT(all_of<Receiver::Forget>(last), SizeIs(1));
  ASSERT_THAT(all_of<Receiver::Ended>(last), SizeIs(1));
  EXPECT_FALSE(trouble(last));
}

TEST_F(AReceiver, WithoutAFarewellSucceedsButForgetsNothing) {
  for (const bool lane_lost : {false, true}) {
    now_ = session_start;
    begin_receiving(0);
    finish();
    const auto verified_at = now_;
    if (lane_lost) receiver_->lane_lost(first_lane, now_);
    Actions all;
    while (const auto deadline = receiver_->deadline()) {
      now_ = *deadline;
      if (!lane_lost) receiver_->heard(first_lane, now_);
      receiver_->expire(now_);
      for (auto& action : drain(*receiver_)) all.push_back(std::move(action));
    }
    EXPECT_EQ(now_ - verified_at, lane_lost ? farewell_patience_laneless : farewell_patience);
    EXPECT_THAT(all_of<Receiver::Forget>(all), IsEmpty());
    ASSERT_THAT(all_of<Receiver::Ended>(all), SizeIs(1));
    EXPECT_FALSE(trouble(all));
  }
}

TEST_F(AReceiver, OfWhatWasDeliveredBeforeSaysSoAtOnce) {
  begin(3);
  hear_manifest();
  Receiver::Found found{.durable = ChunkMap{3}};
  found.finished = true;
  found.names = {"file"};
  const auto actions = open(std::move(found));
  EXPECT_THAT(said<HavePart>(actions).front().bits, ElementsAre(std::byte{0b111}));
  EXPECT_THAT(said<Verified>(actions).front().names, ElementsAre("file"));
  EXPECT_THAT(all_of<Receiver::Finish>(actions), IsEmpty());
  EXPECT_THAT(all_of<Receiver::Forget>(hear(Farewell{})), SizeIs(1));
}

TEST_F(AReceiver, OfNothingButEmptyFilesFinishesAtOnce) {
  begin(0);
  hear_manifest();
  EXPECT_THAT(all_of<Receiver::Finish>(open()), SizeIs(1));
}

TEST_F(AReceiver, SaysEverythingAgainOnTheNextLaneWhenItsOwnIsLost) {
  begin_receiving(4);
  receiver_->lane_joined(second_lane, now_);
  store(0);
  store(1);
  sync({0});
  EXPECT_TRUE(*chunk_begins(2));
  receiver_->wrong(ChunkIndex{2}, now_);
  drain(*receiver_);
  receiver_->lane_lost(first_lane, now_);
  const auto again = drain(*receiver_);
  for (const auto& say : all_of<Receiver::Say>(again)) EXPECT_EQ(say.lane, second_lane);
  EXPECT_THAT(said<HavePart>(again).front().bits, ElementsAre(std::byte{0b0001}));
  EXPECT_EQ(said<Stored>(again).front().chunks, chunks({1}));
  EXPECT_EQ(said<Again>(again).front().chunks, chunks({2}));
}

TEST_F(AReceiver, HasTheSinkConfirmWhatTheSourceHoldsToo) {
  begin(3);
  hear_manifest();
  Receiver::Found found{.durable = ChunkMap{3}};
  found.checks = {{ChunkIndex{0}, ChunkHash{}}, {ChunkIndex{1}, ChunkHash{}}};
  open(std::move(found));
  const auto confirms = all_of<Receiver::Confirm>(hear(CheckResult{chunks({1, 2})}));
  ASSERT_THAT(confirms, SizeIs(1));
  EXPECT_EQ(confirms.front().same, chunks({1})) << "only what was asked about";
  EXPECT_THAT(all_of<Receiver::Confirm>(hear(CheckResult{chunks({1})})), IsEmpty()) << "and that once";
}

TEST_F(AReceiver, AcceptsTheSameManifestAgainAndNoOther) {
  begin_receiving(3);
  EXPECT_THAT(said<HaveEnd>(hear_manifest()), SizeIs(1));
  hear(announcement());
  EXPECT_EQ(trouble(hear(ManifestEnd{ChunkHash{}}))->code, Errc::malformed);
}

TEST_F(AReceiver, BeginsAManifestAnewOnAnotherLaneWhileTheFirstHangs) {
  begin(3);
  receiver_->lane_joined(second_lane, now_);
  hear(announcement());
  const auto opens = all_of<Receiver::Open>(hear_manifest(second_lane));
  EXPECT_THAT(opens, SizeIs(1));
  EXPECT_FALSE(trouble(hear(ManifestPart{{std::byte{0}}}))) << "the rest of the first is read over";
}

TEST_F(AReceiver, RefusesMoreThanWasAgreedTo) {
  struct Row { const char* what; std::uint64_t entries, bytes; bool stream; TransferId transfer; };
  for (const auto& [what, entries, bytes, stream, transfer] :
       {Row{"another entry", 2, 100, false, the_transfer}, Row{"another byte", 1, 3 * min_chunk_size, false, the_transfer},
        Row{"a billion entries", 1'000'000'000, 0, false, the_transfer}, Row{"near 2^64 bytes", 1, ~0ull, false, the_transfer},
        Row{"a stream instead of a file", 1, 0, true, the_transfer}, Row{"another transfer", 1, 1, false, TransferId{}}}) {
    begin(3);
    const auto actions = hear(ManifestBegin{transfer, entries, bytes, min_chunk_size, stream});
    ASSERT_TRUE(trouble(actions)) << what;
    EXPECT_THAT(said<Stop>(actions), SizeIs(1)) << what;
  }
}

TEST_F(AReceiver, EndsInsteadOfBelievingASenderThatBreaksTheProtocol) {
  const auto none = [](AReceiver&) {};
  const auto known = [](AReceiver& it) { it.hear_manifest(), it.open(); };
  struct Row { const char* what; std::function<void(AReceiver&)> before; LaneMessage message; };
  const std::vector<Row> rows{
      {"a part of no manifest", none, ManifestPart{{std::byte{1}}}},
      {"the end of no manifest", none, ManifestEnd{}},
      {"End before the manifest", none, End{}},
      {"a Farewell first", none, Farewell{}},
      {"an answer first", none, CheckResult{}},
      {"Have from the wrong side", none, HaveBegin{3}},
      {"Stored from the wrong side", known, Stored{chunks({0})}},
      {"Verified from the wrong side", known, Verified{}},
      {"a hello", known, LaneHello{}},
      {"two manifests at once", [](AReceiver& it) { it.hear(it.announcement()); }, ManifestBegin{the_transfer, 1, 1, min_chunk_size, false}},
      {"garbage in a part", [](AReceiver& it) { it.hear(it.announcement()); }, ManifestPart{{std::byte{255}}}},
      {"an empty part", [](AReceiver& it) { it.hear(it.announcement()); }, ManifestPart{}},
      {"a manifest without its entries", [](AReceiver& it) { it.hear(it.announcement()); }, ManifestEnd{}},
      {"End while chunks are missing", known, End{3 * min_chunk_size - 1}},
      {"Farewell while chunks are missing", known, Farewell{}},
      {"an answer about a chunk that there is not", known, CheckResult{chunks({3})}},
  };
  for (const auto& [what, before, message] : rows) {
    begin(3);
    before(*this);
    const auto actions = hear(message);
    ASSERT_TRUE(trouble(actions)) << what;
    EXPECT_EQ(trouble(actions)->code, Errc::malformed) << what;
    EXPECT_THAT(said<Stop>(actions), SizeIs(1)) << what;
    EXPECT_THAT(hear_manifest(), IsEmpty()) << "nothing comes after the end: " << what;
  }
}

TEST_F(AReceiver, RefusesChunksThatAreNotOfItsManifest) {
  struct Row { const char* what; std::uint64_t chunk, length; };
  for (const auto& [what, chunk, length] : {Row{"beyond the end", 3, min_chunk_size}, Row{"near 2^64", ~0ull, min_chunk_size},
                                            Row{"too short", 0, min_chunk_size - 1}, Row{"too long", 2, min_chunk_size},
                                            Row{"empty", 0, 0}}) {
    begin_receiving(3);
    const auto refused = chunk_begins(chunk, length);
    ASSERT_FALSE(refused) << what;
    EXPECT_EQ(refused.error().code, Errc::malformed) << what;
    EXPECT_TRUE(trouble(drain(*receiver_))) << what;
  }
  begin(3);
  EXPECT_FALSE(chunk_begins(0)) << "before the manifest";
  begin(3);
  hear_manifest();
  EXPECT_FALSE(chunk_begins(0)) << "before it could say what it has";
}

TEST_F(AReceiver, OfAStreamTakesChunksInAnyOrderAndItsLengthFromTheEnd) {
  begin_receiving(0, true);
  store(2, 5);
  store(0);
  EXPECT_THAT(all_of<Receiver::Finish>(sync({0, 2})), IsEmpty());
  store(1);
  EXPECT_THAT(all_of<Receiver::Finish>(sync({1})), IsEmpty()) << "it may go on";
  const auto finishes = all_of<Receiver::Finish>(hear(End{2 * min_chunk_size + 5}));
  ASSERT_THAT(finishes, SizeIs(1));
  EXPECT_EQ(finishes.front().bytes, 2 * min_chunk_size + 5);
}

TEST_F(AReceiver, OfAnEmptyStreamFinishesWithItsEnd) {
  begin_receiving(0, true);
  EXPECT_THAT(all_of<Receiver::Finish>(hear(End{0})), SizeIs(1));
}

TEST_F(AReceiver, RefusesAStreamThatContradictsItself) {
  const auto ahead = stream_window_chunks(min_chunk_size);
  begin_receiving(0, true);
  EXPECT_TRUE(chunk_begins(ahead - 1));
  EXPECT_FALSE(chunk_begins(ahead)) << "beyond the window";
  begin_receiving(0, true);
  store(1, 5);
  EXPECT_FALSE(chunk_begins(2)) << "behind the short one";
  begin_receiving(0, true);
  store(1);
  EXPECT_FALSE(chunk_begins(0, 5)) << "a short one in front";
  begin_receiving(0, true);
  store(0);
  sync({0});
  EXPECT_TRUE(trouble(hear(End{2 * min_chunk_size}))) << "more than there was";
  begin_receiving(0, true);
  store(0, 5);
  sync({0});
  EXPECT_TRUE(trouble(hear(End{6}))) << "a length that does not fit the last chunk";
}

TEST_F(AReceiver, TellsThePeerTheKindOfItsTroubleAndNoPaths) {
  begin_receiving(1);
  receiver_->disk_failed({.code = Errc::local_io, .doing = "writing /home/bob/private/x: no space"}, now_);
  const auto actions = drain(*receiver_);
  ASSERT_THAT(said<Stop>(actions), SizeIs(1));
  EXPECT_EQ(said<Stop>(actions).front().code, Errc::local_io);
  EXPECT_EQ(said<Stop>(actions).front().words.find("private"), std::string::npos);
  EXPECT_EQ(trouble(actions)->code, Errc::local_io);
}

TEST_F(AReceiver, EndsAsInterruptedWhenNoLaneComes) {
  begin(1);
  receiver_->lane_lost(first_lane, now_);
  now_ = *receiver_->deadline();
  EXPECT_EQ(now_ - session_start, laneless_patience);
  receiver_->expire(now_);
  EXPECT_EQ(trouble(drain(*receiver_))->code, Errc::interrupted);
}

TEST_F(AReceiver, DropsALaneAtOnceThatIsDoubtedAfterALongSilenceAndGoesOnWithoutAnyForAsLongAsItIsAskedTo) {
  begin_receiving(1);
  now_ += doubted_lane_silence;
  receiver_->doubt_lanes(now_);
  EXPECT_THAT(all_of<Receiver::Drop>(drain(*receiver_)), SizeIs(1));
  receiver_->bear_without_lanes(now_ + 1h);
  const auto since = now_;
  while (const auto deadline = receiver_->deadline()) {
    now_ = *deadline;
    receiver_->expire(now_);
    if (trouble(drain(*receiver_))) break;
  }
  EXPECT_EQ(now_ - since, 1h);
}

TEST_F(AReceiver, KeepsALaneThatBringsAChunkSlowly) {
  begin_receiving(1);
  EXPECT_TRUE(*chunk_begins(0));
  for (int i = 0; i < 100; ++i) {
    now_ += 1s;
    receiver_->heard(first_lane, now_);
    receiver_->expire(now_);
    for (const auto& action : drain(*receiver_)) EXPECT_FALSE(std::holds_alternative<Receiver::Drop>(action));
  }
  EXPECT_FALSE(receiver_->progress().ended);
}

// --- receipts -------------------------------------------------------------------------------------------------------

class AReceiverThatPromisedAReceipt : public AReceiver {
 protected:
  Actions begin_attesting() {
    begin(1);
    receiver_->promise_receipt();
    hear_manifest();
    open();
    store(0);
    sync({0});
    return finish();
  }
  Actions attest(ByteBuffer signed_receipt = ByteBuffer(signed_receipt_size)) {
    receiver_->attested(std::move(signed_receipt), now_);
    return drain(*receiver_);
  }
};

TEST_F(AReceiverThatPromisedAReceipt, SaysItBehindVerified) {
  const auto verified = begin_attesting();
  EXPECT_THAT(said<Verified>(verified), SizeIs(1));
  ASSERT_THAT(all_of<Receiver::Attest>(verified), SizeIs(1));
  EXPECT_EQ(all_of<Receiver::Attest>(verified)[0].bytes, manifest_.bytes());
  EXPECT_THAT(said<Receipt>(verified), IsEmpty());
  const auto attested = attest();
  ASSERT_THAT(said<Receipt>(attested), SizeIs(1));
  EXPECT_EQ(said<Receipt>(attested)[0].signed_receipt.size(), signed_receipt_size);
  EXPECT_THAT(all_of<Receiver::Forget>(hear(Farewell{})), SizeIs(1));
}

TEST_F(AReceiverThatPromisedAReceipt, WaitsForFarewellOnlyFromThenOn) {
  begin_attesting();
  const auto begun = now_;
  for (; now_ < begun + 2 * farewell_patience; now_ += std::chrono::seconds{5}) {
    hear(Beat{});
    receiver_->expire(now_);
    EXPECT_THAT(all_of<Receiver::Ended>(drain(*receiver_)), IsEmpty());
  }
  attest();
  const auto attested = now_;
  for (; now_ < attested + farewell_patience; now_ += std::chrono::seconds{5}) hear(Beat{});
  receiver_->expire(now_);
  const auto actions = drain(*receiver_);
  ASSERT_THAT(all_of<Receiver::Ended>(actions), SizeIs(1));
  EXPECT_FALSE(trouble(actions));
  EXPECT_THAT(all_of<Receiver::Forget>(actions), IsEmpty());
}

TEST_F(AReceiverThatPromisedAReceipt, SaysItAgainOnTheNextLaneWithVerified) {
  begin_attesting();
  attest();
  receiver_->lane_lost(first_lane, now_);
  drain(*receiver_);
  receiver_->lane_joined(second_lane, now_);
  const auto again = drain(*receiver_);
  EXPECT_THAT(said<Verified>(again), SizeIs(1));
  EXPECT_THAT(said<Receipt>(again), SizeIs(1));
}

TEST_F(AReceiverThatPromisedAReceipt, HasSucceededWhenEveryLaneIsLostMeanwhile) {
  begin_attesting();
  receiver_->lane_lost(first_lane, now_);
  now_ += farewell_patience_laneless;
  receiver_->expire(now_);
  const auto actions = drain(*receiver_);
  ASSERT_THAT(all_of<Receiver::Ended>(actions), SizeIs(1));
  EXPECT_FALSE(trouble(actions));
  EXPECT_THAT(all_of<Receiver::Forget>(actions), IsEmpty()) << "the sender may ask once more";
}

TEST_F(AReceiverThatPromisedAReceipt, SaysThatItCanGiveNone) {
  begin_attesting();
  const auto attested = attest({});
  ASSERT_THAT(said<Receipt>(attested), SizeIs(1));
  EXPECT_TRUE(said<Receipt>(attested)[0].signed_receipt.empty());
}

TEST_F(AReceiverThatPromisedAReceipt, GivesItAlsoForWhatWasFinishedBefore) {
  begin(1);
  receiver_->promise_receipt();
  hear_manifest();
  EXPECT_THAT(all_of<Receiver::Attest>(open({.durable = ChunkMap{1}, .checks = {}, .finished = true, .names = {"file"}})), SizeIs(1));
}

TEST_F(AReceiver, MakesNoReceiptThatItDidNotPromise) {
  begin_receiving(1);
  store(0);
  sync({0});
  EXPECT_THAT(all_of<Receiver::Attest>(finish()), IsEmpty());
}

}  // namespace
}  // namespace pshare
