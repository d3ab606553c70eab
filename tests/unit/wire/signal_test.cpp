// Offers and answers between two peers, before sealing.
#include "wire/signal.hpp"

#include <gmock/gmock.h>

#include "wire/cbor.hpp"
#include "wire/control.hpp"
#include "wire/random.hpp"
#include "wire/ticket.hpp"

namespace pshare {
namespace {

using ::testing::HasSubstr;

SessionId session() {
  SeededRandom random{3};
  return SessionId::random(random);
}

Candidate host(std::string_view endpoint) { return {.endpoint = Endpoint::parse(endpoint).value()}; }

Offer some_offer() {
  Offer offer{.session = session(), .transfer = {}, .from_name = "alice", .summary = {}, .candidates = {host("192.0.2.1:4701")}, .lanes = 4};
  offer.transfer.bytes.fill(std::byte{9});
  offer.summary = {.files = 2, .entries = 3, .bytes = 1'000'000, .names = {"film.mkv", "not \xFF utf8\n"}, .text = std::nullopt};
  return offer;
}

template <typename Kind>
Kind again(const Kind& signal) {
  return std::get<Kind>(decode_signal(encode(Signal{signal})).value());
}

CborMap of_kind(std::string_view kind) {
  CborMap map;
  map.set("t", kind).set("v", peer_protocol_version).set_bytes("session", session().bytes);
  return map;
}

TEST(Offer, IsReadBackWhole) { EXPECT_EQ(again(some_offer()), some_offer()); }

TEST(Offer, OfAStreamHasNoLength) {
  auto offer = some_offer();
  offer.summary.bytes = std::nullopt;
  EXPECT_EQ(again(offer), offer);
}

TEST(Offer, OfATextCarriesItWhateverItHolds) {
  auto offer = some_offer();
  offer.summary = {.files = 0, .entries = 0, .bytes = std::nullopt, .names = {}, .text = std::string{"hi \xC3\xA9\0\x1B[31m", 11}};
  EXPECT_EQ(again(offer), offer);
}

TEST(Offer, FitsTheServersLimitAtItsLargest) {
  auto offer = some_offer();
  offer.candidates.assign(max_candidates, host("[2001:db8:1234:5678:9abc:def0:1234:5678]:65535"));
  offer.summary.names.assign(max_offered_names, std::string(max_offered_name, 'n'));
  offer.summary.text = std::string(max_text, 't');
  const auto encoded = encode(Signal{offer});
  constexpr std::size_t sealing_adds = 256;
  EXPECT_LE(encoded.size() + sealing_adds, max_signal_body);
  EXPECT_EQ(again(offer), offer);
}

TEST(Offer, WithMoreNamesOrALongerNameThanAllowedIsRefused) {
  auto many = some_offer();
  many.summary.names.assign(max_offered_names + 1, "n");
  EXPECT_EQ(decode_signal(encode(Signal{many})).error().code, Errc::limit);
  auto long_name = some_offer();
  long_name.summary.names = {std::string(max_offered_name + 1, 'n')};
  EXPECT_EQ(decode_signal(encode(Signal{long_name})).error().code, Errc::limit);
}

TEST(Offer, WithALongerTextThanAllowedIsRefused) {
  auto offer = some_offer();
  offer.summary.text = std::string(max_text + 1, 't');
  EXPECT_EQ(decode_signal(encode(Signal{offer})).error().code, Errc::limit);
}

TEST(Offer, WithMoreFilesThanEntriesIsRefused) {
  auto offer = some_offer();
  offer.summary.files = offer.summary.entries + 1;
  EXPECT_EQ(decode_signal(encode(Signal{offer})).error().code, Errc::malformed);
}

TEST(Offer, KeepsOnlyAsManyCandidatesAsAllowed) {
  auto offer = some_offer();
  offer.candidates.assign(max_candidates + 1, host("192.0.2.1:1"));
  EXPECT_EQ(again(offer).candidates.size(), max_candidates);
}

TEST(Offer, WithoutTransferOrSummaryIsRefused) {
  EXPECT_EQ(decode_signal(of_kind("offer").encode()).error().code, Errc::malformed);
}

NatFacts some_nat() {
  return {.udp = {.kind = PortForecast::Kind::stepping, .external = Endpoint::parse("192.0.2.9:4000").value(), .step = -2, .strangers = 30},
          .tcp = {.kind = PortForecast::Kind::random, .external = Endpoint::parse("[2001:db8::9]:4001").value(), .lowest = Port{2048}, .highest = Port{4095}},
          .server_rtt = std::chrono::milliseconds{50}};
}

TEST(Offer, CarriesWhatPunchingNeeds) {
  auto offer = some_offer();
  offer.nat = some_nat();
  offer.check_secret.fill(std::byte{7});
  EXPECT_EQ(again(offer), offer);
}

TEST(Offer, BelievesNoRoundTripBeyondTheLimit) {
  auto offer = some_offer();
  offer.nat.server_rtt = std::chrono::hours{1};
  EXPECT_EQ(again(offer).nat.server_rtt, longest_server_rtt);
}

TEST(Punch, IsReadBackWhole) {
  const Punch punch{session(), 3, Transport::tcp, some_nat().udp};
  EXPECT_EQ(again(punch), punch);
}

TEST(Punch, WithoutARoundATransportOrAForecastIsRefused) {
  EXPECT_EQ(decode_signal(encode(Signal{Punch{session(), 0, Transport::tcp, some_nat().udp}})).error().code, Errc::malformed);
  auto map = of_kind("punch");
  map.set("round", std::uint64_t{1}).set("transport", "udp");
  EXPECT_EQ(decode_signal(map.encode()).error().code, Errc::malformed);
  map.set("forecast", encode(some_nat().tcp));
  EXPECT_TRUE(decode_signal(map.encode()).has_value());
  map.set("transport", "carrier-pigeon");
  EXPECT_EQ(decode_signal(map.encode()).error().code, Errc::malformed);
}

TEST(Inquiry, AndItsAnswerAreReadBack) {
  EXPECT_EQ(again(Inquiry{session()}), Inquiry{session()});
  const Findings findings{session(), {.udp = {PortForecast::Kind::random, true}, .tcp = {PortForecast::Kind::stable}, .mapped = true, .ipv6 = true}};
  EXPECT_EQ(again(findings), findings);
  EXPECT_EQ(std::get<Findings>(decode_signal(of_kind("findings").encode()).value()).network, NetworkFindings{});
}

TEST(MoreCandidates, AreReadBack) {
  const MoreCandidates more{session(), {host("192.0.2.2:1")}, some_nat()};
  EXPECT_EQ(again(more), more);
}

PeerId some_relay(std::uint64_t seed) {
  SeededRandom random{seed};
  PeerId::Digest digest;
  random.fill(digest);
  return PeerId{digest};
}

TEST(RelaysNear, AreReadBackAndBounded) {
  RelaysNear near{session(), {{some_relay(1), std::chrono::milliseconds{12}}, {some_relay(2), std::chrono::milliseconds{340}}}};
  EXPECT_EQ(again(near), near);
  EXPECT_EQ(again(RelaysNear{session(), {}}), (RelaysNear{session(), {}}));
  near.relays.front().round_trip = std::chrono::hours{1};
  EXPECT_EQ(again(near).relays.front().round_trip, longest_relay_rtt);
  for (std::uint64_t i = 3; near.relays.size() <= max_relays; ++i) near.relays.push_back({some_relay(i), std::chrono::milliseconds{1}});
  EXPECT_EQ(decode_signal(encode(Signal{near})).error().code, Errc::malformed);
}

TEST(MeetAtRelay, NamesRelayPlacesAndTicket) {
  const MeetAtRelay meet{session(), some_relay(1), {*Endpoint::parse("192.0.2.2:1")}, ByteBuffer(300, std::byte{7})};
  EXPECT_EQ(again(meet), meet);
  const MeetAtRelay at_the_server{session(), some_relay(1), {}, ByteBuffer(1)};
  EXPECT_EQ(again(at_the_server), at_the_server);
  EXPECT_EQ(decode_signal(encode(Signal{MeetAtRelay{session(), some_relay(1), {}, ByteBuffer(max_signed_ticket + 1)}})).error().code, Errc::malformed);
  EXPECT_EQ(decode_signal(of_kind("meet-at-relay").encode()).error().code, Errc::malformed);
}

TEST(TryAgain, IsReadBack) { EXPECT_EQ(again(TryAgain{session()}), TryAgain{session()}); }

TEST(Accept, CarriesTheReceiversCandidates) {
  const Accept accept{session(), {host("192.0.2.2:1"), host("[2001:db8::2]:2")}, some_nat()};
  EXPECT_EQ(again(accept), accept);
  EXPECT_EQ(again(Accept{session(), {}, {}}), (Accept{session(), {}, {}}));
}

TEST(Reject, CarriesEveryWhyAndItsWords) {
  for (const auto why : {Reject::Why::declined, Reject::Why::not_a_contact, Reject::Why::no_terminal, Reject::Why::no_space,
                         Reject::Why::unfit, Reject::Why::busy, Reject::Why::local_trouble}) {
    const Reject reject{session(), why, "not now"};
    EXPECT_EQ(again(reject), reject) << word(why);
  }
}

TEST(Reject, WithAWhyOfALaterVersionIsStillARejection) {
  auto map = of_kind("reject");
  map.set("why", "bad-weather").set("words", "it rains");
  EXPECT_EQ(std::get<Reject>(decode_signal(map.encode()).value()), (Reject{session(), Reject::Why::declined, "it rains"}));
}

TEST(Cancel, CarriesEveryWhy) {
  for (const auto why : {Cancel::Why::user, Cancel::Why::taken_by_other_device, Cancel::Why::timed_out, Cancel::Why::superseded})
    EXPECT_EQ(again(Cancel{session(), why}), (Cancel{session(), why})) << word(why);
}

TEST(TextShown, NamesItsSession) { EXPECT_EQ(again(TextShown{session()}), TextShown{session()}); }

TEST(Signal, KnowsItsSessionWhateverItsKind) {
  for (const Signal& signal : {Signal{some_offer()}, Signal{Accept{session(), {}, {}}}, Signal{Reject{session(), {}, ""}},
                               Signal{Cancel{session(), {}}}, Signal{TextShown{session()}}})
    EXPECT_EQ(session_of(signal), session());
}

TEST(Signal, OfAnotherVersionSaysWhoShouldUpdate) {
  auto newer = of_kind("accept"), older = of_kind("accept");
  newer.set("v", peer_protocol_version + 1);
  older.set("v", peer_protocol_version - 1);
  EXPECT_EQ(decode_signal(newer.encode()).error().code, Errc::version);
  EXPECT_THAT(decode_signal(newer.encode()).error().hint, HasSubstr("on this machine"));
  EXPECT_THAT(decode_signal(older.encode()).error().hint, HasSubstr("the other side"));
}

TEST(Signal, ThatIsNoneIsRefused) {
  CborMap no_version, no_session;
  no_version.set("t", "accept").set_bytes("session", session().bytes);
  no_session.set("t", "accept").set("v", peer_protocol_version);
  EXPECT_EQ(decode_signal(no_version.encode()).error().code, Errc::malformed);
  EXPECT_EQ(decode_signal(no_session.encode()).error().code, Errc::malformed);
  EXPECT_EQ(decode_signal(of_kind("teleport").encode()).error().code, Errc::malformed);
  EXPECT_EQ(decode_signal(bytes_of("garbage")).error().code, Errc::malformed);
  EXPECT_EQ(decode_signal({}).error().code, Errc::malformed);
}

TEST(Receipts, AreWishedForInAnOfferAndPromisedInAnAccept) {
  for (const auto wish : {ReceiptWish::none, ReceiptWish::if_cheap, ReceiptWish::asked_for}) {
    auto offer = some_offer();
    offer.receipt = wish;
    EXPECT_EQ(again(offer), offer);
  }
  EXPECT_TRUE(again(Accept{session(), {}, {}, true}).receipt);
}

TEST(Receipts, AreNotSpokenOfByThoseWhoKnowNothingOfThem) {
  const auto plain = CborMap::decode(encode(Signal{some_offer()})).value();
  EXPECT_FALSE(plain.number("receipt"));
  auto later = plain;
  later.set("receipt", std::uint64_t{3});
  EXPECT_EQ(std::get<Offer>(decode_signal(later.encode()).value()).receipt, ReceiptWish::none);
}

}  // namespace
}  // namespace pshare
