#include "wire/control.hpp"

#include <algorithm>
#include <cassert>

#include "wire/candidate.hpp"
#include "wire/cbor.hpp"
#include "wire/framing.hpp"
#include "wire/ticket.hpp"

namespace pshare {

namespace {

constexpr std::size_t longest_name = 64;

Unexpected malformed(std::string what) {
  return Unexpected{{.code = Errc::malformed, .doing = "reading a control message: " + std::move(what)}};
}

Unexpected bad_name(std::string why) {
  return Unexpected{{.code = Errc::usage,
                     .doing = "reading a name: " + std::move(why),
                     .hint = "A name has 1 to 64 characters: letters, digits, '.', '_', '-', and begins with a letter or a digit."}};
}

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

CborMap verb(std::string_view name) {
  CborMap map;
  map.set("t", name);
  return map;
}

CborMap verb(std::string_view name, std::uint64_t request) {
  auto map = verb(name);
  map.set("req", request);
  return map;
}

std::vector<CborMap> encode_peers(const std::vector<PeerId>& peers) {
  std::vector<CborMap> maps;
  for (const auto& peer : peers) maps.emplace_back().set_bytes("id", peer.digest());
  return maps;
}

std::optional<std::vector<PeerId>> peers_in(const CborMap& map, std::string_view key) {
  const auto maps = map.maps(key);
  if (!maps || maps->size() > max_who) return std::nullopt;
  std::vector<PeerId> peers;
  for (const auto& each : *maps) {
    const auto id = each.array<PeerId::size>("id");
    if (!id) return std::nullopt;
    peers.emplace_back(*id);
  }
  return peers;
}

std::optional<PeerId> peer_in(const CborMap& map, std::string_view key) {
  const auto digest = map.array<PeerId::size>(key);
  return digest ? std::optional{PeerId{*digest}} : std::nullopt;
}

std::optional<ByteBuffer> signal_body_in(const CborMap& map) {
  auto body = map.bytes("body");
  if (!body || body->size() > max_signal_body) return std::nullopt;
  return body;
}

std::string_view word(CodeNews::What what) {
  switch (what) {
    case CodeNews::What::joined: return "joined";
    case CodeNews::What::message: return "message";
    case CodeNews::What::gone: return "gone";
  }
  return "gone";
}

std::optional<CodeNews::What> code_news_from(std::string_view text) {
  for (const auto what : {CodeNews::What::joined, CodeNews::What::message, CodeNews::What::gone})
    if (word(what) == text) return what;
  return std::nullopt;
}

std::optional<std::uint64_t> code_number_in(const CborMap& map) {
  const auto number = map.number("number");
  if (!number || *number < smallest_code_number || *number > largest_code_number) return std::nullopt;
  return number;
}

std::optional<ByteBuffer> code_body_in(const CborMap& map) {
  auto body = map.bytes("body");
  if (!body || body->size() > max_code_body) return std::nullopt;
  return body;
}

CborMap to_map(const Hello& hello) {
  auto map = verb("hello");
  return map.set("v", hello.version).set("agent", hello.agent).set("features", hello.features);
}
CborMap to_map(const Register& message) { return verb("register", message.request).set("name", message.name); }
CborMap to_map(const Resolve& message) {
  auto map = verb("resolve", message.request);
  if (const auto* name = std::get_if<std::string>(&message.whom)) return map.set("name", *name);
  return map.set_bytes("id", std::get<PeerId>(message.whom).digest());
}
CborMap to_map(const Who& message) { return verb("who", message.request).set("peers", encode_peers(message.peers)); }
CborMap to_map(const SendSignal& message) {
  auto map = verb("signal", message.request);
  if (message.other_address) map.set_bytes("show2", message.other_address->bytes());
  return map.set_bytes("to", message.to.digest())
      .set("device", message.device.number)
      .set_bytes("body", message.body)
      .set_flag("wait", message.wait)
      .set_bytes("session", message.session.bytes)
      .set_flag("show", message.show_address);
}
CborMap to_map(const Probe& message) {
  return verb("probe", message.request)
      .set("transport", word(message.transport))
      .set("port", std::uint64_t{message.port.number})
      .set_bytes("nonce", message.nonce);
}
CborMap to_map(const Withdraw& message) {
  return verb("withdraw", message.request).set_bytes("to", message.to.digest()).set_bytes("session", message.session.bytes);
}
CborMap to_map(const Volunteer& message) {
  return verb("volunteer", message.request)
      .set("port", std::uint64_t{message.port.number})
      .set_flag("anyone", message.for_anyone)
      .set_flag("full", message.full);
}
CborMap to_map(const AskRelays& message) { return verb("ask-relays", message.request).set("trusted", encode_peers(message.trusted)); }
CborMap to_map(const AskTicket& message) {
  return verb("ask-ticket", message.request)
      .set_bytes("session", message.session.bytes)
      .set_bytes("peer", message.peer.digest())
      .set_bytes("relay", message.relay.digest());
}
CborMap to_map(const CodeOpen& message) { return verb("code-open", message.request).set("wish", message.wish); }
CborMap to_map(const CodeJoin& message) { return verb("code-join", message.request).set("number", message.number).set_bytes("body", message.body); }
CborMap to_map(const CodeMessage& message) { return verb("code-message", message.request).set("number", message.number).set_bytes("body", message.body); }
CborMap to_map(const CodeClose& message) { return verb("code-close", message.request).set("number", message.number); }
CborMap to_map(const TakeOffers& message) { return verb("take-offers", message.request).set_bytes("from", message.from.digest()); }
CborMap to_map(const Ping&) { return verb("ping"); }
CborMap to_map(const Bye&) { return verb("bye"); }

CborMap to_map(const Welcome& welcome) {
  auto map = verb("welcome");
  if (welcome.stun.number != 0) map.set("stun", std::uint64_t{welcome.stun.number});
  if (welcome.stun_alternate.number != 0) map.set("stun2", std::uint64_t{welcome.stun_alternate.number});
  if (welcome.reflect_alternate.number != 0) map.set("reflect2", std::uint64_t{welcome.reflect_alternate.number});
  if (welcome.alternate_address) map.set_bytes("address2", welcome.alternate_address->bytes());
  if (welcome.signs_tickets) map.set_flag("tickets", true);
  if (welcome.relays) map.set_flag("relay", true);
  if (welcome.codes) map.set_flag("codes", true);
  return map
      .set("v", welcome.version)
      .set("device", welcome.device.number)
      .set_bytes("address", welcome.observed.address.bytes())
      .set("port", std::uint64_t{welcome.observed.port.number})
      .set("now", static_cast<std::uint64_t>(std::max<std::int64_t>(0, welcome.now.time_since_epoch().count())))
      .set("agent", welcome.agent)
      .set("notice", welcome.notice)
      .set("wait", welcome.wait_seconds);
}
CborMap to_map(const Registered& message) { return verb("registered", message.request).set("name", message.name); }
CborMap to_map(const Resolved& message) {
  return verb("resolved", message.request)
      .set("name", message.name)
      .set_bytes("key", message.key.bytes)
      .set_flag("online", message.online);
}
CborMap to_map(const WhoReply& message) { return verb("who-reply", message.request).set("online", encode_peers(message.online)); }
CborMap to_map(const SignalFate& message) {
  return verb("signal-fate", message.request).set("fate", static_cast<std::uint64_t>(message.fate));
}
CborMap to_map(const Delivery& delivery) {
  auto map = verb("delivery");
  if (delivery.from_address) map.set_bytes("at", delivery.from_address->bytes());
  if (delivery.from_other) map.set_bytes("at2", delivery.from_other->bytes());
  return map.set_bytes("from", delivery.from.digest())
      .set("device", delivery.from_device.number)
      .set_bytes("body", delivery.body);
}
CborMap to_map(const Probed& message) { return verb("probed", message.request).set("outcome", word(message.outcome)); }
CborMap to_map(const Volunteered& message) {
  return verb("volunteered", message.request)
      .set("outcome", word(message.outcome))
      .set_bytes("address", message.endpoint.address.bytes())
      .set("port", std::uint64_t{message.endpoint.port.number});
}
CborMap to_map(const Relays& message) {
  std::vector<CborMap> maps;
  for (const auto& each : message.relays)
    maps.emplace_back().set_bytes("id", each.relay.digest()).set("at", encode_relayed(each.endpoints)).set_flag("anyone", each.for_anyone);
  return verb("relays", message.request).set("relays", maps);
}
CborMap to_map(const Granted& message) { return verb("granted", message.request).set_bytes("ticket", message.ticket); }
CborMap to_map(const CodeAnswer& message) { return verb("code-answer", message.request).set("number", message.number); }
CborMap to_map(const CodeNews& news) {
  return verb("code-news").set("number", news.number).set("what", word(news.what)).set_bytes("body", news.body);
}
CborMap to_map(const TakingOffers& message) { return verb("taking-offers", message.request); }
CborMap to_map(const Pong&) { return verb("pong"); }
CborMap to_map(const Notice& notice) { return verb("notice").set("words", notice.words); }
CborMap to_map(const Trouble& trouble) {
  auto map = trouble.request ? verb("trouble", *trouble.request) : verb("trouble");
  return map.set("code", word(trouble.code)).set("words", trouble.words);
}

/// Those that a Trouble carries; any other word reads as failed.
Errc trouble_code_from(std::string_view text) {
  for (const auto code : {Errc::unknown_peer, Errc::refused, Errc::limit, Errc::version, Errc::malformed, Errc::busy, Errc::unsupported,
                          Errc::offline})
    if (word(code) == text) return code;
  return Errc::failed;
}

std::optional<IpAddress> address_in(const CborMap& map, std::string_view key) {
  if (const auto v4 = map.array<4>(key)) return IpAddress{*v4};
  if (const auto v6 = map.array<16>(key)) return IpAddress{*v6};
  return std::nullopt;
}

std::optional<Port> port_in(const CborMap& map, std::string_view key) {
  const auto number = map.number(key);
  if (!number || *number > 0xFFFF) return std::nullopt;
  return Port{static_cast<std::uint16_t>(*number)};
}

std::optional<Endpoint> endpoint_in(const CborMap& map) {
  const auto address = address_in(map, "address");
  const auto port = port_in(map, "port");
  if (!address || !port) return std::nullopt;
  return Endpoint{*address, *port};
}

std::optional<Transport> transport_in(const CborMap& map) {
  const auto text = map.text("transport", 8).value_or("");
  for (const auto transport : {Transport::tcp, Transport::udp})
    if (word(transport) == text) return transport;
  return std::nullopt;
}

/// What cannot be used is left out: whom we cannot reach there, we do without.
std::vector<RelayListing> relays_in(const CborMap& map) {
  std::vector<RelayListing> relays;
  for (const auto& each : map.maps("relays").value_or(std::vector<CborMap>{})) {
    const auto id = peer_in(each, "id");
    auto endpoints = relayed_endpoints_from(each.maps("at").value_or(std::vector<CborMap>{}));
    if (id && !endpoints.empty() && relays.size() < max_relays) relays.push_back({*id, std::move(endpoints), each.flag("anyone").value_or(false)});
  }
  return relays;
}

template <typename Message>
ByteBuffer encode_any(const Message& message) {
  auto encoded = std::visit([](const auto& each) { return to_map(each).encode(); }, message);
  assert(encoded.size() <= max_frame);
  return encoded;
}

}  // namespace

Result<std::string> parse_name(std::string_view text) {
  if (text.empty()) return bad_name("it is empty");
  if (text.size() > longest_name) return bad_name("it is longer than 64 characters");
  std::string name{text};
  for (auto& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!is_letter_or_digit(c) && c != '.' && c != '_' && c != '-') return bad_name("it holds a character that names may not have");
  }
  if (!is_letter_or_digit(name.front())) return bad_name("it does not begin with a letter or a digit");
  return name;
}

ByteBuffer encode(const ClientMessage& message) { return encode_any(message); }
ByteBuffer encode(const ServerMessage& message) { return encode_any(message); }

Result<ClientMessage> decode_client_message(ByteView body) {
  auto decoded = CborMap::decode(body);
  if (!decoded) return Unexpected{std::move(decoded).error()};
  const CborMap& map = *decoded;
  const auto kind = map.text("t", 32).value_or("");

  if (kind == "hello") {
    const auto version = map.number("v");
    if (!version) return malformed("hello without a version");
    return ClientMessage{Hello{*version, map.text("agent", 128).value_or(""), map.texts("features", 64).value_or(std::vector<std::string>{})}};
  }
  if (kind == "ping") return ClientMessage{Ping{}};
  if (kind == "bye") return ClientMessage{Bye{}};

  const auto request = map.number("req");
  if (!request) return malformed("\"" + kind + "\" is no verb that a client may use without a request number");
  if (kind == "register") {
    const auto name = map.text("name", longest_name);
    if (!name) return malformed("register without a name");
    return ClientMessage{Register{*request, *name}};
  }
  if (kind == "resolve") {
    if (const auto name = map.text("name", longest_name)) return ClientMessage{Resolve{*request, *name}};
    if (const auto id = peer_in(map, "id")) return ClientMessage{Resolve{*request, *id}};
    return malformed("resolve without a name or an ID");
  }
  if (kind == "who") {
    auto peers = peers_in(map, "peers");
    if (!peers) return malformed("who without peers, or with too many");
    return ClientMessage{Who{*request, *std::move(peers)}};
  }
  if (kind == "signal") {
    const auto to = peer_in(map, "to");
    auto signal = signal_body_in(map);
    const auto session = map.array<16>("session");
    if (!to || !signal || !session) return malformed("signal without recipient, session or a body that is short enough");
    return ClientMessage{SendSignal{*request, *to, DeviceId{map.number("device").value_or(0)}, *std::move(signal),
                                    map.flag("wait").value_or(false), SessionId{*session}, map.flag("show").value_or(false), address_in(map, "show2")}};
  }
  if (kind == "probe") {
    const auto transport = transport_in(map);
    const auto port = port_in(map, "port");
    const auto nonce = map.array<dial_back_nonce_size>("nonce");
    if (!transport || !port || port->number == 0 || !nonce) return malformed("probe without transport, port or nonce");
    return ClientMessage{Probe{*request, *transport, *port, *nonce}};
  }
  if (kind == "volunteer") {
    const auto port = port_in(map, "port");
    if (!port) return malformed("volunteer without a port");
    return ClientMessage{Volunteer{*request, *port, map.flag("anyone").value_or(false), map.flag("full").value_or(false)}};
  }
  if (kind == "ask-relays") {
    auto trusted = peers_in(map, "trusted");
    if (!trusted) return malformed("ask-relays without peers, or with too many");
    return ClientMessage{AskRelays{*request, *std::move(trusted)}};
  }
  if (kind == "ask-ticket") {
    const auto session = map.array<16>("session");
    const auto peer = peer_in(map, "peer");
    const auto relay = peer_in(map, "relay");
    if (!session || !peer || !relay) return malformed("ask-ticket without session, peer or relay");
    return ClientMessage{AskTicket{*request, SessionId{*session}, *peer, *relay}};
  }
  if (kind == "code-open") return ClientMessage{CodeOpen{*request, map.number("wish").value_or(0)}};
  if (kind == "code-join" || kind == "code-message") {
    const auto number = code_number_in(map);
    auto words = code_body_in(map);
    if (!number || !words) return malformed("\"" + kind + "\" without a number, or a body that is short enough");
    if (kind == "code-join") return ClientMessage{CodeJoin{*request, *number, *std::move(words)}};
    return ClientMessage{CodeMessage{*request, *number, *std::move(words)}};
  }
  if (kind == "code-close") {
    const auto number = code_number_in(map);
    if (!number) return malformed("code-close without a number");
    return ClientMessage{CodeClose{*request, *number}};
  }
  if (kind == "take-offers") {
    const auto from = peer_in(map, "from");
    if (!from) return malformed("take-offers without a peer");
    return ClientMessage{TakeOffers{*request, *from}};
  }
  if (kind == "withdraw") {
    const auto to = peer_in(map, "to");
    const auto session = map.array<16>("session");
    if (!to || !session) return malformed("withdraw without recipient or session");
    return ClientMessage{Withdraw{*request, *to, SessionId{*session}}};
  }
  return malformed("unknown verb \"" + kind + "\"");
}

Result<ServerMessage> decode_server_message(ByteView body) {
  auto decoded = CborMap::decode(body);
  if (!decoded) return Unexpected{std::move(decoded).error()};
  const CborMap& map = *decoded;
  const auto kind = map.text("t", 32).value_or("");

  if (kind == "welcome") {
    const auto version = map.number("v");
    const auto device = map.number("device");
    const auto observed = endpoint_in(map);
    if (!version || !device || !observed) return malformed("welcome without version, device or address");
    const auto now = static_cast<std::int64_t>(std::min<std::uint64_t>(map.number("now").value_or(0), INT64_MAX));
    return ServerMessage{Welcome{*version, DeviceId{*device}, *observed, UnixTime{std::chrono::seconds{now}},
                                 map.text("agent", 128).value_or(""), map.text("notice").value_or(""), map.number("wait").value_or(0),
                                 port_in(map, "stun").value_or(Port{}), port_in(map, "stun2").value_or(Port{}),
                                 port_in(map, "reflect2").value_or(Port{}), address_in(map, "address2"),
                                 map.flag("tickets").value_or(false), map.flag("relay").value_or(false), map.flag("codes").value_or(false)}};
  }
  if (kind == "delivery") {
    const auto from = peer_in(map, "from");
    auto signal = signal_body_in(map);
    if (!from || !signal) return malformed("delivery without sender or body");
    return ServerMessage{Delivery{*from, DeviceId{map.number("device").value_or(0)}, *std::move(signal), address_in(map, "at"),
                                  address_in(map, "at2")}};
  }
  if (kind == "code-news") {
    const auto number = code_number_in(map);
    const auto what = code_news_from(map.text("what", 16).value_or(""));
    auto words = code_body_in(map);
    if (!number || !what || !words) return malformed("code-news without a number, what it is, or a body that is short enough");
    return ServerMessage{CodeNews{*number, *what, *std::move(words)}};
  }
  if (kind == "pong") return ServerMessage{Pong{}};
  if (kind == "notice") return ServerMessage{Notice{map.text("words").value_or("")}};
  if (kind == "trouble")
    return ServerMessage{Trouble{map.number("req"), trouble_code_from(map.text("code").value_or("")), map.text("words").value_or("")}};

  const auto request = map.number("req");
  if (!request) return malformed("\"" + kind + "\" is no verb that a server may use without a request number");
  if (kind == "registered") return ServerMessage{Registered{*request, map.text("name", longest_name).value_or("")}};
  if (kind == "resolved") {
    const auto key = map.array<32>("key");
    if (!key) return malformed("resolved without a key");
    return ServerMessage{Resolved{*request, map.text("name", longest_name).value_or(""), PublicKey{*key}, map.flag("online").value_or(false)}};
  }
  if (kind == "who-reply") {
    auto online = peers_in(map, "online");
    if (!online) return malformed("who-reply without peers, or with too many");
    return ServerMessage{WhoReply{*request, *std::move(online)}};
  }
  if (kind == "signal-fate") {
    const auto fate = map.number("fate");
    if (!fate || *fate > static_cast<std::uint64_t>(Fate::mailbox_full)) return malformed("signal-fate without a known fate");
    return ServerMessage{SignalFate{*request, static_cast<Fate>(*fate)}};
  }
  if (kind == "probed") {
    const auto outcome = dial_back_outcome_from(map.text("outcome", 16).value_or(""));
    if (!outcome) return malformed("probed without a known outcome");
    return ServerMessage{Probed{*request, *outcome}};
  }
  if (kind == "volunteered") {
    const auto outcome = dial_back_outcome_from(map.text("outcome", 16).value_or(""));
    const auto endpoint = endpoint_in(map);
    if (!outcome || !endpoint) return malformed("volunteered without a known outcome or an address");
    return ServerMessage{Volunteered{*request, *outcome, *endpoint}};
  }
  if (kind == "code-answer") {
    const auto number = code_number_in(map);
    if (!number) return malformed("code-answer without a number");
    return ServerMessage{CodeAnswer{*request, *number}};
  }
  if (kind == "taking-offers") return ServerMessage{TakingOffers{*request}};
  if (kind == "relays") return ServerMessage{Relays{*request, relays_in(map)}};
  if (kind == "granted") {
    auto ticket = map.bytes("ticket");
    if (!ticket || ticket->size() > max_signed_ticket) return malformed("granted without a ticket, or with too long a one");
    return ServerMessage{Granted{*request, *std::move(ticket)}};
  }
  return malformed("unknown verb \"" + kind + "\"");
}

}  // namespace pshare
