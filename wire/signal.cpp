#include "wire/signal.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "wire/cbor.hpp"
#include "wire/control.hpp"
#include "wire/framing.hpp"
#include "wire/ticket.hpp"

namespace pshare {

namespace {

constexpr std::array reject_whys{Reject::Why::declined, Reject::Why::not_a_contact, Reject::Why::no_terminal,
                                 Reject::Why::no_space, Reject::Why::unfit,         Reject::Why::busy,
                                 Reject::Why::local_trouble};
constexpr std::array cancel_whys{Cancel::Why::user, Cancel::Why::taken_by_other_device, Cancel::Why::timed_out,
                                 Cancel::Why::superseded, Cancel::Why::no_path};

template <typename Why, std::size_t N>
std::optional<Why> why_from(const std::array<Why, N>& all, std::optional<std::string> text) {
  for (const auto why : all)
    if (text && word(why) == *text) return why;
  return std::nullopt;
}

Unexpected malformed(std::string_view what) {
  return Unexpected{{.code = Errc::malformed, .doing = "reading a signal from the peer: " + std::string{what}}};
}

CborMap of_kind(std::string_view kind, const SessionId& session) {
  CborMap map;
  map.set("t", kind).set("v", peer_protocol_version).set_bytes("session", session.bytes);
  return map;
}

void add_nat(CborMap& map, const NatFacts& nat) {
  const auto rtt = std::chrono::duration_cast<std::chrono::microseconds>(nat.server_rtt).count();
  map.set("udp", encode(nat.udp)).set("tcp", encode(nat.tcp)).set("server-rtt", static_cast<std::uint64_t>(std::max<std::int64_t>(rtt, 0)));
}

/// What is missing or makes no sense counts as not measured.
NatFacts nat_from(const CborMap& map) {
  NatFacts nat;
  if (const auto udp = map.map("udp")) nat.udp = forecast_from(*udp).value_or(PortForecast{});
  if (const auto tcp = map.map("tcp")) nat.tcp = forecast_from(*tcp).value_or(PortForecast{});
  const auto longest = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(longest_server_rtt).count());
  nat.server_rtt = std::chrono::microseconds{static_cast<std::int64_t>(std::min(map.number("server-rtt").value_or(0), longest))};
  return nat;
}

CborMap to_map(const Offer& offer) {
  auto map = of_kind("offer", offer.session);
  CborMap summary;
  summary.set("files", offer.summary.files).set("entries", offer.summary.entries);
  if (offer.summary.bytes) summary.set("bytes", *offer.summary.bytes);
  // Names may be any bytes, which CBOR's text may not.
  std::vector<CborMap> names;
  for (const auto& name : offer.summary.names) names.emplace_back().set_bytes("name", bytes_of(name));
  summary.set("names", names);
  if (offer.summary.text) summary.set_bytes("text", bytes_of(*offer.summary.text));
  map.set_bytes("transfer", offer.transfer.bytes)
      .set("from", offer.from_name)
      .set("summary", summary)
      .set("candidates", encode(offer.candidates))
      .set("lanes", offer.lanes)
      .set_bytes("check-secret", offer.check_secret);
  if (offer.receipt != ReceiptWish::none) map.set("receipt", static_cast<std::uint64_t>(offer.receipt));
  add_nat(map, offer.nat);
  return map;
}

CborMap to_map(const Accept& accept) {
  auto map = of_kind("accept", accept.session);
  map.set("candidates", encode(accept.candidates));
  if (accept.receipt) map.set_flag("receipt", true);
  add_nat(map, accept.nat);
  return map;
}

CborMap to_map(const Reject& reject) {
  auto map = of_kind("reject", reject.session);
  map.set("why", word(reject.why)).set("words", reject.words);
  return map;
}

CborMap to_map(const Cancel& cancel) {
  auto map = of_kind("cancel", cancel.session);
  map.set("why", word(cancel.why));
  return map;
}

CborMap to_map(const TextShown& shown) { return of_kind("text-shown", shown.session); }

CborMap to_map(const Punch& punch) {
  auto map = of_kind("punch", punch.session);
  map.set("round", punch.round).set("transport", word(punch.transport)).set("forecast", encode(punch.forecast));
  return map;
}

CborMap to_map(const MoreCandidates& more) {
  auto map = of_kind("more-candidates", more.session);
  map.set("candidates", encode(more.candidates));
  add_nat(map, more.nat);
  return map;
}

CborMap to_map(const Inquiry& inquiry) { return of_kind("inquiry", inquiry.session); }

CborMap to_map(const Findings& findings) {
  auto map = of_kind("findings", findings.session);
  map.set("network", encode(findings.network));
  return map;
}

CborMap to_map(const RelaysNear& near) {
  auto map = of_kind("relays-near", near.session);
  std::vector<CborMap> relays;
  for (const auto& each : near.relays) {
    const auto rtt = std::chrono::duration_cast<std::chrono::microseconds>(each.round_trip).count();
    relays.emplace_back().set_bytes("id", each.relay.digest()).set("rtt", static_cast<std::uint64_t>(std::max<std::int64_t>(rtt, 0)));
  }
  map.set("relays", relays);
  return map;
}

CborMap to_map(const MeetAtRelay& meet) {
  auto map = of_kind("meet-at-relay", meet.session);
  map.set_bytes("relay", meet.relay.digest()).set("at", encode_relayed(meet.endpoints)).set_bytes("ticket", meet.ticket);
  return map;
}

CborMap to_map(const TryAgain& again) { return of_kind("try-again", again.session); }

Result<Signal> relays_near_from(const CborMap& map, SessionId session) {
  RelaysNear near{session, {}};
  constexpr auto longest = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(longest_relay_rtt).count());
  for (const auto& each : map.maps("relays").value_or(std::vector<CborMap>{})) {
    const auto id = each.array<PeerId::size>("id");
    const auto rtt = each.number("rtt");
    if (!id || !rtt || near.relays.size() == max_relays) return malformed("distances of relays that make no sense, or too many");
    near.relays.push_back({PeerId{*id}, std::chrono::microseconds{static_cast<std::int64_t>(std::min(*rtt, longest))}});
  }
  return Signal{std::move(near)};
}

Result<Signal> meet_from(const CborMap& map, SessionId session) {
  const auto relay = map.array<PeerId::size>("relay");
  auto ticket = map.bytes("ticket");
  if (!relay || !ticket || ticket->size() > max_signed_ticket) return malformed("a meeting at a relay without relay or ticket");
  return Signal{MeetAtRelay{session, PeerId{*relay}, relayed_endpoints_from(map.maps("at").value_or(std::vector<CborMap>{})), *std::move(ticket)}};
}

Result<Signal> punch_from(const CborMap& map, SessionId session) {
  const auto round = map.number("round");
  const auto transport = map.text("transport");
  const auto forecast = map.map("forecast");
  const auto read = forecast ? forecast_from(*forecast) : std::nullopt;
  if (!round || *round == 0 || (transport != "udp" && transport != "tcp") || !read) return malformed("a punching round that makes no sense");
  return Signal{Punch{session, *round, transport == "udp" ? Transport::udp : Transport::tcp, *read}};
}

std::vector<Candidate> candidates_in(const CborMap& map) { return candidates_from(map.maps("candidates").value_or(std::vector<CborMap>{})); }

/// What a later version may wish for is none of ours.
ReceiptWish receipt_wish_in(const CborMap& map) {
  const auto wish = map.number("receipt").value_or(0);
  return wish == 1 ? ReceiptWish::if_cheap : wish == 2 ? ReceiptWish::asked_for : ReceiptWish::none;
}

Result<Signal> offer_from(const CborMap& map, SessionId session) {
  Offer offer{.session = session, .transfer = {}, .from_name = {}, .summary = {}, .candidates = {}, .lanes = 1, .nat = nat_from(map), .check_secret = {}, .receipt = receipt_wish_in(map)};
  const auto transfer = map.array<16>("transfer");
  const auto summary = map.map("summary");
  if (!transfer || !summary) return malformed("an offer without a transfer or a summary");
  offer.transfer.bytes = *transfer;
  offer.from_name = map.text("from", 64).value_or("");
  offer.candidates = candidates_in(map);
  offer.lanes = map.number("lanes").value_or(1);
  offer.check_secret = map.array<32>("check-secret").value_or(CheckSecret{});

  const auto files = summary->number("files");
  const auto entries = summary->number("entries");
  if (!files || !entries || *files > *entries) return malformed("an offer whose numbers do not fit each other");
  offer.summary.files = *files;
  offer.summary.entries = *entries;
  offer.summary.bytes = summary->number("bytes");
  for (const auto& entry : summary->maps("names").value_or(std::vector<CborMap>{})) {
    const auto name = entry.bytes("name");
    if (!name || name->size() > max_offered_name || offer.summary.names.size() == max_offered_names)
      return Unexpected{{.code = Errc::limit, .doing = "reading an offer with too many or too long names"}};
    offer.summary.names.emplace_back(text_of(*name));
  }
  if (const auto text = summary->bytes("text")) {
    if (text->size() > max_text) return Unexpected{{.code = Errc::limit, .doing = "reading an offer with too long a text"}};
    offer.summary.text = std::string{text_of(*text)};
  }
  return Signal{std::move(offer)};
}

}  // namespace

const SessionId& session_of(const Signal& signal) {
  return std::visit([](const auto& each) -> const SessionId& { return each.session; }, signal);
}

std::string_view word(Reject::Why why) {
  switch (why) {
    case Reject::Why::declined: return "declined";
    case Reject::Why::not_a_contact: return "not-a-contact";
    case Reject::Why::no_terminal: return "no-terminal";
    case Reject::Why::no_space: return "no-space";
    case Reject::Why::unfit: return "unfit";
    case Reject::Why::busy: return "busy";
    case Reject::Why::local_trouble: return "local-trouble";
  }
  return "?";
}

std::string_view word(Cancel::Why why) {
  switch (why) {
    case Cancel::Why::user: return "user";
    case Cancel::Why::taken_by_other_device: return "taken-by-other-device";
    case Cancel::Why::timed_out: return "timed-out";
    case Cancel::Why::superseded: return "superseded";
    case Cancel::Why::no_path: return "no-path";
  }
  return "?";
}

ByteBuffer encode(const Signal& signal) {
  auto encoded = std::visit([](const auto& each) { return to_map(each).encode(); }, signal);
  assert(encoded.size() <= max_frame);
  return encoded;
}

Result<Signal> decode_signal(ByteView bytes) {
  auto decoded = CborMap::decode(bytes);
  if (!decoded) return Unexpected{std::move(decoded).error()};
  const CborMap& map = *decoded;
  const auto version = map.number("v");
  if (!version) return malformed("it names no version");
  if (*version != peer_protocol_version) {
    const bool ours_is_old = *version > peer_protocol_version;
    return Unexpected{{.code = Errc::version,
                       .doing = "reading a signal of protocol version " + std::to_string(*version) + ", where we speak " +
                                std::to_string(peer_protocol_version),
                       .hint = ours_is_old ? "Update pshare on this machine." : "Ask the other side to update pshare."}};
  }
  const auto session = map.array<16>("session");
  if (!session) return malformed("it names no session");
  const SessionId id{*session};
  const auto kind = map.text("t").value_or("");
  if (kind == "offer") return offer_from(map, id);
  if (kind == "accept") return Signal{Accept{id, candidates_in(map), nat_from(map), map.flag("receipt").value_or(false)}};
  if (kind == "punch") return punch_from(map, id);
  if (kind == "more-candidates") return Signal{MoreCandidates{id, candidates_in(map), nat_from(map)}};
  if (kind == "reject") {
    const auto why = why_from(reject_whys, map.text("why")).value_or(Reject::Why::declined);
    return Signal{Reject{id, why, map.text("words").value_or("")}};
  }
  if (kind == "cancel") return Signal{Cancel{id, why_from(cancel_whys, map.text("why")).value_or(Cancel::Why::user)}};
  if (kind == "text-shown") return Signal{TextShown{id}};
  if (kind == "inquiry") return Signal{Inquiry{id}};
  if (kind == "findings") return Signal{Findings{id, findings_from(map.map("network").value_or(CborMap{}))}};
  if (kind == "relays-near") return relays_near_from(map, id);
  if (kind == "meet-at-relay") return meet_from(map, id);
  if (kind == "try-again") return Signal{TryAgain{id}};
  return malformed("its kind is unknown");
}

}  // namespace pshare
