// The sender's core, alone: what it says and when, and that no receiver can make it do anything worse than end.
#include "transfer/sender.hpp"

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

static_assert(Core<Sender>);

class ASender : public testing::Test {
 public:
  void begin(std::uint64_t chunk_count, bool stream = false) {
    manifest_ = manifest_of(stream ? 0 : chunk_count);
    sender_.emplace(manifest_, the_transfer, stream, now_);
  }
  std::vector<Sender::Action> hear(const LaneMessage& message, LaneNumber lane = first_lane) {
    sender_->received(lane, message, now_);
    return drain(*sender_);
  }
  std::vector<Sender::Action> join(LaneNumber lane, int turns = 1) {
    sender_->lane_joined(lane, now_);
    for (int i = 0; i < turns; ++i) sender_->lane_free(lane, now_);
    return drain(*sender_);
  }
  std::vector<Sender::Action> free(LaneNumber lane) {
    sender_->lane_free(lane, now_);
    return drain(*sender_);
  }
  /// Up to the point where it knows what the receiver has, namely nothing.
  std::vector<Sender::Action> begin_sending(std::uint64_t chunk_count, int turns = 1) {
    begin(chunk_count);
    join(first_lane, turns);
    free(first_lane);
    hear(HaveBegin{chunk_count});
    return hear(HaveEnd{});
  }
  static std::vector<std::uint64_t> sent(const std::vector<Sender::Action>& actions) {
    std::vector<std::uint64_t> out;
    for (const auto& send : all_of<Sender::SendChunk>(actions)) out.push_back(send.chunk.number);
    return out;
  }
  template <typename Message>
  static std::vector<Message> said(const std::vector<Sender::Action>& actions) { return said_in<Message, Sender>(actions); }
  static std::optional<Error> trouble(const std::vector<Sender::Action>& actions) { return trouble_in<Sender>(actions); }

  Manifest manifest_;
  std::optional<Sender> sender_;
  TimePoint now_ = session_start;
};

TEST_F(ASender, SaysTheManifestOnTheFirstLaneOnePartForEachTurn) {
  for (int i = 0; i < 3000; ++i) value_or_throw(manifest_.add({.name = "a file with a name of some length " + std::to_string(i), .size = 1}));
  manifest_.seal(min_chunk_size);
  sender_.emplace(manifest_, the_transfer, false, now_);
  sender_->lane_joined(first_lane, now_);
  const auto first = drain(*sender_);
  ASSERT_THAT(said<ManifestBegin>(first), SizeIs(1));
  EXPECT_EQ(said<ManifestBegin>(first).front().entries, 3000u);
  EXPECT_THAT(said<ManifestPart>(first), IsEmpty()) << "no turn was given yet";
  int parts = 0;
  while (!sender_->progress().manifest_sent) {
    const auto actions = free(first_lane);
    ASSERT_LE(said<ManifestPart>(actions).size(), 1u);
    parts += static_cast<int>(said<ManifestPart>(actions).size());
  }
  EXPECT_GT(parts, 2);
}

TEST_F(ASender, SendsNoChunkBeforeItKnowsWhatTheReceiverHas) {
  begin(3);
  join(first_lane, 5);
  EXPECT_THAT(sent(hear(HaveBegin{3})), IsEmpty());
  EXPECT_THAT(sent(hear(HavePart{ChunkIndex{0}, {std::byte{0b010}}})), IsEmpty());
  EXPECT_THAT(sent(hear(HaveEnd{})), ElementsAre(0, 2));
  EXPECT_EQ(sender_->progress().resumed, min_chunk_size);
}

TEST_F(ASender, GivesALaneOneChunkForEachTurn) {
  EXPECT_THAT(sent(begin_sending(5, 1)), ElementsAre(0));
  EXPECT_THAT(sent(free(first_lane)), ElementsAre(1));
  EXPECT_THAT(sent(join(second_lane, 2)), ElementsAre(2, 3));
}

TEST_F(ASender, StartsTheManifestAgainWhenItsLaneIsLostBeforeTheAnswer) {
  begin(1);
  join(first_lane);
  sender_->lane_lost(first_lane, now_);
  EXPECT_THAT(drain(*sender_), IsEmpty());
  const auto again = join(second_lane, 2);
  EXPECT_THAT(said<ManifestBegin>(again), SizeIs(1));
  EXPECT_THAT(said<ManifestPart>(again), SizeIs(1));
  EXPECT_THAT(said<ManifestEnd>(again), SizeIs(1));
}

TEST_F(ASender, SaysEndOnceAllIsDurableAndAgainIfThatLaneIsLost) {
  begin_sending(2, 2);
  EXPECT_THAT(said<End>(hear(Stored{chunks({0, 1})})), IsEmpty());
  EXPECT_THAT(said<End>(hear(Durable{chunks({0})})), IsEmpty());
  const auto ends = said<End>(hear(Durable{chunks({1})}));
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_EQ(ends.front().bytes, 2 * min_chunk_size - 1);
  sender_->lane_lost(first_lane, now_);
  EXPECT_THAT(said<End>(join(second_lane)), SizeIs(1));
}

TEST_F(ASender, SaysFarewellWhenEverythingIsVerifiedAndEndsWithTheNames) {
  begin_sending(1);
  hear(Durable{chunks({0})});
  const auto actions = hear(Verified{{"file (1)"}});
  EXPECT_THAT(said<Farewell>(actions), SizeIs(1));
  const auto ends = all_of<Sender::Ended>(actions);
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_FALSE(ends.front().trouble);
  EXPECT_THAT(ends.front().names, ElementsAre("file (1)"));
  EXPECT_TRUE(std::holds_alternative<Sender::Ended>(actions.back()));
  EXPECT_FALSE(sender_->deadline());
}

TEST_F(ASender, OfEmptyFilesIsDoneWithoutAnyChunk) {
  const auto actions = begin_sending(0);
  EXPECT_THAT(sent(actions), IsEmpty());
  EXPECT_THAT(said<End>(actions), SizeIs(1));
  EXPECT_FALSE(trouble(hear(Verified{{"file"}})));
}

TEST_F(ASender, HasWhatTheReceiverAsksAboutCheckedAndSendsOnlyWhatDiffers) {
  begin(3);
  join(first_lane, 5);
  hear(HaveBegin{3});
  const auto asked = hear(HaveCheck{{{ChunkIndex{0}, ChunkHash{}}, {ChunkIndex{2}, ChunkHash{}}}});
  EXPECT_THAT(all_of<Sender::Check>(asked), SizeIs(2));
  EXPECT_THAT(sent(hear(HaveEnd{})), ElementsAre(1)) << "what is being checked waits";
  sender_->checked(ChunkIndex{2}, true, now_);
  EXPECT_THAT(drain(*sender_), IsEmpty());
  sender_->checked(ChunkIndex{0}, false, now_);
  const auto answer = drain(*sender_);
  ASSERT_THAT(said<CheckResult>(answer), SizeIs(1));
  EXPECT_EQ(said<CheckResult>(answer).front().same, chunks({2}));
  EXPECT_THAT(sent(answer), ElementsAre(0));
}

TEST_F(ASender, ChecksAFewChunksAtATime) {
  begin(100);
  join(first_lane);
  hear(HaveBegin{100});
  HaveCheck check;
  for (std::uint64_t i = 0; i < 100; ++i) check.items.push_back({ChunkIndex{i}, ChunkHash{}});
  EXPECT_THAT(all_of<Sender::Check>(hear(check)), SizeIs(max_checks));
  sender_->checked(ChunkIndex{0}, true, now_);
  EXPECT_THAT(all_of<Sender::Check>(drain(*sender_)), SizeIs(1));
}

TEST_F(ASender, AnswersAgainWhatWasAskedAgainAfterALostLane) {
  begin(1);
  join(first_lane, 2);
  hear(HaveBegin{1});
  hear(HaveCheck{{{ChunkIndex{0}, ChunkHash{}}}});
  hear(HaveEnd{});
  join(second_lane);
  sender_->lane_lost(first_lane, now_);
  sender_->checked(ChunkIndex{0}, true, now_);
  EXPECT_THAT(said<CheckResult>(drain(*sender_)), IsEmpty()) << "its lane is gone";
  hear(HaveBegin{1}, second_lane);
  const auto answer = said<CheckResult>(hear(HaveCheck{{{ChunkIndex{0}, ChunkHash{}}}}, second_lane));
  ASSERT_THAT(answer, SizeIs(1));
  EXPECT_EQ(answer.front().same, chunks({0}));
}

TEST_F(ASender, SendsAChunkAgainSoOftenAndNoMoreOften) {
  begin_sending(1);
  for (int i = 0; i < max_again; ++i) {
    free(first_lane);
    EXPECT_THAT(sent(hear(Again{chunks({0})})), ElementsAre(0));
  }
  const auto end = hear(Again{chunks({0})});
  ASSERT_TRUE(trouble(end));
  EXPECT_EQ(trouble(end)->code, Errc::failed);
  EXPECT_THAT(said<Stop>(end), SizeIs(1));
}

TEST_F(ASender, BeatsDropsASilentLaneAndEndsWithoutAny) {
  begin_sending(1);
  ASSERT_TRUE(sender_->deadline());
  std::size_t beats = 0, drops = 0;
  std::optional<Error> end;
  while (const auto deadline = sender_->deadline()) {
    now_ = *deadline;
    sender_->expire(now_);
    const auto actions = drain(*sender_);
    beats += said<Beat>(actions).size();
    drops += all_of<Sender::Drop>(actions).size();
    end = trouble(actions);
  }
  EXPECT_EQ(beats, 2u);
  EXPECT_EQ(drops, 1u);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->code, Errc::interrupted);
  EXPECT_EQ(now_ - session_start, lane_silence + laneless_patience);
}

TEST_F(ASender, GivesUpADoubtedLaneSoonAndGoesOnWithoutAnyForAsLongAsItIsAskedTo) {
  begin_sending(1);
  sender_->doubt_lanes(now_);
  sender_->bear_without_lanes(session_start + 1h);
  std::optional<TimePoint> dropped;
  std::optional<Error> end;
  while (const auto deadline = sender_->deadline()) {
    now_ = *deadline;
    sender_->expire(now_);
    const auto actions = drain(*sender_);
    if (!all_of<Sender::Drop>(actions).empty()) dropped = now_;
    end = trouble(actions);
  }
  ASSERT_TRUE(dropped && end);
  EXPECT_EQ(*dropped - session_start, doubted_lane_silence);
  EXPECT_EQ(now_ - session_start, 1h);
}

TEST_F(ASender, TellsThePeerTheKindOfItsTroubleAndNoPaths) {
  begin_sending(1);
  sender_->source_failed({.code = Errc::source_changed, .doing = "reading /home/alice/secret project/plan.txt"}, now_);
  const auto actions = drain(*sender_);
  ASSERT_THAT(said<Stop>(actions), SizeIs(1));
  EXPECT_EQ(said<Stop>(actions).front().code, Errc::source_changed);
  EXPECT_EQ(said<Stop>(actions).front().words.find("secret"), std::string::npos);
  EXPECT_EQ(trouble(actions)->doing, "reading /home/alice/secret project/plan.txt");
}

TEST_F(ASender, EndsWithTheCodeOfAStopUnlessOnlyWeCouldKnowIt) {
  struct Row { Errc told, ours; };
  for (const auto [told, ours] : {Row{Errc::local_io, Errc::local_io}, Row{Errc::source_changed, Errc::source_changed},
                                  Row{Errc::cancelled, Errc::cancelled}, Row{Errc::identity_mismatch, Errc::failed}, Row{Errc::usage, Errc::failed}}) {
    begin_sending(1);
    const auto end = trouble(hear(Stop{told, "their words"}));
    ASSERT_TRUE(end);
    EXPECT_EQ(end->code, ours);
    EXPECT_NE(end->doing.find("their words"), std::string::npos);
  }
}

TEST_F(ASender, OfAStreamSendsWholeChunksAsTheyGrowAndTheRestAtTheEnd) {
  begin(0, true);
  join(first_lane, 100);
  hear(HaveBegin{0});
  EXPECT_THAT(sent(hear(HaveEnd{})), IsEmpty());
  sender_->stream_grew(min_chunk_size * 2 + 5, now_);
  EXPECT_THAT(sent(drain(*sender_)), ElementsAre(0, 1));
  sender_->stream_ended(min_chunk_size * 2 + 5, now_);
  EXPECT_THAT(sent(drain(*sender_)), ElementsAre(2));
  EXPECT_EQ(sender_->progress().total, min_chunk_size * 2 + 5);
  EXPECT_EQ(sender_->durable_prefix(), ChunkIndex{0});
  hear(Durable{chunks({1})});
  hear(Durable{chunks({0})});
  EXPECT_EQ(sender_->durable_prefix(), ChunkIndex{2});
  const auto ends = said<End>(hear(Durable{chunks({2})}));
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_EQ(ends.front().bytes, min_chunk_size * 2 + 5);
}

TEST_F(ASender, EndsInsteadOfBelievingAReceiverThatBreaksTheProtocol) {
  const auto none = [](ASender&) {};
  struct Row { const char* what; std::function<void(ASender&)> before; LaneMessage message; };
  const std::vector<Row> rows{
      {"a Have of another number of chunks", none, HaveBegin{4}},
      {"a HavePart outside a Have", none, HavePart{ChunkIndex{0}, {std::byte{1}}}},
      {"a HaveEnd outside a Have", none, HaveEnd{}},
      {"Stored before Have", none, Stored{chunks({0})}},
      {"Durable before Have", none, Durable{chunks({0})}},
      {"Again before Have", none, Again{chunks({0})}},
      {"Verified before Have", none, Verified{}},
      {"a manifest", none, ManifestBegin{}},
      {"a part", none, ManifestPart{}},
      {"End", none, End{}},
      {"Farewell", none, Farewell{}},
      {"a hello", none, LaneHello{}},
      {"a chunk header", none, ChunkHeader{}},
      {"a part beyond the end", [](ASender& it) { it.hear(HaveBegin{3}); }, HavePart{ChunkIndex{8}, {std::byte{1}}}},
      {"a question beyond the end", [](ASender& it) { it.hear(HaveBegin{3}); }, HaveCheck{{{ChunkIndex{3}, {}}}}},
      {"a stored chunk beyond the end", [](ASender& it) { it.hear(HaveBegin{3}), it.hear(HaveEnd{}); }, Stored{chunks({3})}},
      {"a durable chunk near 2^64", [](ASender& it) { it.hear(HaveBegin{3}), it.hear(HaveEnd{}); }, Durable{chunks({~0ull})}},
      {"Verified while chunks are missing", [](ASender& it) { it.hear(HaveBegin{3}), it.hear(HaveEnd{}), it.hear(Durable{chunks({0, 1})}); }, Verified{}},
  };
  for (const auto& [what, before, message] : rows) {
    now_ = session_start;
    begin(3);
    join(first_lane, 3);
    before(*this);
    const auto actions = hear(message);
    ASSERT_TRUE(trouble(actions)) << what;
    EXPECT_EQ(trouble(actions)->code, Errc::malformed) << what;
    EXPECT_THAT(said<Stop>(actions), SizeIs(1)) << what;
    EXPECT_THAT(hear(HaveBegin{3}), IsEmpty()) << "nothing comes after the end: " << what;
  }
}

TEST_F(ASender, RefusesAnAnswerToAManifestThatIsNotAllSaid) {
  begin(3);
  sender_->lane_joined(first_lane, now_);
  drain(*sender_);
  EXPECT_TRUE(trouble(hear(HaveBegin{3})));
}

// --- rivals ---------------------------------------------------------------------------------------------------------

/// Enough for a contest.
constexpr std::uint64_t many = contest_least_left / min_chunk_size * 4;

TEST_F(ASender, GivesARivalChunksOnlyInItsTurn) {
  begin_sending(many, 2);
  ASSERT_EQ(sender_->lane_to_challenge(), first_lane);
  sender_->rival_joined(second_lane, first_lane, now_);
  sender_->lane_free(second_lane, now_);
  EXPECT_THAT(sent(drain(*sender_)), IsEmpty());
  EXPECT_FALSE(sender_->lane_to_challenge()) << "one contest at a time";
  EXPECT_THAT(sent(free(first_lane)), ElementsAre(2));
  ASSERT_EQ(sender_->deadline(), now_ + turn_patience);
  now_ += turn_patience;
  sender_->expire(now_);
  EXPECT_THAT(sent(drain(*sender_)), ElementsAre(3)) << "the turn that was given to the rival before";
  EXPECT_THAT(sent(free(first_lane)), IsEmpty());
}

TEST_F(ASender, LetsARivalShowWhatItCanBesideALaneThatIsStuckWithTheWholeWindow) {
  EXPECT_THAT(sent(begin_sending(many, 1000)), SizeIs(send_window / min_chunk_size));
  sender_->rival_joined(second_lane, first_lane, now_);
  for (int turn = 0; turn < 1000; ++turn) sender_->lane_free(second_lane, now_);
  EXPECT_THAT(sent(drain(*sender_)), IsEmpty());
  now_ += turn_patience;
  sender_->expire(now_);
  EXPECT_THAT(sent(drain(*sender_)), SizeIs(contest_flight / min_chunk_size));
}

TEST_F(ASender, RetiresALaneThatLostAndSendsWhatDidNotComeHomeOnTheOther) {
  begin_sending(many, 2);  // 0 and 1 never come home
  sender_->rival_joined(second_lane, first_lane, now_);
  drain(*sender_);
  now_ += turn_patience;
  sender_->expire(now_);
  EXPECT_THAT(sent(free(second_lane)), ElementsAre(2));
  now_ += 100ms;
  EXPECT_THAT(sent(hear(Stored{chunks({2})}, second_lane)), IsEmpty());
  now_ += turn_patience;
  sender_->expire(now_);
  const auto decided = drain(*sender_);
  ASSERT_THAT(all_of<Sender::Chosen>(decided), SizeIs(1));
  EXPECT_EQ(all_of<Sender::Chosen>(decided).front().lane, second_lane);
  EXPECT_THAT(all_of<Sender::Retire>(decided), IsEmpty()) << "chunks are under way on it";
  now_ += seeing_off_silence;
  sender_->expire(now_);
  const auto over = drain(*sender_);
  ASSERT_THAT(all_of<Sender::Retire>(over), SizeIs(1));
  EXPECT_EQ(all_of<Sender::Retire>(over).front().lane, first_lane);
  EXPECT_THAT(sent(free(second_lane)), ElementsAre(0));
  EXPECT_THAT(sent(free(second_lane)), ElementsAre(1));
  EXPECT_THAT(hear(Stored{chunks({3})}, first_lane), IsEmpty()) << "it is none of ours any more";
  EXPECT_EQ(sender_->lane_to_challenge(), second_lane) << "there may be another contest later";
}

TEST_F(ASender, HoldsNoContestBeforeItKnowsWhatIsToBeSent) {
  begin(many);
  join(first_lane, 2);
  sender_->rival_joined(second_lane, first_lane, now_);
  drain(*sender_);
  EXPECT_GT(sender_->deadline(), now_ + turn_patience) << "no turn has begun";
  hear(HaveBegin{many});
  HavePart have{ChunkIndex{0}, ByteBuffer(many / 8, std::byte{0xFF})};
  have.bits.back() = std::byte{0};
  hear(have);
  const auto known = hear(HaveEnd{});
  ASSERT_THAT(all_of<Sender::Retire>(known), SizeIs(1)) << "eight chunks are left";
  EXPECT_EQ(all_of<Sender::Retire>(known).front().lane, second_lane);
  EXPECT_THAT(sent(known), SizeIs(1)) << "the manifest took the other turn";
}

TEST_F(ASender, TakesARivalForALaneLikeAnyWhereThereIsNoneToChallenge) {
  begin(3);
  EXPECT_FALSE(sender_->lane_to_challenge());
  sender_->rival_joined(first_lane, first_lane, now_);
  EXPECT_THAT(said<ManifestBegin>(drain(*sender_)), SizeIs(1));
}

TEST_F(ASender, MovesToASuccessorAtOnceAndSendsNothingTwice) {
  begin_sending(8, 2);  // 0 and 1 are under way
  sender_->successor_joined(second_lane, now_);
  const auto moved = drain(*sender_);
  ASSERT_THAT(all_of<Sender::Chosen>(moved), SizeIs(1)) << "however little is left";
  EXPECT_EQ(all_of<Sender::Chosen>(moved).front().lane, second_lane);
  EXPECT_THAT(all_of<Sender::Retire>(moved), IsEmpty());
  EXPECT_THAT(sent(free(first_lane)), IsEmpty()) << "no more chunks on the old one";
  EXPECT_THAT(sent(free(second_lane)), ElementsAre(2));
  now_ += seeing_off_silence * 2;
  sender_->expire(now_);
  EXPECT_THAT(all_of<Sender::Retire>(drain(*sender_)), IsEmpty()) << "a relay may be slow";
  hear(Stored{chunks({0})});
  const auto home = hear(Stored{chunks({1})});
  ASSERT_THAT(all_of<Sender::Retire>(home), SizeIs(1));
  EXPECT_EQ(all_of<Sender::Retire>(home).front().lane, first_lane);
  for (const std::uint64_t next : {3, 4, 5, 6, 7}) EXPECT_THAT(sent(free(second_lane)), ElementsAre(next));
  EXPECT_EQ(sender_->lane_to_challenge(), second_lane);
}

TEST_F(ASender, MovesToASuccessorThatCameBeforeItKnewWhatIsToBeSent) {
  begin(8);
  join(first_lane, 2);
  sender_->successor_joined(second_lane, now_);
  drain(*sender_);
  hear(HaveBegin{8});
  const auto known = hear(HaveEnd{});
  ASSERT_THAT(all_of<Sender::Chosen>(known), SizeIs(1));
  EXPECT_THAT(all_of<Sender::Retire>(known), SizeIs(1)) << "nothing was under way";
}

TEST_F(ASender, TakesASuccessorForItsOnlyLaneWhenItHasLostTheOther) {
  begin_sending(8);
  sender_->successor_joined(second_lane, now_);
  drain(*sender_);
  sender_->lane_lost(first_lane, now_);
  drain(*sender_);
  EXPECT_EQ(sender_->lane_to_challenge(), second_lane);
  EXPECT_THAT(sent(free(second_lane)), ElementsAre(0)) << "which was lost with it";
}

TEST_F(ASender, IgnoresMessagesOfLanesItDoesNotHave) {
  begin(1);
  EXPECT_THAT(hear(HaveEnd{}, LaneNumber{77}), IsEmpty());
  sender_->lane_lost(LaneNumber{77}, now_);
  sender_->lane_free(LaneNumber{77}, now_);
  EXPECT_THAT(drain(*sender_), IsEmpty());
}

// --- receipts -------------------------------------------------------------------------------------------------------

class ASenderWithAReceiptAgreed : public ASender {
 protected:
  /// Up to Verified.
  std::vector<Sender::Action> begin_awaiting(std::uint64_t chunk_count = 1) {
    begin(chunk_count);
    sender_->expect_receipt();
    join(first_lane);
    free(first_lane);
    hear(HaveBegin{chunk_count});
    hear(HaveEnd{});
    std::vector<ChunkIndex> all;
    for (std::uint64_t i = 0; i < chunk_count; ++i) all.push_back(ChunkIndex{i});
    hear(Durable{all});
    return hear(Verified{{"file"}});
  }
  static bool over_without_receipt(const std::vector<Sender::Action>& actions) {
    const auto ends = all_of<Sender::Ended>(actions);
    return ends.size() == 1 && !ends[0].trouble && !ends[0].receipt && ends[0].names == std::vector<std::string>{"file"};
  }
  const Receipt receipt{ByteBuffer(signed_receipt_size, std::byte{5})};
};

TEST_F(ASenderWithAReceiptAgreed, SaysFarewellOnlyWhenItHasCome) {
  const auto verified = begin_awaiting();
  ASSERT_THAT(all_of<Sender::Delivered>(verified), SizeIs(1));
  EXPECT_THAT(said<Farewell>(verified), IsEmpty());
  EXPECT_THAT(all_of<Sender::Ended>(verified), IsEmpty());
  const auto came = hear(receipt);
  EXPECT_THAT(said<Farewell>(came), SizeIs(1));
  const auto ends = all_of<Sender::Ended>(came);
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_FALSE(ends[0].trouble);
  EXPECT_EQ(ends[0].receipt, receipt.signed_receipt);
}

TEST_F(ASenderWithAReceiptAgreed, IsDoneWithoutItWhenTheOnlyLaneIsLost) {
  begin_awaiting();
  sender_->lane_lost(first_lane, now_);
  EXPECT_TRUE(over_without_receipt(drain(*sender_)));
}

TEST_F(ASenderWithAReceiptAgreed, HearsItOnAnotherLaneWhereItIsSaidAgain) {
  begin_awaiting();
  join(second_lane);
  sender_->lane_lost(first_lane, now_);
  EXPECT_THAT(all_of<Sender::Ended>(drain(*sender_)), IsEmpty());
  hear(HaveBegin{1}, second_lane);
  hear(HaveEnd{}, second_lane);
  EXPECT_THAT(all_of<Sender::Delivered>(hear(Verified{{"file"}}, second_lane)), IsEmpty()) << "told before";
  const auto ends = all_of<Sender::Ended>(hear(receipt, second_lane));
  ASSERT_THAT(ends, SizeIs(1));
  EXPECT_TRUE(ends[0].receipt);
}

TEST_F(ASenderWithAReceiptAgreed, WaitsForItAsLongAsTheReceiverMayTakeToReadAndNoLonger) {
  begin_awaiting(3);
  const auto until = now_ + receipt_patience(manifest_.bytes());
  while (now_ < until) {  // the receiver lives
    now_ = std::min(until, now_ + std::chrono::seconds{5});
    if (now_ == until) break;
    hear(Beat{});
    sender_->expire(now_);
    EXPECT_THAT(all_of<Sender::Ended>(drain(*sender_)), IsEmpty());
    EXPECT_LE(*sender_->deadline(), until);
  }
  hear(Beat{});
  sender_->expire(now_);
  const auto late = drain(*sender_);
  EXPECT_TRUE(over_without_receipt(late));
  EXPECT_THAT(said<Farewell>(late), SizeIs(1));
}

TEST(ReceiptPatience, GrowsWithWhatMayHaveToBeReadAgain) {
  EXPECT_EQ(receipt_patience(0), receipt_patience_at_least);
  EXPECT_EQ(receipt_patience(100 * slowest_rereading), receipt_patience_at_least + 100s);
}

TEST_F(ASenderWithAReceiptAgreed, IsDoneWithoutItWhenTheReceiverCanGiveNoneOrStops) {
  begin_awaiting();
  EXPECT_TRUE(over_without_receipt(hear(Receipt{})));
  begin_awaiting();
  EXPECT_TRUE(over_without_receipt(hear(Stop{Errc::interrupted, ""})));
}

TEST_F(ASenderWithAReceiptAgreed, IsDoneWithoutItWhenTheUserDoesNotCareToWait) {
  begin_awaiting();
  sender_->cancel(now_);
  const auto actions = drain(*sender_);
  EXPECT_TRUE(over_without_receipt(actions));
  EXPECT_THAT(said<Stop>(actions), IsEmpty());
  EXPECT_THAT(said<Farewell>(actions), SizeIs(1));
}

TEST_F(ASenderWithAReceiptAgreed, TakesNoneBeforeEverythingIsVerified) {
  begin(1);
  sender_->expect_receipt();
  join(first_lane);
  EXPECT_EQ(trouble(hear(receipt))->code, Errc::malformed);
}

TEST_F(ASender, TakesNoReceiptThatWasNotAgreedOn) {
  begin_sending(1);
  EXPECT_EQ(trouble(hear(Receipt{}))->code, Errc::malformed);
}

}  // namespace
}  // namespace pshare
