#include <gtest/gtest.h>

#include "secure/sealed.hpp"
#include "secure/sodium.hpp"
#include "vectors.hpp"
#include "wire/signal.hpp"

using namespace pshare;
using namespace pshare::testing;

namespace {

UnixTime time_in(const Json& value) { return UnixTime{std::chrono::seconds{value.get<std::int64_t>()}}; }

std::vector<Candidate> candidates_in(const Json& array) {
  std::vector<Candidate> candidates;
  for (const auto& each : array) {
    Candidate candidate{.endpoint = {address_in(each.at("address")), port_in(each.at("port"))}};
    for (const auto type : {Candidate::Type::host, Candidate::Type::manual, Candidate::Type::server_reflexive, Candidate::Type::mapped, Candidate::Type::relayed})
      if (each.at("type") == std::string{word(type)}) candidate.type = type;
    candidate.transport = each.at("transport") == "udp" ? Transport::udp : Transport::tcp;
    candidates.push_back(candidate);
  }
  return candidates;
}

PortForecast::Kind kind_in(const Json& value) {
  for (const auto kind : {PortForecast::Kind::blocked, PortForecast::Kind::stable, PortForecast::Kind::stepping, PortForecast::Kind::random})
    if (value == std::string{word(kind)}) return kind;
  return PortForecast::Kind::unknown;
}

PortForecast forecast_in(const Json& fields) {
  PortForecast forecast{.kind = kind_in(fields.at("kind"))};
  if (fields.contains("address")) forecast.external = {address_in(fields.at("address")), port_in(fields.at("port"))};
  if (forecast.kind == PortForecast::Kind::stepping) {
    forecast.step = fields.at("step").get<int>() * (fields.at("down").get<bool>() ? -1 : 1);
    forecast.strangers = fields.at("strangers").get<std::uint32_t>();
  }
  if (forecast.kind == PortForecast::Kind::random) forecast.lowest = port_in(fields.at("lowest")), forecast.highest = port_in(fields.at("highest"));
  return forecast;
}

NatFacts nat_in(const Json& fields) {
  return {.udp = forecast_in(fields.at("udp")), .tcp = forecast_in(fields.at("tcp")), .server_rtt = std::chrono::microseconds{fields.at("server-rtt").get<std::int64_t>()}};
}

Summary summary_in(const Json& fields) {
  Summary summary;
  summary.files = number_in(fields.at("files"));
  summary.entries = number_in(fields.at("entries"));
  if (fields.contains("bytes")) summary.bytes = number_in(fields.at("bytes"));
  for (const auto& each : fields.at("names")) summary.names.emplace_back(text_of(bytes_in(each.at("name"))));
  if (fields.contains("text")) summary.text = std::string{text_of(bytes_in(fields.at("text")))};
  return summary;
}

template <typename Why, typename... Known>
Why why_in(const Json& value, Known... known) {
  for (const auto why : {known...})
    if (value == std::string{word(why)}) return why;
  throw std::runtime_error{"an unknown reason"};
}

PortHabit habit_in(const Json& fields) { return {.kind = kind_in(fields.at("ports")), .small_block = value_or(fields, "small-block", false)}; }

Signal signal_in(const Json& fields) {
  const auto kind = text_in(fields.at("t"));
  const auto session = session_in(fields.at("session"));
  if (kind == "offer")
    return Offer{.session = session,
                 .transfer = TransferId{array_in<16>(fields.at("transfer"))},
                 .from_name = text_in(fields.at("from")),
                 .summary = summary_in(fields.at("summary")),
                 .candidates = candidates_in(fields.at("candidates")),
                 .lanes = number_in(fields.at("lanes")),
                 .nat = nat_in(fields),
                 .check_secret = array_in<32>(fields.at("check-secret")),
                 .receipt = static_cast<ReceiptWish>(value_or(fields, "receipt", 0))};
  if (kind == "accept") return Accept{session, candidates_in(fields.at("candidates")), nat_in(fields), value_or(fields, "receipt", false)};
  if (kind == "reject") {
    using enum Reject::Why;
    return Reject{session, why_in<Reject::Why>(fields.at("why"), declined, not_a_contact, no_terminal, no_space, unfit, busy, local_trouble), text_in(fields.at("words"))};
  }
  if (kind == "cancel") {
    using enum Cancel::Why;
    return Cancel{session, why_in<Cancel::Why>(fields.at("why"), user, taken_by_other_device, timed_out, superseded, no_path)};
  }
  if (kind == "text-shown") return TextShown{session};
  if (kind == "punch") return Punch{session, number_in(fields.at("round")), fields.at("transport") == "udp" ? Transport::udp : Transport::tcp, forecast_in(fields.at("forecast"))};
  if (kind == "more-candidates") return MoreCandidates{session, candidates_in(fields.at("candidates")), nat_in(fields)};
  if (kind == "relays-near") {
    RelaysNear near{session, {}};
    for (const auto& each : fields.at("relays")) near.relays.push_back({peer_in(each.at("id")), std::chrono::microseconds{each.at("rtt").get<std::int64_t>()}});
    return near;
  }
  if (kind == "meet-at-relay") {
    MeetAtRelay meet{session, peer_in(fields.at("relay")), {}, bytes_in(fields.at("ticket"))};
    for (const auto& each : candidates_in(fields.at("at"))) meet.endpoints.push_back(each.endpoint);
    return meet;
  }
  if (kind == "try-again") return TryAgain{session};
  if (kind == "inquiry") return Inquiry{session};
  if (kind == "findings") {
    const auto& network = fields.at("network");
    return Findings{session,
                    {.udp = habit_in(network.at("udp")),
                     .tcp = habit_in(network.at("tcp")),
                     .reachable = network.at("reachable").get<bool>(),
                     .mapped = network.at("mapped").get<bool>(),
                     .ipv6 = network.at("ipv6").get<bool>(),
                     .ipv6_reachable = network.at("ipv6-reachable").get<bool>()}};
  }
  throw std::runtime_error{"no peer says " + kind};
}

TEST(SignalVectors, AreWrittenAndRead) {
  for (const auto& each : vectors("signals").at("signals")) {
    SCOPED_TRACE(each.at("fields").dump());
    const auto signal = signal_in(each.at("fields"));
    EXPECT_EQ(shown(encode(signal)), shown(bytes_in(each.at("bytes"))));
    const auto read = decode_signal(bytes_in(each.at("bytes")));
    ASSERT_TRUE(read);
    EXPECT_TRUE(*read == signal);
  }
}

TEST(SignalVectors, WrittenInAnotherWayAreReadAsTheSame) {
  for (const auto& each : vectors("signals").at("tolerated")) {
    SCOPED_TRACE(text_in(each.at("name")));
    const auto read = decode_signal(bytes_in(each.at("bytes")));
    ASSERT_TRUE(read);
    EXPECT_TRUE(*read == signal_in(each.at("reads as"))) << shown(encode(*read));
  }
}

TEST(SignalVectors, ThatAreNoneAreRefused) {
  for (const auto& each : vectors("signals").at("refused")) EXPECT_FALSE(decode_signal(bytes_in(each.at("bytes")))) << each.at("name");
}

TEST(EnvelopeVectors, AreSealedWithThisInside) {
  for (const auto& each : vectors("signals").at("envelopes")) {
    const auto from = identity_of(text_in(each.at("from"))), to = identity_of(text_in(each.at("to")));
    Drawn nonce{{bytes_in(each.at("nonce"))}};
    const auto sealed = seal(from, to.public_key(), time_in(each.at("time")), nonce, bytes_in(each.at("signal")));
    ASSERT_TRUE(sealed);
    EXPECT_EQ(sealed->size(), bytes_in(each.at("sealed")).size());
    const auto inside = sodium::open(to, *sealed);  // the seal itself is another one each time
    ASSERT_TRUE(inside);
    EXPECT_EQ(shown(*inside), shown(bytes_in(each.at("content"))));
  }
}

TEST(EnvelopeVectors, AreOpenedAndBelieved) {
  for (const auto& each : vectors("signals").at("envelopes")) {
    const auto opened = open_sealed(identity_of(text_in(each.at("to"))), time_in(each.at("time")), bytes_in(each.at("sealed")));
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->from_key, identity_of(text_in(each.at("from"))).public_key());
    EXPECT_EQ(opened->sealed_at, time_in(each.at("time")));
    EXPECT_EQ(opened->nonce, array_in<16>(each.at("nonce")));
    EXPECT_EQ(shown(opened->body), shown(bytes_in(each.at("signal"))));
  }
  for (const auto& each : vectors("signals").at("accepted at the edge"))
    EXPECT_TRUE(open_sealed(identity_of(text_in(each.at("to"))), time_in(each.at("time")), bytes_in(each.at("sealed")))) << each.at("time");
}

TEST(EnvelopeVectors, ThatAreWrongAreRefused) {
  for (const auto& each : vectors("signals").at("refused envelopes"))
    EXPECT_FALSE(open_sealed(identity_of(text_in(each.at("to"))), time_in(each.at("time")), bytes_in(each.at("sealed")))) << each.at("name");
}

}  // namespace
