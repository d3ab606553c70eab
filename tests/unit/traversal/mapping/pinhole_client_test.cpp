// What is asked of a UPnP gateway's firewall, and what its answers mean.
#include "traversal/mapping/pinhole_client.hpp"

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
using Add = PinholeClient::Add;
using Update = PinholeClient::Update;
using Delete = PinholeClient::Delete;

static_assert(Core<PinholeClient>);

constexpr Port local{4700};
const auto own = ip("2001:db8:70::10");
const MappingGranted granted{Transport::tcp, {own, local}, 1200s};

struct PinholeClientTest : ::testing::Test {
  PinholeClientTest() {
    client.found({});
    drained(client);
  }
  void asks(std::chrono::seconds lifetime = 1200s) { client.map(Transport::tcp, local, lifetime); }
  void has_one(PinholeId id = {7}) {
    asks();
    client.added(Transport::tcp, id);
    drained(client);
  }
  template <typename Action>
  std::vector<Action> asked() { return drained_of<Action>(client); }

  PinholeClient client{own};
};

TEST(PinholeClient, LooksForAFirewallAtOnce) {
  PinholeClient client{own};
  EXPECT_THAT(drained_of<PinholeClient::Search>(client), SizeIs(1));
}

TEST_F(PinholeClientTest, TellsAFirewallFromNoneAndFromOneThatAllowsNoPinholes) {
  client.found({});
  EXPECT_THAT(asked<GatewayAnswers>(), ElementsAre(GatewayAnswers{}));
  client.absent();
  EXPECT_THAT(asked<GatewayUnusable>(), ElementsAre(GatewayUnusable{Reason::no_igd, ""}));
  client.found({.enabled = true, .pinholes_allowed = false});
  EXPECT_THAT(asked<GatewayUnusable>(), ElementsAre(GatewayUnusable{Reason::igd_refused, "inbound-pinhole-not-allowed"}));
}

TEST_F(PinholeClientTest, NeedsNothingOfAFirewallThatIsOffWhateverItAllows) {
  for (const bool allowed : {false, true}) {
    client.found({.enabled = false, .pinholes_allowed = allowed});
    const auto said = drained(client);
    ASSERT_THAT(said, SizeIs(1));
    EXPECT_TRUE(std::holds_alternative<GatewayUnneeded>(said[0]));
  }
}

TEST_F(PinholeClientTest, IsGrantedWhatItAsksFor) {
  asks();
  EXPECT_THAT(asked<Add>(), ElementsAre(Add{Transport::tcp, local, 1200s}));
  client.added(Transport::tcp, {7});
  EXPECT_THAT(asked<MappingGranted>(), ElementsAre(granted));
}

TEST_F(PinholeClientTest, AsksForNoLongerThanTheDocumentAllows) {
  asks(48h);
  EXPECT_THAT(asked<Add>(), ElementsAre(Add{Transport::tcp, local, 86'400s}));
}

TEST_F(PinholeClientTest, IsRenewedByItsNumber) {
  has_one();
  asks();
  EXPECT_THAT(drained(client), ElementsAre(::testing::VariantWith<Update>(Update{Transport::tcp, {7}, 1200s})));
  client.updated(Transport::tcp);
  EXPECT_THAT(asked<MappingGranted>(), ElementsAre(granted));
}

TEST_F(PinholeClientTest, IsAskedForAnewWhereItsRenewalIsRefused) {
  for (const int error : {704, 402}) {  // the document's, miniupnpd's
    has_one({7});
    asks();
    drained(client);
    client.denied(Transport::tcp, error, "");
    EXPECT_THAT(asked<Add>(), ElementsAre(Add{Transport::tcp, local, 1200s})) << error;
    client.added(Transport::tcp, {8});
    EXPECT_THAT(asked<MappingGranted>(), ElementsAre(granted));
    client.release(Transport::tcp);
    EXPECT_THAT(asked<Delete>(), ElementsAre(Delete{Transport::tcp, {8}}));
    client.deleted(Transport::tcp);
    drained(client);
  }
}

TEST_F(PinholeClientTest, IsTakenAwayByItsOldNumberWhereNoNewOneIsGiven) {
  has_one({7});
  asks();
  client.denied(Transport::tcp, 606, "");
  drained(client);
  client.denied(Transport::tcp, 606, "");
  EXPECT_THAT(asked<MappingDenied>(), ElementsAre(MappingDenied{Transport::tcp, "606 not-authorized", {}}));
  client.release(Transport::tcp);
  EXPECT_THAT(asked<Delete>(), ElementsAre(Delete{Transport::tcp, {7}}));
}

TEST_F(PinholeClientTest, SurvivesARenewalThatGotLost) {
  has_one();
  asks();
  drained(client);
  client.failed(Transport::tcp, "timed out");
  EXPECT_THAT(asked<MappingDenied>(), ElementsAre(MappingDenied{Transport::tcp, "timed out", {}}));
  asks();
  EXPECT_THAT(asked<Update>(), ElementsAre(Update{Transport::tcp, {7}, 1200s}));
}

TEST_F(PinholeClientTest, IsDeletedByItsNumberAndReleasedThen) {
  has_one();
  client.release(Transport::tcp);
  EXPECT_THAT(drained(client), ElementsAre(::testing::VariantWith<Delete>(Delete{Transport::tcp, {7}})));
  client.release(Transport::tcp);
  EXPECT_THAT(drained(client), IsEmpty()) << "the answer is still to come";
  client.deleted(Transport::tcp);
  EXPECT_THAT(asked<MappingReleased>(), SizeIs(1));
}

TEST_F(PinholeClientTest, IsDeletedWhenItsNumberComesThoughNobodyWantsItAnyMore) {
  asks();
  client.release(Transport::tcp);
  drained(client);
  client.added(Transport::tcp, {7});
  EXPECT_THAT(drained(client), ElementsAre(::testing::VariantWith<Delete>(Delete{Transport::tcp, {7}})));
  client.deleted(Transport::tcp);
  EXPECT_THAT(asked<MappingReleased>(), SizeIs(1));
}

TEST_F(PinholeClientTest, IsReleasedWhereWhatWasAskedForAndNotWantedIsRefused) {
  asks();
  client.release(Transport::tcp);
  drained(client);
  client.denied(Transport::tcp, 701, "");
  EXPECT_THAT(asked<MappingReleased>(), SizeIs(1));
}

TEST_F(PinholeClientTest, IsNotReleasedByAnEarlierDeletionWhileAnotherIsToCome) {
  has_one({7});
  client.release(Transport::tcp);
  asks();
  client.release(Transport::tcp);
  drained(client);
  client.deleted(Transport::tcp);
  EXPECT_THAT(drained(client), IsEmpty());
  client.added(Transport::tcp, {8});
  EXPECT_THAT(asked<Delete>(), ElementsAre(Delete{Transport::tcp, {8}}));
}

TEST_F(PinholeClientTest, TakesAwayWhatNobodyAskedFor) {
  client.added(Transport::udp, {9});
  EXPECT_THAT(asked<Delete>(), ElementsAre(Delete{Transport::udp, {9}}));
}

TEST_F(PinholeClientTest, WithoutAPinholeAsksNothingToReleaseIt) {
  client.release(Transport::udp);
  EXPECT_THAT(drained(client), ElementsAre(::testing::VariantWith<MappingReleased>(MappingReleased{Transport::udp})));
}

TEST_F(PinholeClientTest, KeepsTcpAndUdpApart) {
  has_one({7});
  client.map(Transport::udp, local, 1200s);
  client.added(Transport::udp, {8});
  drained(client);
  client.release(Transport::tcp);
  EXPECT_THAT(asked<Delete>(), ElementsAre(Delete{Transport::tcp, {7}}));
}

TEST_F(PinholeClientTest, LearnsFromARefusalThatTheFirewallIsOff) {
  asks();
  drained(client);
  client.denied(Transport::tcp, 702, "FirewallDisabled");
  EXPECT_THAT(drained(client), ElementsAre(::testing::VariantWith<GatewayUnneeded>(GatewayUnneeded{}),
                                           ::testing::VariantWith<MappingDenied>(MappingDenied{Transport::tcp, "702 firewall-disabled", {}})));
}

TEST_F(PinholeClientTest, HasWordsForTheDocumentsErrorsAndTheGatewaysForOthers) {
  const std::pair<int, std::string_view> known[] = {{606, "not-authorized"},
                                                    {701, "pinhole-space-exhausted"},
                                                    {703, "inbound-pinhole-not-allowed"},
                                                    {704, "no-such-entry"},
                                                    {705, "protocol-not-supported"},
                                                    {706, "internal-port-wildcarding-not-allowed"},
                                                    {707, "protocol-wildcarding-not-allowed"},
                                                    {708, "wildcard-not-permitted-in-source-address"},
                                                    {709, "no-packet-sent"},
                                                    {501, "as it says"}};
  for (const auto& [error, words] : known) {
    asks();
    drained(client);
    client.denied(Transport::tcp, error, "as it says");
    EXPECT_THAT(asked<MappingDenied>(), ElementsAre(MappingDenied{Transport::tcp, std::to_string(error) + " " + std::string{words}, {}}));
  }
}

}  // namespace
}  // namespace pshare
