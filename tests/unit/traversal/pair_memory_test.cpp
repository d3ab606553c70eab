// What is remembered of two networks: when it is found again, what the file tells, and that no file can do harm.
#include "traversal/pair_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace pshare {
namespace {

IpAddress address(std::string_view text) { return value_or_throw(IpAddress::parse(text)); }

PeerId somebody(std::uint8_t number) {
  PeerId::Digest digest{};
  digest.front() = std::byte{number};
  return PeerId{digest};
}

NetworkPair home_and_bob() {
  return {.own_external = {address("198.51.100.7"), address("2001:db8:1:2:aaaa::1")},
          .own_default = LocalAddress{address("192.168.1.20"), 24},
          .peer = somebody(1),
          .peer_external = {address("203.0.113.9")}};
}

constexpr Remembered over_udp{Tier::punched, Transport::udp, Way::measured, UnixTime{std::chrono::seconds{1'800'000'000}}};
constexpr Remembered over_tcp{Tier::direct, Transport::tcp, Way::plain, UnixTime{std::chrono::seconds{1'800'000'100}}};

class APairMemory : public testing::Test {
 public:
  PairMemory fresh() { return PairMemory::fresh(random_); }
  SeededRandom random_{7};
};

TEST_F(APairMemory, RecallsWhatWorkedLastBetweenTheSameTwoNetworks) {
  auto memory = fresh();
  EXPECT_FALSE(memory.recall(home_and_bob()));
  memory.remember(home_and_bob(), over_udp);
  EXPECT_EQ(memory.recall(home_and_bob()), over_udp);
  memory.remember(home_and_bob(), over_tcp);
  EXPECT_EQ(memory.recall(home_and_bob()), over_tcp);
  EXPECT_EQ(memory.size(), 1u);
}

TEST_F(APairMemory, KnowsTheSameNetworksInAnotherGuise) {
  auto memory = fresh();
  memory.remember(home_and_bob(), over_udp);
  auto same = home_and_bob();
  std::ranges::reverse(same.own_external);
  same.own_external.push_back(same.own_external.front());
  same.own_default = LocalAddress{address("192.168.1.77"), 24, 3};
  EXPECT_EQ(memory.recall(same), over_udp) << "another order, another address in the subnet";
  same.own_external.front() = address("2001:db8:1:2:bbbb::77");
  std::erase(same.own_external, address("2001:db8:1:2:aaaa::1"));
  EXPECT_EQ(memory.recall(same), over_udp) << "another IPv6 address of today";
}

TEST_F(APairMemory, TakesNoOtherNetworkOrPeerForThese) {
  auto memory = fresh();
  memory.remember(home_and_bob(), over_udp);
  const std::vector<std::pair<const char*, void (*)(NetworkPair&)>> changes{
      {"another peer", [](NetworkPair& it) { it.peer = somebody(2); }},
      {"our address", [](NetworkPair& it) { it.own_external.front() = address("198.51.100.8"); }},
      {"our IPv6 network", [](NetworkPair& it) { it.own_external.back() = address("2001:db8:1:3:aaaa::1"); }},
      {"no IPv6", [](NetworkPair& it) { it.own_external.pop_back(); }},
      {"another subnet", [](NetworkPair& it) { it.own_default->address = address("192.168.2.20"); }},
      {"a subnet of another length", [](NetworkPair& it) { it.own_default = LocalAddress{address("192.168.1.20"), 28}; }},
      {"no subnet", [](NetworkPair& it) { it.own_default.reset(); }},
      {"the peer's address", [](NetworkPair& it) { it.peer_external.front() = address("203.0.113.10"); }},
      {"the other way round", [](NetworkPair& it) { std::swap(it.own_external, it.peer_external); }},
      {"an address on the other side", [](NetworkPair& it) { it.peer_external.push_back(it.own_external.back()), it.own_external.pop_back(); }},
  };
  for (const auto& [what, change] : changes) {
    auto other = home_and_bob();
    change(other);
    EXPECT_FALSE(memory.recall(other)) << what;
  }
}

TEST_F(APairMemory, SurvivesBeingWrittenAndRead) {
  auto memory = fresh();
  memory.remember(home_and_bob(), over_udp);
  auto other = home_and_bob();
  other.peer = somebody(2);
  memory.remember(other, over_tcp);
  const auto read = PairMemory::decode(memory.encode());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->recall(home_and_bob()), over_udp);
  EXPECT_EQ(read->recall(other), over_tcp);
  EXPECT_EQ(read->encode(), memory.encode());
}

TEST_F(APairMemory, ForgetsTheOldestAboveItsMost) {
  auto memory = fresh();
  const auto pair = [](std::size_t number) {
    auto out = home_and_bob();
    out.peer_external = {IpAddress{IpAddress::V4{std::byte{10}, {}, static_cast<std::byte>(number >> 8), static_cast<std::byte>(number)}}};
    return out;
  };
  for (std::size_t i = 0; i < PairMemory::max_pairs; ++i) memory.remember(pair(i), over_udp);
  memory.remember(pair(0), over_tcp);
  memory.remember(pair(PairMemory::max_pairs), over_udp);
  EXPECT_EQ(memory.size(), PairMemory::max_pairs);
  EXPECT_TRUE(memory.recall(pair(0))) << "it was renewed";
  EXPECT_FALSE(memory.recall(pair(1)));
  EXPECT_TRUE(memory.recall(pair(2)));
  EXPECT_TRUE(memory.recall(pair(PairMemory::max_pairs)));
  EXPECT_EQ(memory.encode().size(), PairMemory::max_file);
  EXPECT_TRUE(PairMemory::decode(memory.encode()));
}

TEST_F(APairMemory, TellsNobodyWhoOrWhere) {
  auto one = fresh(), other = fresh();
  one.remember(home_and_bob(), over_udp);
  other.remember(home_and_bob(), over_udp);
  const auto first = one.encode(), second = other.encode();
  const auto contains = [&](ByteView wanted) { return !std::ranges::search(first, wanted).empty(); };
  EXPECT_FALSE(contains(address("198.51.100.7").bytes()));
  EXPECT_FALSE(contains(address("203.0.113.9").bytes()));
  EXPECT_FALSE(contains(ByteView{home_and_bob().peer.digest()}.first(8)));
  constexpr std::size_t tag_at = 15 + 32 + 2;
  EXPECT_FALSE(std::equal(first.begin() + tag_at, first.begin() + tag_at + 16, second.begin() + tag_at)) << "another machine's file does not match";
}

TEST_F(APairMemory, ReadsNothingFromAFileThatIsTornOrForged) {
  auto memory = fresh();
  memory.remember(home_and_bob(), over_udp);
  const auto whole = memory.encode();
  for (std::size_t length = 0; length < whole.size(); ++length) EXPECT_FALSE(PairMemory::decode(ByteView{whole}.first(length))) << length;
  auto longer = whole;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(PairMemory::decode(longer));

  constexpr std::size_t entry = 15 + 32 + 2;
  const auto with = [&](std::size_t at, int value) {
    auto bytes = whole;
    bytes[at] = static_cast<std::byte>(value);
    return bytes;
  };
  EXPECT_FALSE(PairMemory::decode(with(0, 'P'))) << "another kind of file";
  EXPECT_FALSE(PairMemory::decode(with(entry - 1, 2))) << "an entry too few";
  EXPECT_FALSE(PairMemory::decode(with(entry + 16, 5))) << "no such tier";
  EXPECT_FALSE(PairMemory::decode(with(entry + 17, 2))) << "no such transport";
  EXPECT_FALSE(PairMemory::decode(with(entry + 18, 2))) << "no such way";
  EXPECT_FALSE(PairMemory::decode(with(entry + 19, 1))) << "no such time";
  EXPECT_TRUE(PairMemory::decode(with(entry + 16, 4)));

  auto twice = whole;
  twice[entry - 1] = std::byte{2};
  twice.insert(twice.end(), whole.begin() + entry, whole.end());
  EXPECT_FALSE(PairMemory::decode(twice)) << "the same pair twice";

  auto too_many = ByteBuffer(whole.begin(), whole.begin() + entry);
  too_many[entry - 2] = std::byte{1}, too_many[entry - 1] = std::byte{1};
  for (std::size_t i = 0; i <= PairMemory::max_pairs; ++i) {
    auto one = ByteBuffer(whole.begin() + entry, whole.end());
    one[0] = static_cast<std::byte>(i), one[1] = static_cast<std::byte>(i >> 8);
    too_many.insert(too_many.end(), one.begin(), one.end());
  }
  EXPECT_FALSE(PairMemory::decode(too_many));
}

TEST_F(APairMemory, WritesTimesThatItCanRead) {
  auto memory = fresh();
  auto strange = over_udp;
  strange.when = UnixTime{std::chrono::seconds{-5}};
  memory.remember(home_and_bob(), strange);
  const auto read = PairMemory::decode(memory.encode());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->recall(home_and_bob())->when, UnixTime{});
}

}  // namespace
}  // namespace pshare
