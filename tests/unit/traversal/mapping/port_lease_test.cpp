// One mapping's life, under a virtual clock.
#include "traversal/mapping/port_lease.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "story.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

static_assert(Core<PortLease>);

constexpr Port wanted{4700};

struct PortLeaseTest : ::testing::Test {
  PortLease lease{wanted, start};

  void granted(TimePoint now, std::optional<std::chrono::seconds> lifetime = 3600s, std::string_view external = "81.2.70.2:4700") {
    lease.granted({Transport::tcp, at(external), lifetime}, now);
  }
  void held() {
    granted(start);
    drained(lease);
  }
  std::vector<Port> asked() {
    std::vector<Port> out;
    for (const auto& ask : drained_of<PortLease::Ask>(lease)) out.push_back(ask.suggested);
    return out;
  }
};

TEST_F(PortLeaseTest, AsksForOurOwnPortAtOnce) {
  EXPECT_THAT(asked(), ElementsAre(wanted));
  EXPECT_EQ(lease.external(), std::nullopt);
}

TEST_F(PortLeaseTest, IsHeldOnceGranted) {
  granted(start);
  EXPECT_EQ(lease.external(), at("81.2.70.2:4700"));
  EXPECT_FALSE(lease.is_proved());
}

TEST_F(PortLeaseTest, IsRenewedAtHalfOfItsLifeWithTheSameExternalPort) {
  drained(lease);
  granted(start, 3600s, "81.2.70.2:4711");
  EXPECT_EQ(lease.deadline(), start + 30min);
  lease.expire(start + 30min - 1ms);
  EXPECT_THAT(asked(), IsEmpty());
  lease.expire(start + 30min);
  EXPECT_THAT(asked(), ElementsAre(Port{4711}));
  granted(start + 30min, 3600s, "81.2.70.2:4711");
  EXPECT_EQ(lease.deadline(), start + 60min);
}

TEST_F(PortLeaseTest, IsRenewedMoreAndMoreOftenWhileNobodyAnswersAndThenEnds) {
  drained(lease);
  granted(start, 64s);
  const auto story = lived(lease, start + 1h);
  EXPECT_THAT(times_of<PortLease::Ask>(story), ElementsAre(32s, 48s, 56s, 60s));
  EXPECT_THAT(times_of<PortLease::Ended>(story), ElementsAre(64s));
  EXPECT_EQ(std::get<PortLease::Ended>(story.back().second).reason, Reason::timeout);
  EXPECT_TRUE(lease.ended());
  EXPECT_EQ(lease.external(), std::nullopt);
}

TEST_F(PortLeaseTest, IsNotRenewedMoreOftenThanEveryFourSecondsWhateverTheGatewayGrants) {  // RFC 6887 section 11.2.1
  drained(lease);
  for (auto now = start; now < start + 60s; now += 4s) {
    granted(now, 6s);
    EXPECT_EQ(lease.deadline(), now + 4s);
    lease.expire(now + 4s);
    EXPECT_THAT(asked(), SizeIs(1));
  }
}

TEST_F(PortLeaseTest, ForEverNeedsNoRenewal) {
  granted(start, std::nullopt);
  EXPECT_EQ(lease.deadline(), std::nullopt);
}

TEST_F(PortLeaseTest, IsGivenUpWhenItIsRefused) {
  drained(lease);
  lease.denied({Transport::tcp, "not-authorized", {}}, start);
  const auto ended = drained_of<PortLease::Ended>(lease);
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_EQ(ended[0].reason, Reason::igd_refused);
  EXPECT_EQ(ended[0].said, "not-authorized");
}

TEST_F(PortLeaseTest, IsKeptToItsEndWhenARenewalIsRefused) {
  held();
  lease.expire(start + 30min);
  lease.denied({Transport::tcp, "no-resources", {}}, start + 30min);
  EXPECT_TRUE(lease.external());
  const auto ended = times_of<PortLease::Ended>(lived(lease, start + 2h));
  EXPECT_THAT(ended, ElementsAre(60min));
}

TEST_F(PortLeaseTest, IsGivenUpWhenNobodyAnswersTheFirstRequest) {
  const auto story = lived(lease, start + 1h);
  EXPECT_THAT(times_of<PortLease::Ended>(story), ElementsAre(PortLease::patience));
}

TEST_F(PortLeaseTest, IsAskedForAgainAtOnceWhenTheGatewayHasForgottenIt) {
  granted(start, 3600s, "81.2.70.2:4711");
  lease.dialled(true, start);
  drained(lease);
  lease.gateway_forgot(start + 1min);
  EXPECT_THAT(asked(), ElementsAre(Port{4711}));
  EXPECT_FALSE(lease.is_proved()) << "what is made anew is to be proved anew";
}

TEST_F(PortLeaseTest, StaysProvedWhenItIsRenewedAndNotWhenItGetsAnotherPort) {
  held();
  lease.dialled(true, start);
  granted(start + 30min);
  EXPECT_TRUE(lease.is_proved());
  granted(start + 60min, 3600s, "81.2.70.2:5000");
  EXPECT_FALSE(lease.is_proved());
}

TEST_F(PortLeaseTest, IsTakenAwayAndMadeAnewOnceWhenItLetsNothingInAndThenGivenUp) {
  held();
  lease.dialled(false, start);
  EXPECT_THAT(drained_of<PortLease::Release>(lease), SizeIs(1));
  EXPECT_EQ(lease.external(), std::nullopt) << "nobody is told of it meanwhile";
  lease.released(start);
  EXPECT_THAT(asked(), ElementsAre(wanted));
  granted(start);
  lease.dialled(false, start);
  const auto again = drained(lease);
  EXPECT_THAT(only<PortLease::Release>(again), SizeIs(1));
  EXPECT_THAT(only<PortLease::Ended>(again), IsEmpty());
  lease.released(start);
  const auto ended = drained_of<PortLease::Ended>(lease);
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_EQ(ended[0].reason, Reason::unreachable);
}

TEST_F(PortLeaseTest, IsWellWhenTheSecondOneLetsThemIn) {
  held();
  lease.dialled(false, start);
  lease.released(start);
  granted(start);
  lease.dialled(true, start);
  EXPECT_TRUE(lease.is_proved());
  EXPECT_TRUE(lease.external());
}

TEST_F(PortLeaseTest, IsMadeAnewAlsoWhenNobodyAnswersItsRemoval) {
  held();
  lease.dialled(false, start);
  drained(lease);
  lease.expire(start + PortLease::repair_patience);
  EXPECT_THAT(asked(), ElementsAre(wanted));
}

TEST_F(PortLeaseTest, IsGivenBackOnceAndEndsWhenThatIsAnswered) {
  held();
  lease.give_back(start);
  lease.give_back(start);
  EXPECT_THAT(drained_of<PortLease::Release>(lease), SizeIs(1));
  EXPECT_FALSE(lease.ended());
  lease.released(start);
  EXPECT_EQ(drained_of<PortLease::Ended>(lease).at(0).reason, Reason::none);
}

TEST_F(PortLeaseTest, IsGivenBackBeforeAnybodyHasAnswered) {
  drained(lease);
  lease.give_back(start);
  EXPECT_THAT(drained_of<PortLease::Release>(lease), SizeIs(1));
  granted(start);
  EXPECT_EQ(lease.external(), std::nullopt);
}

}  // namespace
}  // namespace pshare
