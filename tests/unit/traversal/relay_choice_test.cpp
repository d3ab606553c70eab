// The supernode that is nearest to both together, of those that both trust.
#include "traversal/relay_choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/random.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

PeerId peer(std::uint64_t seed) {
  SeededRandom random{seed};
  PeerId::Digest digest;
  random.fill(digest);
  return PeerId{digest};
}

const PeerId us = peer(100), them = peer(101);

NearRelay ours(std::uint64_t seed, Duration round_trip) { return {{peer(seed), {*Endpoint::parse("192.0.2.1:1")}, true}, round_trip}; }

std::vector<PeerId> order(const std::vector<NearRelay>& near, const std::vector<RelaysNear::Distance>& theirs) {
  std::vector<PeerId> out;
  for (const auto& each : relays_for_both(near, theirs, us, them)) out.push_back(each.listing.relay);
  return out;
}

TEST(RelayChoice, TakesTheLowestSumOfBothRoundTrips) {
  const std::vector near{ours(1, 10ms), ours(2, 40ms), ours(3, 60ms)};
  EXPECT_THAT(order(near, {{peer(1), 90ms}, {peer(2), 20ms}, {peer(3), 20ms}}), ElementsAre(peer(2), peer(3), peer(1)));
}

TEST(RelayChoice, LeavesOutWhatOneSideAloneTrustsOrReaches) {
  EXPECT_THAT(order({ours(1, 10ms), ours(2, 40ms)}, {{peer(2), 20ms}, {peer(3), 1ms}}), ElementsAre(peer(2)));
  EXPECT_THAT(order({ours(1, 10ms)}, {}), IsEmpty());
}

TEST(RelayChoice, TakesNeitherOfThePeers) {
  EXPECT_THAT(order({ours(100, 1ms), ours(101, 1ms)}, {{us, 1ms}, {them, 1ms}}), IsEmpty());
}

TEST(RelayChoice, IsTheSameEachTimeOnATie) {
  const std::vector<RelaysNear::Distance> theirs{{peer(1), 20ms}, {peer(2), 20ms}};
  EXPECT_EQ(order({ours(1, 10ms), ours(2, 10ms)}, theirs), order({ours(2, 10ms), ours(1, 10ms)}, theirs));
}

}  // namespace
}  // namespace pshare
