// What is asked of a UPnP gateway, and what its errors mean.
#include "traversal/mapping/igd_client.hpp"

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

static_assert(Core<IgdClient>);

constexpr Port local{4700};
const auto outside = ip("81.2.70.2");

struct IgdClientTest : ::testing::Test {
  SeededRandom random{7};
  IgdClient client{random};

  void is_there() {
    client.found(outside);
    drained(client);
  }
  void asks() { client.map(Transport::tcp, local, local, 3600s); }
  IgdClient::Add added() { return drained_of<IgdClient::Add>(client).at(0); }
};

TEST_F(IgdClientTest, LooksForAGatewayAtOnce) { EXPECT_THAT(drained_of<IgdClient::Search>(client), SizeIs(1)); }

TEST_F(IgdClientTest, TellsAGatewayFromNoneAndFromOneThatIsNotConnected) {
  client.found(outside);
  EXPECT_THAT(drained_of<GatewayAnswers>(client), ElementsAre(GatewayAnswers{outside}));
  client.absent();
  EXPECT_THAT(drained_of<GatewayUnusable>(client), ElementsAre(GatewayUnusable{Reason::no_igd, ""}));
  client.found(std::nullopt);
  EXPECT_THAT(drained_of<GatewayUnusable>(client), ElementsAre(GatewayUnusable{Reason::unreachable, "not-connected"}));
}

TEST_F(IgdClientTest, IsGrantedWhatItAsksFor) {
  is_there();
  asks();
  EXPECT_EQ(added(), (IgdClient::Add{Transport::tcp, local, local, 3600s}));
  client.added(Transport::tcp);
  EXPECT_THAT(drained_of<MappingGranted>(client), ElementsAre(MappingGranted{Transport::tcp, {outside, local}, 3600s}));
}

TEST_F(IgdClientTest, MapsForEverWhereNothingElseIsAllowed) {
  is_there();
  asks();
  drained(client);
  client.denied(Transport::tcp, 725, "OnlyPermanentLeasesSupported");
  EXPECT_EQ(added(), (IgdClient::Add{Transport::tcp, local, local, 0s}));
  client.added(Transport::tcp);
  EXPECT_THAT(drained_of<MappingGranted>(client), ElementsAre(MappingGranted{Transport::tcp, {outside, local}, std::nullopt}));
}

TEST_F(IgdClientTest, TriesOtherPortsWhereOneIsAnothersAndThenNoMore) {
  is_there();
  asks();
  auto last = added();
  for (int tries = 1; tries < IgdClient::tries; ++tries) {
    client.denied(Transport::tcp, 718, "ConflictInMappingEntry");
    const auto next = added();
    EXPECT_NE(next.external, last.external);
    EXPECT_EQ(next.internal, local);
    last = next;
  }
  client.denied(Transport::tcp, 718, "ConflictInMappingEntry");
  EXPECT_THAT(drained(client), SizeIs(1));
}

TEST_F(IgdClientTest, SaysTheErrorThatItIsDeniedWith) {
  is_there();
  asks();
  drained(client);
  client.denied(Transport::tcp, 606, "Action not authorized");
  EXPECT_THAT(drained_of<MappingDenied>(client), ElementsAre(MappingDenied{Transport::tcp, "606 Action not authorized", {}}));
}

TEST_F(IgdClientTest, TakesAwayWhatItHoldsUnderThePortThatItHas) {
  is_there();
  asks();
  drained(client);
  client.denied(Transport::tcp, 718, "");
  const auto other = added().external;
  client.added(Transport::tcp);
  drained(client);
  client.release(Transport::tcp);
  EXPECT_THAT(drained_of<IgdClient::Delete>(client), ElementsAre(IgdClient::Delete{Transport::tcp, other}));
  client.deleted(Transport::tcp);
  EXPECT_THAT(drained_of<MappingReleased>(client), SizeIs(1));
}

TEST_F(IgdClientTest, TakesAwayWhatWasAskedForAndNotAnsweredYet) {
  is_there();
  asks();
  client.release(Transport::tcp);
  EXPECT_THAT(drained_of<IgdClient::Delete>(client), SizeIs(1));
  client.added(Transport::tcp);
  EXPECT_THAT(drained(client), IsEmpty());
}

TEST_F(IgdClientTest, ReleasesAtOnceWhatItDoesNotHold) {
  is_there();
  client.release(Transport::udp);
  EXPECT_THAT(drained(client), SizeIs(1));
}

}  // namespace
}  // namespace pshare
