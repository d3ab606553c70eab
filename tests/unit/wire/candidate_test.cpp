// Candidates on the wire: what cannot be used is left out, whoever sent it.
#include "wire/candidate.hpp"

#include <gmock/gmock.h>

namespace pshare {
namespace {

Candidate candidate(std::string_view endpoint, Candidate::Type type = Candidate::Type::host, Transport transport = Transport::tcp) {
  return {.type = type, .transport = transport, .endpoint = Endpoint::parse(endpoint).value()};
}

TEST(Candidate, ReadsBackEveryTypeTransportAndFamily) {
  for (const auto type : {Candidate::Type::host, Candidate::Type::manual, Candidate::Type::server_reflexive, Candidate::Type::mapped,
                          Candidate::Type::relayed})
    for (const auto transport : {Transport::tcp, Transport::udp})
      for (const auto* endpoint : {"192.0.2.1:4700", "[2001:db8::1]:65535", "127.0.0.1:1"})
        EXPECT_EQ(candidate_from(encode(candidate(endpoint, type, transport))), candidate(endpoint, type, transport));
}

TEST(Candidate, ThatCannotBeUsedIsNothing) {
  const auto good = encode(candidate("192.0.2.1:4700"));
  ASSERT_TRUE(candidate_from(good));
  const auto with = [&](auto change) {
    auto map = good;
    change(map);
    return candidate_from(map);
  };
  const std::array<std::byte, 4> unspecified{};
  EXPECT_FALSE(with([](CborMap& map) { map.set("type", "teleport"); }));
  EXPECT_FALSE(with([](CborMap& map) { map.set("transport", "sctp"); }));
  EXPECT_FALSE(with([](CborMap& map) { map.set("port", std::uint64_t{0}); }));
  EXPECT_FALSE(with([](CborMap& map) { map.set("port", std::uint64_t{65'536}); }));
  EXPECT_FALSE(with([](CborMap& map) { map.set_bytes("address", bytes_of("abc")); }));
  EXPECT_FALSE(with([&](CborMap& map) { map.set_bytes("address", unspecified); }));
  EXPECT_FALSE(with([](CborMap& map) { map.set_bytes("address", IpAddress::parse("224.0.0.1")->bytes()); }));
  EXPECT_FALSE(candidate_from(CborMap{}));
}

TEST(Candidates, KeepsThoseThatCanBeUsed) {
  auto maps = encode(std::vector{candidate("192.0.2.1:1"), candidate("192.0.2.2:2"), candidate("192.0.2.3:3")});
  maps[1].set("type", "of a later version");
  EXPECT_THAT(candidates_from(maps), ::testing::ElementsAre(candidate("192.0.2.1:1"), candidate("192.0.2.3:3")));
}

TEST(Candidates, TakesNoMoreThanItsLimit) {
  const std::vector many(max_candidates + 5, candidate("192.0.2.1:1"));
  EXPECT_EQ(candidates_from(encode(many)).size(), max_candidates);
}

}  // namespace
}  // namespace pshare
