// Real packets in and out. The literal ones are laid out by hand after RFC 791, 768, 9293 and 8200.
#include "ip_packet.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pshare::natlab {
namespace {

using sim::IcmpError;
using sim::Packet;
using sim::Protocol;

Endpoint endpoint(std::string_view text) { return value_or_throw(Endpoint::parse(text)); }

ByteBuffer bytes_from_hex(std::string_view hex) {
  ByteBuffer out;
  std::string digits;
  for (const char c : hex) {
    if (c == ' ') continue;
    digits += c;
    if (digits.size() == 2) out.push_back(static_cast<std::byte>(std::stoi(digits, nullptr, 16))), digits.clear();
  }
  return out;
}

std::uint16_t sum_over(ByteView bytes, std::uint64_t sum = 0) {
  for (std::size_t i = 0; i < bytes.size(); i += 2)
    sum += std::to_integer<unsigned>(bytes[i]) << 8 | (i + 1 < bytes.size() ? std::to_integer<unsigned>(bytes[i + 1]) : 0u);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

/// RFC 1071: over all that a checksum covers, itself included, the sum is all ones.
void expect_right_checksums(ByteView ip) {
  const bool v4 = ip[0] >> 4 == std::byte{4};
  const auto body = ip.subspan(v4 ? 20 : 40);
  const auto protocol = std::to_integer<unsigned>(v4 ? ip[9] : ip[6]);
  if (v4) {
    EXPECT_EQ(sum_over(ip.first(20)), 0xffff);
  }
  const auto addresses = v4 ? ip.subspan(12, 8) : ip.subspan(8, 32);
  EXPECT_EQ(sum_over(body, protocol == 1 ? 0 : sum_over(addresses) + body.size() + protocol), 0xffff);
}

Packet udp_packet(std::string_view from, std::string_view to, std::string_view text) {
  Packet packet;
  packet.flow = {Protocol::udp, endpoint(from), endpoint(to)};
  packet.body = buffer_of(bytes_of(text));
  return packet;
}

// "ping": 127.0.0.1:54321 -> 127.0.0.1:4700, DF set, no options.
const auto udp_by_hand = bytes_from_hex("4500 0020 0000 4000 4011 3ccb 7f00 0001 7f00 0001 d431 125c 000c fe1f 7069 6e67");

TEST(IpPacket, ReadsTheFieldsWhereTheDocumentsPutThem) {
  const auto packet = packet_from(udp_by_hand);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->flow.from, endpoint("127.0.0.1:54321"));
  EXPECT_EQ(packet->flow.to, endpoint("127.0.0.1:4700"));
  EXPECT_EQ(packet->ttl, 64);
  EXPECT_EQ(packet->size, 32u);
  EXPECT_FALSE(packet->may_be_fragmented);
  EXPECT_EQ(text_of(packet->body), "ping");
}

TEST(IpPacket, IsTheSameOnTheWayOutBothFamiliesAndEveryLength) {
  for (const auto& [from, to] : {std::pair{"10.0.0.1:1", "192.0.2.1:65535"}, std::pair{"[2001:db8::1]:1", "[2001:db8::ffff]:65535"}})
    for (const std::size_t length : {0, 1, 2, 3, 1000, 1001, 1452}) {
      auto packet = udp_packet(from, to, std::string(length, 'x'));
      packet.traffic_class = 0xb9, packet.ttl = 7;
      const auto ip = ip_from(packet);
      expect_right_checksums(ip);
      const auto back = packet_from(ip);
      ASSERT_TRUE(back);
      EXPECT_EQ(back->flow, packet.flow);
      EXPECT_EQ(back->body, packet.body);
      EXPECT_EQ(back->traffic_class, 0xb9);
      EXPECT_EQ(back->ttl, 7);
      EXPECT_EQ(back->size, ip.size());
    }
}

TEST(IpPacket, KeepsATcpSegmentWithItsOptionsAndGivesItNewPortsAndChecksum) {
  // A SYN with MSS, SACK permitted, timestamps and window scale; the checksum is filled in on the way out.
  Packet packet;
  packet.flow = {Protocol::tcp, endpoint("10.0.0.1:1111"), endpoint("10.0.0.2:2222")};
  packet.body = bytes_from_hex("0457 08ae 0102 0304 0000 0000 a002 faf0 0000 0000 0204 05b4 0402 080a 0011 2233 0000 0000 0103 0307");
  const auto first = ip_from(packet);
  expect_right_checksums(first);
  auto read = packet_from(first);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->tcp.opens());
  EXPECT_EQ(read->tcp.sequence, 0x01020304u);
  read->flow.from = endpoint("81.2.70.2:40000");
  const auto translated = ip_from(*read);
  expect_right_checksums(translated);
  EXPECT_TRUE(std::ranges::equal(ByteView{translated}.subspan(40), ByteView{first}.subspan(40)));  // the options
  EXPECT_EQ(packet_from(translated)->flow.from, endpoint("81.2.70.2:40000"));
}

TEST(IpPacket, MakesAResetThatAHostUnderstands) {
  Packet syn;
  syn.flow = {Protocol::tcp, endpoint("10.0.0.1:1111"), endpoint("10.0.0.2:2222")};
  syn.tcp = {.sequence = 99, .syn = true};
  const auto ip = ip_from(*sim::reset_for(syn));
  expect_right_checksums(ip);
  const auto reset = packet_from(ip);
  ASSERT_TRUE(reset);
  EXPECT_EQ(reset->flow, syn.flow.reversed());
  EXPECT_TRUE(reset->tcp.rst && reset->tcp.ack);
  EXPECT_EQ(reset->tcp.acknowledgement, 100u);
}

TEST(IpPacket, CarriesErrorsWithWhatTheyAreAbout) {
  for (const auto& [from, to, reporter] : {std::tuple{"10.0.0.1:1111", "192.0.2.1:2222", "10.0.0.254"},
                                           std::tuple{"[2001:db8::1]:1111", "[2001:db8::2]:2222", "2001:db8::fe"}})
    for (const auto kind : {IcmpError::Kind::network_unreachable, IcmpError::Kind::host_unreachable, IcmpError::Kind::port_unreachable,
                            IcmpError::Kind::prohibited, IcmpError::Kind::time_exceeded, IcmpError::Kind::packet_too_big}) {
      const auto dead = udp_packet(from, to, "lost");
      auto error = *sim::error_about(dead, kind, value_or_throw(IpAddress::parse(reporter)));
      if (kind == IcmpError::Kind::packet_too_big) error.error->mtu = 1280;
      const auto ip = ip_from(error);
      expect_right_checksums(ip);
      const auto read = packet_from(ip);
      ASSERT_TRUE(read && read->error);
      EXPECT_EQ(read->error->kind, kind);
      EXPECT_EQ(read->error->quoted, dead.flow);
      EXPECT_EQ(read->error->mtu, kind == IcmpError::Kind::packet_too_big ? 1280u : 0u);
      EXPECT_EQ(read->flow.from.address.text(), reporter);
      EXPECT_EQ(read->flow.to.address, dead.flow.from.address);
    }
}

TEST(IpPacket, CarriesAnEchoAndItsReplyByTheIdentifierThatANatHasChosen) {
  Packet echo;
  echo.flow = {Protocol::icmp_echo, endpoint("10.0.0.1:77"), endpoint("192.0.2.1:77")};
  echo.body = bytes_from_hex("0001 6162");  // sequence number, data
  echo.flow.from = endpoint("81.2.70.2:1024");
  const auto out = packet_from(ip_from(echo));
  ASSERT_TRUE(out);
  EXPECT_FALSE(out->echo_reply);
  EXPECT_EQ(out->flow.from.port, Port{1024});
  EXPECT_EQ(out->body, echo.body);
  Packet reply = echo;
  reply.echo_reply = true;
  reply.flow = {Protocol::icmp_echo, endpoint("192.0.2.1:1024"), endpoint("10.0.0.1:77")};
  const auto back = packet_from(ip_from(reply));
  ASSERT_TRUE(back);
  EXPECT_TRUE(back->echo_reply);
  EXPECT_EQ(back->flow.to.port, Port{77});
}

TEST(IpPacket, LeavesOutWhatItCannotForward) {
  auto fragment = udp_by_hand;
  fragment[6] = std::byte{0x20};  // more fragments
  EXPECT_FALSE(packet_from(fragment));
  auto other = udp_by_hand;
  other[9] = std::byte{47};  // GRE
  EXPECT_FALSE(packet_from(other));
  EXPECT_FALSE(packet_from({}));
  // An IPv6 router solicitation, such as a kernel sends when a device comes up.
  EXPECT_FALSE(packet_from(bytes_from_hex("6000 0000 0008 3aff fe80 0000 0000 0000 0000 0000 0000 0001 ff02 0000 0000 0000 0000 0000 0000 0002 8500 7bb9 0000 0000")));
}

TEST(IpPacket, SurvivesBeingCutAnywhere) {
  const auto error = ip_from(*sim::error_about(udp_packet("10.0.0.1:1", "10.0.0.2:2", "x"), IcmpError::Kind::host_unreachable, IpAddress{}));
  for (const auto& whole : {udp_by_hand, error})
    for (std::size_t length = 0; length < whole.size(); ++length)
      if (const auto packet = packet_from(ByteView{whole}.first(length))) {
        EXPECT_LE(packet->body.size(), length);
      }
}

}  // namespace
}  // namespace pshare::natlab
