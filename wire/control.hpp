// The conversation between a client and the rendezvous, over TLS with ALPN "pshare-control/1": each frame (wire/framing.hpp) one
// CBOR map whose "t" names the verb. The first message is Hello, answered by Welcome or by Trouble and the end.
//
//   client                                   server
//     | -- Hello{version, agent} ------------> |
//     | <- Welcome{device, observed} --------- |
//     | -- Register{request, name} ----------> |
//     | <- Registered{request} --------------- |
//     | -- Signal{request, to, body} --------> |     forwarded as Delivery{from, body}; the sender learns the fate:
//     | <- SignalFate{request, fate} --------- |     delivered, waiting, or no room / unknown
//     | <- Delivery{from, from_device, body} - |
//     | -- Probe{request, port, nonce} ------> |     the server dials back to the address at which it sees the client, says the
//     | <- Probed{request, outcome} ---------- |     nonce there (wire/dial_back.hpp), and tells what came of it
//     | -- Volunteer{request, port} ---------> |     a supernode offers itself: the server dials it back in the relay role, and lists it
//     | <- Volunteered{request, outcome} ----- |     once it has proven its key there
//     | -- AskRelays{request, trusted} ------> |     which supernodes there are: those of these people, and those that serve anyone
//     | <- Relays{request, relays} ----------- |
//     | -- AskTicket{request, peer, relay} --> |     a ticket for two (wire/ticket.hpp), for a supernode or for the server's own relay
//     | <- Granted{request, ticket} ---------- |
//     | -- CodeOpen{request} ----------------> |     a number for a one-time code (secure/code.hpp)
//     | <- CodeAnswer{request, number} ------- |
//     | -- CodeJoin{request, number, body} --> |     the other one, who was told the code: led to the first, as CodeNews{joined, body}
//     | -- CodeMessage{request, number, body}> |     either: to the other one, as CodeNews{message, body}. Neither learns more of the other
//     | <- CodeNews{number, what, body} ------ |     than these bodies say (secure/code_exchange.hpp), of which the server understands nothing
//     | -- TakeOffers{request, from} --------> |     offers of that peer come to this device, whatever its Hello said
//     | -- Ping -> | <- Pong -                 |     the client, after keep_alive of its own silence
//
// A request number is chosen by the client and echoed; a Trouble with a request number answers that request alone, one without
// is followed by the end of the connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "wire/address.hpp"
#include "wire/bytes.hpp"
#include "wire/dial_back.hpp"
#include "wire/error.hpp"
#include "wire/ids.hpp"
#include "wire/reason.hpp"
#include "wire/result.hpp"
#include "wire/time.hpp"

namespace pshare {

inline constexpr std::string_view control_alpn = "pshare-control/1";
inline constexpr std::uint64_t control_version = 1;       // what we speak
inline constexpr std::uint64_t oldest_control_version = 1;  // what we still understand

/// The client pings after this much silence of its own; the server ends a connection silent for three times as long.
inline constexpr Duration keep_alive = std::chrono::seconds{20};
/// The longest sealed signal that the server forwards.
inline constexpr std::size_t max_signal_body = 48 * 1024;
/// The most peers one Who asks about.
inline constexpr std::size_t max_who = 256;
/// The most supernodes that one answer lists: each costs who asks a round trip to measure.
inline constexpr std::size_t max_relays = 8;

/// The longest body of a code-join or a code-message.
inline constexpr std::size_t max_code_body = 1024;
/// Numbers of codes: four digits, or more where many are open.
inline constexpr std::uint64_t smallest_code_number = 1'000, largest_code_number = 9'999'999;

/// In Hello.features: this device takes answers to what it sent, but no offers, and does not count as online to those who ask.
/// For the verbs that only ask or send; without it a `pshare peers` would swallow the offer that waits for a `pshare receive`.
inline constexpr std::string_view answers_only_feature = "answers-only";

/// A name at the server: 1 to 64 characters, letters, digits, '.', '_' and '-', beginning with a letter or a digit;
/// compared in lower case. Errors: usage, with words that say which rule it breaks.
Result<std::string> parse_name(std::string_view text);

struct Hello      { std::uint64_t version = control_version; std::string agent; std::vector<std::string> features; };
struct Register   { std::uint64_t request = 0; std::string name; };
struct Resolve    { std::uint64_t request = 0; std::variant<std::string, PeerId> whom; };  // a name, or a key by its ID
struct Who        { std::uint64_t request = 0; std::vector<PeerId> peers; };
struct SendSignal { std::uint64_t request = 0; PeerId to; DeviceId device; ByteBuffer body;
                    bool wait = false;          // true: may wait for an offline peer (offers); false: now or never
                    SessionId session;          // lets the sender withdraw it while it waits
                    /// The sender wishes the server to vouch for where it is. Only then is the receiver told: who has not agreed to
                    /// a session yet stays unknown.
                    bool show_address = false;
                    /// Of the other family than this connection's: the sender wishes to be shown there as well. The server vouches for it
                    /// only if the sender's key has proven itself from there (wire/reflection.hpp). An older server ignores it.
                    std::optional<IpAddress> other_address = {}; };
struct Withdraw   { std::uint64_t request = 0; PeerId to; SessionId session; };
/// Only to a server whose Welcome names a STUN port: older ones end a conversation that has this verb in it.
/// Can this port of ours be reached from outside? Over UDP and TCP alike `nonce` is what tells: whoever hears it, was reached.
struct Probe      { std::uint64_t request = 0; Transport transport = Transport::tcp; Port port; DialBackNonce nonce = {}; };
/// "I relay for others, on this port of the address at which you see me" (design section 7). Said again while that is so, with every change:
/// the server looks again each time. Port 0: no more. Only to a server whose Welcome says that it signs tickets.
struct Volunteer  { std::uint64_t request = 0; Port port = {};
                    bool for_anyone = false;     // false: only for the volunteer's contacts, who are told of it only if they name it
                    bool full = false; };        // stays known, but is not listed until this is said without it
/// `trusted`: whose supernodes may be listed beside those that serve anyone; at most max_who.
struct AskRelays  { std::uint64_t request = 0; std::vector<PeerId> trusted; };
/// A ticket for the asking client and `peer` to meet at `relay`, for one lane of `session`.
struct AskTicket  { std::uint64_t request = 0; SessionId session; PeerId peer; PeerId relay; };
/// The five below only to a server whose Welcome says that it knows codes. A number for a new code, for as long as this connection lives, and for one guest;
/// `wish` (0: none) is the one that the code had on a connection that was lost.
struct CodeOpen   { std::uint64_t request = 0; std::uint64_t wish = 0; };
struct CodeJoin   { std::uint64_t request = 0; std::uint64_t number = 0; ByteBuffer body; };
struct CodeMessage{ std::uint64_t request = 0; std::uint64_t number = 0; ByteBuffer body; };
/// Either is through with it; if there is another one, it is told.
struct CodeClose  { std::uint64_t request = 0; std::uint64_t number = 0; };
/// Offers of this peer are for this device, which has a reason to expect one, and for no other device of its key that is there for offers in general. What waits
/// of that peer comes at once. One peer for each connection, the latest that was named.
struct TakeOffers { std::uint64_t request = 0; PeerId from; };
struct Ping       {};
struct Bye        {};
using ClientMessage = std::variant<Hello, Register, Resolve, Who, SendSignal, Withdraw, Ping, Bye, Probe, Volunteer, AskRelays, AskTicket, CodeOpen, CodeJoin, CodeMessage,
                                   CodeClose, TakeOffers>;

/// A supernode, and where the server reached it.
struct RelayListing {
  PeerId relay;
  std::vector<Endpoint> endpoints;
  bool for_anyone = false;
  friend bool operator==(const RelayListing&, const RelayListing&) = default;
};

enum class Fate { delivered, waiting, offline, unknown, mailbox_full };

struct Welcome    { std::uint64_t version = control_version; DeviceId device; Endpoint observed; UnixTime now; std::string agent;
                    std::string notice;          // from the operator, shown once; may be empty
                    std::uint64_t wait_seconds = 0;  // how long an offer waits for an offline peer
                    // What helps to find out about NATs, at the address at which the client has reached the server. Port 0, or
                    // nothing: not there, as with every older server.
                    Port stun = {};              // UDP, RFC 8489
                    Port stun_alternate = {};    // UDP, RFC 5780: where answers to CHANGE-REQUEST may come from
                    Port reflect_alternate = {}; // TCP, wire/reflection.hpp; on the main port there is one as well
                    std::optional<IpAddress> alternate_address = {};  // with the same ports
                    /// It lists supernodes and signs tickets for them; older servers end a conversation that has those verbs in it.
                    bool signs_tickets = false;
                    /// It relays itself, in the relay role (wire/relay_hello.hpp) of the port at which it was reached.
                    bool relays = false;
                    /// It gives out numbers for one-time codes, and knows TakeOffers.
                    bool codes = false; };
struct Registered { std::uint64_t request = 0; std::string name; };
/// The client computes the ID of `key` itself and compares it with what it has pinned. `name` is empty for a key without one.
struct Resolved   { std::uint64_t request = 0; std::string name; PublicKey key; bool online = false; };
struct WhoReply   { std::uint64_t request = 0; std::vector<PeerId> online; };
struct SignalFate { std::uint64_t request = 0; Fate fate = Fate::delivered; };
struct Delivery   { PeerId from; DeviceId from_device; ByteBuffer body;
                    std::optional<IpAddress> from_address = {};    // the server sees the sender there; if the sender wished so
                    std::optional<IpAddress> from_other = {}; };   // and there, over the other family
struct Probed     { std::uint64_t request = 0; DialBackOutcome outcome = DialBackOutcome::reached; };
/// Listed if `outcome` is reached: whoever answered there has proven the volunteer's key. Else not, or not any more.
struct Volunteered { std::uint64_t request = 0; DialBackOutcome outcome = DialBackOutcome::reached; Endpoint endpoint; };
struct Relays     { std::uint64_t request = 0; std::vector<RelayListing> relays; };  // at most max_relays
struct Granted    { std::uint64_t request = 0; ByteBuffer ticket; };                 // as secure/ticket.hpp signs them
/// It was done: the number given out, or that was spoken of.
struct CodeAnswer { std::uint64_t request = 0; std::uint64_t number = 0; };
/// gone: the other one has closed it, has lost its connection, or took too long.
struct CodeNews   { enum class What { joined, message, gone };
                    std::uint64_t number = 0; What what = What::message; ByteBuffer body; };
struct TakingOffers { std::uint64_t request = 0; };
struct Pong       {};
struct Notice     { std::string words; };
/// A request (or, without a number, the connection) came to nothing. Codes in use: unknown_peer (Resolve), refused (Register: the
/// name is another key's), limit (a rate, a queue, a quota that is used up), version, malformed, busy (the server is full), unsupported (Probe,
/// Volunteer, AskTicket, CodeOpen: this server does not), unknown_peer (CodeJoin: nobody has that number open; CodeMessage: the other one is gone), offline (AskTicket: that relay is not there any more).
struct Trouble    { std::optional<std::uint64_t> request; Errc code = Errc::failed; std::string words; };
using ServerMessage = std::variant<Welcome, Registered, Resolved, WhoReply, SignalFate, Delivery, Pong, Notice, Trouble, Probed, Volunteered, Relays, Granted,
                                   CodeAnswer, CodeNews, TakingOffers>;

/// The body of a frame, without its length.
ByteBuffer encode(const ClientMessage& message);
ByteBuffer encode(const ServerMessage& message);
/// Errors: malformed (unknown verb included, with its name), limit.
Result<ClientMessage> decode_client_message(ByteView body);
Result<ServerMessage> decode_server_message(ByteView body);

}  // namespace pshare
