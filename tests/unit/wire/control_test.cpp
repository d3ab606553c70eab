// The conversation with the server: every message is read back as it was written, and every broken one is refused by name.
#include "wire/control.hpp"

#include <gmock/gmock.h>

#include "wire/candidate.hpp"
#include "wire/cbor.hpp"
#include "wire/framing.hpp"
#include "wire/random.hpp"
#include "wire/ticket.hpp"

namespace pshare {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PeerId peer(std::uint64_t seed) {
  SeededRandom random{seed};
  PeerId::Digest digest;
  random.fill(digest);
  return PeerId{digest};
}

SessionId session(std::uint64_t seed = 1) {
  SeededRandom random{seed};
  return SessionId::random(random);
}

template <typename Message>
Message from_client(const Message& message) {
  return std::get<Message>(decode_client_message(encode(ClientMessage{message})).value());
}

template <typename Message>
Message from_server(const Message& message) {
  return std::get<Message>(decode_server_message(encode(ServerMessage{message})).value());
}

CborMap verb(std::string_view name) {
  CborMap map;
  map.set("t", name).set("req", std::uint64_t{9});
  return map;
}

// --- client messages ------------------------------------------------------------------------------------------------

TEST(Hello, CarriesVersionAgentAndFeatures) {
  const auto read = from_client(Hello{.version = 3, .agent = "pshare 0.1", .features = {"codes", "relay"}});
  EXPECT_EQ(read.version, 3u);
  EXPECT_EQ(read.agent, "pshare 0.1");
  EXPECT_THAT(read.features, ElementsAre("codes", "relay"));
}

TEST(Hello, NeedsOnlyAVersion) {
  CborMap map;
  map.set("t", "hello").set("v", std::uint64_t{1});
  const auto read = std::get<Hello>(decode_client_message(map.encode()).value());
  EXPECT_EQ(read.agent, "");
  EXPECT_THAT(read.features, IsEmpty());

  CborMap without;
  without.set("t", "hello");
  EXPECT_EQ(decode_client_message(without.encode()).error().code, Errc::malformed);
}

TEST(Register, CarriesRequestAndName) {
  const auto read = from_client(Register{5, "alice"});
  EXPECT_EQ(read.request, 5u);
  EXPECT_EQ(read.name, "alice");
}

TEST(Resolve, AsksForANameOrForAKey) {
  EXPECT_EQ(std::get<std::string>(from_client(Resolve{6, "bob"}).whom), "bob");
  EXPECT_EQ(std::get<PeerId>(from_client(Resolve{6, peer(2)}).whom), peer(2));
}

TEST(Who, CarriesItsPeersUpToTheLimit) {
  EXPECT_THAT(from_client(Who{7, {peer(1), peer(2)}}).peers, ElementsAre(peer(1), peer(2)));
  EXPECT_THAT(from_client(Who{7, {}}).peers, IsEmpty());
  EXPECT_EQ(from_client(Who{7, std::vector<PeerId>(max_who)}).peers.size(), max_who);
  EXPECT_FALSE(decode_client_message(encode(ClientMessage{Who{7, std::vector<PeerId>(max_who + 1)}})));
}

TEST(SendSignal, CarriesEverything) {
  const auto read = from_client(SendSignal{.request = 8, .to = peer(1), .device = DeviceId{4}, .body = buffer_of(bytes_of("sealed")),
                                           .wait = true, .session = session()});
  EXPECT_EQ(read.request, 8u);
  EXPECT_EQ(read.to, peer(1));
  EXPECT_EQ(read.device, DeviceId{4});
  EXPECT_EQ(text_of(read.body), "sealed");
  EXPECT_TRUE(read.wait);
  EXPECT_EQ(read.session, session());
}

TEST(SendSignal, BodyFitsUpToItsLimitAndAFrame) {
  SendSignal signal{.request = 8, .to = peer(1), .device = {}, .body = ByteBuffer(max_signal_body), .wait = false, .session = session()};
  EXPECT_EQ(from_client(signal).body.size(), max_signal_body);
  EXPECT_LE(encode(ClientMessage{signal}).size(), max_frame);
  signal.body.push_back({});
  EXPECT_FALSE(decode_client_message(encode(ClientMessage{signal})));
}

TEST(SendSignal, WithoutDeviceAndWaitIsForEveryDeviceNow) {
  auto map = verb("signal");
  map.set_bytes("to", peer(1).digest()).set_bytes("body", bytes_of("x")).set_bytes("session", session().bytes);
  const auto read = std::get<SendSignal>(decode_client_message(map.encode()).value());
  EXPECT_EQ(read.device, DeviceId{});
  EXPECT_FALSE(read.wait);
}

TEST(Withdraw, NamesRecipientAndSession) {
  const auto read = from_client(Withdraw{9, peer(1), session()});
  EXPECT_EQ(read.request, 9u);
  EXPECT_EQ(read.to, peer(1));
  EXPECT_EQ(read.session, session());
}

TEST(ClientMessage, PingAndByeAreJustTheirVerb) {
  EXPECT_TRUE(std::holds_alternative<Ping>(decode_client_message(encode(ClientMessage{Ping{}})).value()));
  EXPECT_TRUE(std::holds_alternative<Bye>(decode_client_message(encode(ClientMessage{Bye{}})).value()));
}

TEST(ClientMessage, WithAnUnknownVerbIsRefusedByItsName) {
  const auto refused = decode_client_message(verb("teleport").encode());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::malformed);
  EXPECT_THAT(refused.error().doing, HasSubstr("teleport"));
}

TEST(ClientMessage, WithoutWhatItNeedsIsRefused) {
  for (const auto* name : {"register", "resolve", "who", "signal", "withdraw"})
    EXPECT_EQ(decode_client_message(verb(name).encode()).error().code, Errc::malformed) << name;
  CborMap no_request;
  no_request.set("t", "register").set("name", "alice");
  EXPECT_FALSE(decode_client_message(no_request.encode()));
  EXPECT_FALSE(decode_client_message(CborMap{}.encode()));
  EXPECT_FALSE(decode_client_message(bytes_of("garbage")));
  auto short_id = verb("resolve");
  short_id.set_bytes("id", bytes_of("too short"));
  EXPECT_FALSE(decode_client_message(short_id.encode()));
}

TEST(ClientMessage, IsNoServerMessage) {
  EXPECT_FALSE(decode_server_message(encode(ClientMessage{Register{5, "alice"}})));
  EXPECT_FALSE(decode_client_message(encode(ServerMessage{Registered{5, "alice"}})));
}

// --- server messages ------------------------------------------------------------------------------------------------

TEST(Welcome, CarriesEverything) {
  for (const auto* endpoint : {"192.0.2.1:4700", "[2001:db8::1]:4700"}) {
    const auto read = from_server(Welcome{.version = 1, .device = DeviceId{3}, .observed = Endpoint::parse(endpoint).value(),
                                          .now = UnixTime{std::chrono::seconds{1'800'000'000}}, .agent = "pshare-server 0.1",
                                          .notice = "maintenance on Sunday", .wait_seconds = 86'400});
    EXPECT_EQ(read.device, DeviceId{3});
    EXPECT_EQ(read.observed.text(), endpoint);
    EXPECT_EQ(read.now.time_since_epoch(), std::chrono::seconds{1'800'000'000});
    EXPECT_EQ(read.agent, "pshare-server 0.1");
    EXPECT_EQ(read.notice, "maintenance on Sunday");
    EXPECT_EQ(read.wait_seconds, 86'400u);
  }
}

TEST(Welcome, WithATimeBeyondAllTimesIsCut) {
  CborMap map;
  map.set("t", "welcome").set("v", std::uint64_t{1}).set("device", std::uint64_t{1}).set("port", std::uint64_t{1});
  map.set_bytes("address", IpAddress::parse("192.0.2.1")->bytes()).set("now", std::uint64_t{UINT64_MAX});
  const auto read = std::get<Welcome>(decode_server_message(map.encode()).value());
  EXPECT_EQ(read.now.time_since_epoch().count(), INT64_MAX);
}

TEST(Registered, AndResolvedCarryEverything) {
  EXPECT_EQ(from_server(Registered{4, "alice"}).name, "alice");
  PublicKey key;
  key.bytes.fill(std::byte{7});
  const auto read = from_server(Resolved{.request = 4, .name = "bob", .key = key, .online = true});
  EXPECT_EQ(read.request, 4u);
  EXPECT_EQ(read.name, "bob");
  EXPECT_EQ(read.key, key);
  EXPECT_TRUE(read.online);
}

TEST(WhoReply, CarriesThoseWhoAreOnline) { EXPECT_THAT(from_server(WhoReply{4, {peer(3)}}).online, ElementsAre(peer(3))); }

TEST(SignalFate, CarriesEveryFate) {
  for (const auto fate : {Fate::delivered, Fate::waiting, Fate::offline, Fate::unknown, Fate::mailbox_full})
    EXPECT_EQ(from_server(SignalFate{4, fate}).fate, fate);
  auto strange = verb("signal-fate");
  strange.set("fate", std::uint64_t{5});
  EXPECT_FALSE(decode_server_message(strange.encode()));
}

TEST(Delivery, CarriesSenderDeviceAndBody) {
  const auto read = from_server(Delivery{peer(1), DeviceId{2}, buffer_of(bytes_of("sealed"))});
  EXPECT_EQ(read.from, peer(1));
  EXPECT_EQ(read.from_device, DeviceId{2});
  EXPECT_EQ(text_of(read.body), "sealed");
  EXPECT_FALSE(decode_server_message(encode(ServerMessage{Delivery{peer(1), {}, ByteBuffer(max_signal_body + 1)}})));
}

TEST(Trouble, AnswersOneRequestOrTheConnection) {
  const auto one = from_server(Trouble{.request = 3, .code = Errc::unknown_peer, .words = "nobody is called that"});
  EXPECT_EQ(one.request, 3u);
  EXPECT_EQ(one.code, Errc::unknown_peer);
  EXPECT_EQ(one.words, "nobody is called that");
  EXPECT_EQ(from_server(Trouble{.request = {}, .code = Errc::version, .words = "update"}).request, std::nullopt);
}

TEST(Trouble, KeepsTheCodesThatAreInUseAndNoOther) {
  for (const auto code : {Errc::unknown_peer, Errc::refused, Errc::limit, Errc::version, Errc::malformed, Errc::busy})
    EXPECT_EQ(from_server(Trouble{.request = {}, .code = code, .words = ""}).code, code);
  EXPECT_EQ(from_server(Trouble{.request = {}, .code = Errc::identity_mismatch, .words = ""}).code, Errc::failed)
      << "a server does not get to say what our exit status is";
}

TEST(ServerMessage, NoticeAndPongAreRead) {
  EXPECT_EQ(from_server(Notice{"hello"}).words, "hello");
  EXPECT_TRUE(std::holds_alternative<Pong>(decode_server_message(encode(ServerMessage{Pong{}})).value()));
}

TEST(ServerMessage, WithoutWhatItNeedsIsRefused) {
  for (const auto* name : {"welcome", "resolved", "who-reply", "signal-fate", "delivery", "teleport"})
    EXPECT_EQ(decode_server_message(verb(name).encode()).error().code, Errc::malformed) << name;
}

// --- names ----------------------------------------------------------------------------------------------------------

TEST(Name, IsComparedInLowerCase) { EXPECT_EQ(parse_name("Alice.B_c-1").value(), "alice.b_c-1"); }

TEST(Name, HasOneToSixtyFourCharacters) {
  EXPECT_TRUE(parse_name("a"));
  EXPECT_TRUE(parse_name(std::string(64, 'a')));
  EXPECT_FALSE(parse_name(""));
  EXPECT_FALSE(parse_name(std::string(65, 'a')));
}

TEST(Name, ThatBreaksARuleIsRefusedWithTheRules) {
  for (const auto* text : {".a", "-a", "_a", "a b", "a/b", "a#b", "ä", "a\n", "a@b"}) {
    const auto refused = parse_name(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, Errc::usage);
    EXPECT_THAT(refused.error().hint, HasSubstr("1 to 64 characters"));
  }
}

TEST(Welcome, SaysWhereTheServerHelpsToFindOutAboutNats) {
  for (const auto* alternate : {"192.0.2.2", "2001:db8::2"}) {
    Welcome welcome;
    welcome.stun = Port{4700}, welcome.stun_alternate = Port{4701}, welcome.reflect_alternate = Port{4702};
    welcome.alternate_address = *IpAddress::parse(alternate);
    const auto read = from_server(welcome);
    EXPECT_EQ(read.stun, Port{4700});
    EXPECT_EQ(read.stun_alternate, Port{4701});
    EXPECT_EQ(read.reflect_alternate, Port{4702});
    EXPECT_EQ(read.alternate_address->text(), alternate);
  }
}

TEST(Welcome, OfAnOlderServerNamesNoneOfThat) {
  CborMap map;
  map.set("t", "welcome").set("v", std::uint64_t{1}).set("device", std::uint64_t{1}).set("port", std::uint64_t{1});
  map.set_bytes("address", IpAddress::parse("192.0.2.1")->bytes());
  const auto plain = std::get<Welcome>(decode_server_message(map.encode()).value());
  map.set("stun", std::uint64_t{70'000}).set("address2", "not bytes");  // nonsense reads as absent
  const auto odd = std::get<Welcome>(decode_server_message(map.encode()).value());
  for (const auto& read : {plain, odd}) {
    EXPECT_EQ(read.stun, Port{});
    EXPECT_EQ(read.stun_alternate, Port{});
    EXPECT_EQ(read.reflect_alternate, Port{});
    EXPECT_FALSE(read.alternate_address);
  }
}

TEST(SendSignal, SaysWhetherTheAddressMayBeShown) {
  SendSignal signal{.request = 8, .to = peer(1), .device = {}, .body = {}, .wait = false, .session = session()};
  EXPECT_FALSE(from_client(signal).show_address);
  signal.show_address = true;
  EXPECT_TRUE(from_client(signal).show_address);
  auto older = verb("signal");
  older.set_bytes("to", peer(1).digest()).set_bytes("body", bytes_of("x")).set_bytes("session", session().bytes);
  EXPECT_FALSE(std::get<SendSignal>(decode_client_message(older.encode()).value()).show_address);
}

TEST(SendSignal, NamesTheAddressOfTheOtherFamilyIfThereIsOne) {
  SendSignal signal{.request = 8, .to = peer(1), .device = {}, .body = {}, .wait = false, .session = session()};
  EXPECT_FALSE(from_client(signal).other_address);
  for (const auto* address : {"192.0.2.9", "2001:db8::9"}) {
    signal.other_address = *IpAddress::parse(address);
    EXPECT_EQ(from_client(signal).other_address->text(), address);
  }
}

TEST(Delivery, CarriesTheSendersAddressOverEitherFamily) {
  const auto read = from_server(Delivery{peer(1), DeviceId{2}, {}, *IpAddress::parse("2001:db8::9"), *IpAddress::parse("192.0.2.9")});
  EXPECT_EQ(read.from_address->text(), "2001:db8::9");
  EXPECT_EQ(read.from_other->text(), "192.0.2.9");
}

TEST(Delivery, CarriesTheSendersAddressIfThereIsOne) {
  EXPECT_FALSE(from_server(Delivery{peer(1), DeviceId{2}, {}}).from_address);
  for (const auto* address : {"192.0.2.9", "2001:db8::9"})
    EXPECT_EQ(from_server(Delivery{peer(1), DeviceId{2}, {}, *IpAddress::parse(address)}).from_address->text(), address);
}

TEST(Probe, CarriesTransportPortAndNonce) {
  DialBackNonce nonce;
  nonce.fill(std::byte{5});
  for (const auto transport : {Transport::tcp, Transport::udp}) {
    const auto read = from_client(Probe{3, transport, Port{4711}, nonce});
    EXPECT_EQ(read.request, 3u);
    EXPECT_EQ(read.transport, transport);
    EXPECT_EQ(read.port, Port{4711});
    EXPECT_EQ(read.nonce, nonce);
  }
}

TEST(Probe, NeedsAllThree) {
  const auto probe = [](std::string_view transport, std::uint64_t port, std::size_t nonce) {
    auto map = verb("probe");
    map.set("transport", transport).set("port", port).set_bytes("nonce", ByteBuffer(nonce));
    return decode_client_message(map.encode());
  };
  EXPECT_TRUE(probe("tcp", 1, 16));
  EXPECT_FALSE(probe("sctp", 1, 16));
  EXPECT_FALSE(probe("tcp", 0, 16));
  EXPECT_FALSE(probe("tcp", 65'536, 16));
  EXPECT_FALSE(probe("tcp", 1, 15));
}

TEST(Probed, CarriesEveryOutcome) {
  for (const auto outcome : {DialBackOutcome::reached, DialBackOutcome::refused, DialBackOutcome::timeout, DialBackOutcome::unreachable})
    EXPECT_EQ(from_server(Probed{4, outcome}).outcome, outcome);
  auto strange = verb("probed");
  strange.set("outcome", "maybe");
  EXPECT_FALSE(decode_server_message(strange.encode()));
}

// --- relays ---------------------------------------------------------------------------------------------------------

TEST(Volunteer, SaysWhereAndForWhom) {
  const auto read = from_client(Volunteer{.request = 5, .port = Port{4711}, .for_anyone = true, .full = true});
  EXPECT_EQ(read.port, Port{4711});
  EXPECT_TRUE(read.for_anyone);
  EXPECT_TRUE(read.full);
  EXPECT_EQ(from_client(Volunteer{.request = 6}).port, Port{}) << "no more";
  EXPECT_FALSE(decode_client_message(verb("volunteer").encode())) << "no port";
}

TEST(AskRelays, NamesWhomWeTrust) {
  EXPECT_THAT(from_client(AskRelays{.request = 5, .trusted = {peer(1), peer(2)}}).trusted, ElementsAre(peer(1), peer(2)));
  EXPECT_THAT(from_client(AskRelays{.request = 5, .trusted = {}}).trusted, IsEmpty());
  EXPECT_FALSE(decode_client_message(verb("ask-relays").encode()));
}

TEST(AskTicket, NamesSessionPeerAndRelay) {
  const auto read = from_client(AskTicket{.request = 5, .session = session(), .peer = peer(1), .relay = peer(2)});
  EXPECT_EQ(read.session, session());
  EXPECT_EQ(read.peer, peer(1));
  EXPECT_EQ(read.relay, peer(2));
  EXPECT_FALSE(decode_client_message(verb("ask-ticket").encode()));
}

TEST(Volunteered, SaysWhereTheServerLooked) {
  const auto where = *Endpoint::parse("192.0.2.1:4711");
  const auto read = from_server(Volunteered{5, DialBackOutcome::timeout, where});
  EXPECT_EQ(read.outcome, DialBackOutcome::timeout);
  EXPECT_EQ(read.endpoint, where);
  EXPECT_FALSE(decode_server_message(verb("volunteered").encode()));
}

TEST(Relays, AreListedWithTheirAddresses) {
  const RelayListing one{peer(1), {*Endpoint::parse("192.0.2.1:1"), *Endpoint::parse("[2001:db8::1]:2")}, true}, two{peer(2), {*Endpoint::parse("192.0.2.2:3")}, false};
  EXPECT_THAT(from_server(Relays{5, {one, two}}).relays, ElementsAre(one, two));
}

TEST(Relays, BeyondTheLimitAndWithoutAddressesAreLeftOut) {
  Relays many{5, {{peer(99), {}, true}}};
  for (std::uint64_t i = 0; i < max_relays + 3; ++i) many.relays.push_back({peer(i), {*Endpoint::parse("192.0.2.1:1")}, true});
  const auto read = from_server(many).relays;
  ASSERT_EQ(read.size(), max_relays);
  EXPECT_EQ(read.front().relay, peer(0));
  Relays everywhere{5, {{peer(1), std::vector<Endpoint>(max_relay_endpoints + 2, *Endpoint::parse("192.0.2.1:1")), true}}};
  EXPECT_EQ(from_server(everywhere).relays.front().endpoints.size(), max_relay_endpoints);
}

TEST(Granted, CarriesATicketThatIsNotTooLong) {
  EXPECT_EQ(from_server(Granted{5, ByteBuffer(max_signed_ticket)}).ticket.size(), max_signed_ticket);
  EXPECT_FALSE(decode_server_message(encode(ServerMessage{Granted{5, ByteBuffer(max_signed_ticket + 1)}})));
}

TEST(Codes, AreSpokenOfByNumberAndBodiesThatAreNotTooLong) {
  EXPECT_EQ(from_client(CodeOpen{5}).wish, 0u);
  EXPECT_EQ(from_client(CodeOpen{5, 4821}).wish, 4821u);
  const auto join = from_client(CodeJoin{5, smallest_code_number, ByteBuffer(max_code_body, std::byte{7})});
  EXPECT_EQ(join.number, smallest_code_number);
  EXPECT_EQ(join.body, ByteBuffer(max_code_body, std::byte{7}));
  EXPECT_EQ(from_client(CodeMessage{5, largest_code_number, {}}).number, largest_code_number);
  EXPECT_EQ(from_client(CodeClose{5, 4821}).number, 4821u);
  EXPECT_EQ(from_client(TakeOffers{5, peer(3)}).from, peer(3));
  EXPECT_EQ(from_server(CodeAnswer{5, 4821}).number, 4821u);
  EXPECT_EQ(from_server(TakingOffers{5}).request, 5u);
  for (const auto what : {CodeNews::What::joined, CodeNews::What::message, CodeNews::What::gone}) {
    const auto news = from_server(CodeNews{4821, what, buffer_of(bytes_of("share"))});
    EXPECT_EQ(news.what, what);
    EXPECT_EQ(text_of(news.body), "share");
  }
  for (const auto number : {std::uint64_t{0}, smallest_code_number - 1, largest_code_number + 1}) {
    EXPECT_FALSE(decode_client_message(encode(ClientMessage{CodeJoin{5, number, {}}})));
    EXPECT_FALSE(decode_client_message(encode(ClientMessage{CodeMessage{5, number, {}}})));
    EXPECT_FALSE(decode_client_message(encode(ClientMessage{CodeClose{5, number}})));
    EXPECT_FALSE(decode_server_message(encode(ServerMessage{CodeAnswer{5, number}})));
    EXPECT_FALSE(decode_server_message(encode(ServerMessage{CodeNews{number, CodeNews::What::gone, {}}})));
  }
  const ByteBuffer too_long(max_code_body + 1);
  EXPECT_FALSE(decode_client_message(encode(ClientMessage{CodeJoin{5, 4821, too_long}})));
  EXPECT_FALSE(decode_client_message(encode(ClientMessage{CodeMessage{5, 4821, too_long}})));
  EXPECT_FALSE(decode_server_message(encode(ServerMessage{CodeNews{4821, CodeNews::What::message, too_long}})));
}

TEST(Welcome, SaysWhetherThereAreCodes) {
  Welcome welcome;
  welcome.observed = *Endpoint::parse("192.0.2.1:1");
  EXPECT_FALSE(from_server(welcome).codes);
  welcome.codes = true;
  EXPECT_TRUE(from_server(welcome).codes);
}

TEST(Welcome, SaysWhetherThereAreRelays) {
  Welcome welcome;
  welcome.observed = *Endpoint::parse("192.0.2.1:1");
  EXPECT_FALSE(from_server(welcome).relays);
  EXPECT_FALSE(from_server(welcome).signs_tickets);
  welcome.relays = welcome.signs_tickets = true;
  EXPECT_TRUE(from_server(welcome).relays);
  EXPECT_TRUE(from_server(welcome).signs_tickets);
}

}  // namespace
}  // namespace pshare
