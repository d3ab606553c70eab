#include "apps/pshare/supernode_view.hpp"

#include <gmock/gmock.h>

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const Candidacy::Unreached unreached{Port{4711}, DialBackOutcome::timeout};

SupernodeFacts some_facts() {
  return {.standing = "Listed: others reach you at 203.0.113.5:4711.",
          .lanes = {{.one = "alice", .other = "bob", .bytes = 1'200'000'000, .rate = 8'300'000, .age = 182s},
                    {.one = "carol", .other = "ABCDEFG-HIJKLMN", .bytes = 34'000'000, .rate = 120'000, .age = 12s}},
          .waiting = 1,
          .terms = {.for_anyone = false, .sessions = 16, .rate = 10'000'000, .volume = 100'000'000'000},
          .month_used = 12'000'000'000,
          .month_left = 88'000'000'000,
          .month_ends = std::chrono::sys_days{std::chrono::year{2026} / 12 / 1}};
}

TEST(SupernodeView, ShowsWhoHowMuchHowFastAndWhatIsLeft) {
  EXPECT_THAT(supernode_block(some_facts(), 100, 24),
              ElementsAre("Listed: others reach you at 203.0.113.5:4711.",
                          "Carrying 2 of 16 sessions, 8.4 MB/s (at most 10 MB/s); 1 waits for the other side.",
                          "  alice <-> bob              1.2 GB    8.3 MB/s    3 min 2 s",
                          "  carol <-> ABCDEFG-HIJKLMN  34 MB     120 kB/s    12 s",
                          "This month: 12 GB carried; 88 GB left until 2026-12-01 (UTC)."));
}

TEST(SupernodeView, FitsTheScreenAndSaysWhatItLeavesOut) {
  auto facts = some_facts();
  facts.lanes.resize(40, facts.lanes.front());
  const auto lines = supernode_block(facts, 60, 10);
  EXPECT_EQ(lines.size(), 10u);
  EXPECT_EQ(lines[8], "  and 34 more");
  for (const auto& line : lines) EXPECT_LE(line.size(), 60u);
  EXPECT_EQ(supernode_block(facts, 60, 1).size(), 1u);
  EXPECT_THAT(supernode_block(facts, 60, 3), Not(testing::Contains(HasSubstr("<->"))));
}

TEST(SupernodeView, SaysNothingOfLimitsThatAreNotSet) {
  auto facts = some_facts();
  facts.terms = {.sessions = 1};
  facts.month_left.reset();
  facts.lanes.clear();
  facts.waiting = 0;
  EXPECT_THAT(supernode_block(facts, 100, 24),
              ElementsAre("Listed: others reach you at 203.0.113.5:4711.", "Carrying 0 of 1 session.", "This month: 12 GB carried."));
  EXPECT_EQ(terms_words(facts.terms), "for your contacts: at most 1 session at once");
  EXPECT_EQ(terms_words(some_facts().terms), "for your contacts: at most 16 sessions at once, 10 MB/s, 100 GB a month");
}

TEST(SupernodeView, SaysWhereOthersReachUsOrWhyNot) {
  EXPECT_EQ(standing_words(Candidacy::Listed{*Endpoint::parse("203.0.113.5:4711")}), "Listed: others reach you at 203.0.113.5:4711.");
  EXPECT_THAT(standing_words(unreached), AllOf(HasSubstr("Not listed"), HasSubstr("4711"), HasSubstr("nothing came back")));
  EXPECT_THAT(standing_words(Candidacy::TurnedDown{{.code = Errc::limit, .doing = "offering ourselves as a supernode"}}), HasSubstr("trying again"));
  EXPECT_EQ(state_word(unreached), "unreached");
  EXPECT_EQ(state_word(Candidacy::NotAsked{}), "waiting");
}

TEST(SupernodeView, AdvisesByWhatStandsInTheWay) {
  EXPECT_THAT(standing_hint(unreached, {.manual_port = true}), HasSubstr("forward TCP port 4711"));
  EXPECT_THAT(standing_hint(unreached, {.mapped = true}), HasSubstr("another router or a firewall"));
  EXPECT_THAT(standing_hint(unreached, {.mapping_trouble = Reason::double_nat}), HasSubstr("two routers"));
  EXPECT_THAT(standing_hint(unreached, {.mapping_trouble = Reason::no_igd}), AllOf(HasSubstr("UPnP"), HasSubstr("--port"), HasSubstr("pshare doctor")));
  EXPECT_THAT(standing_hint(Candidacy::Full{}, {}), IsEmpty());
}

}  // namespace
}  // namespace pshare
