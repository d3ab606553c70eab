// What two peers say to each other through the server before they have a path: offer, accept, reject, cancel.
// Here in the clear; secure/sealed.hpp signs and seals them, so that the server forwards bytes it can neither read nor forge.
//
//   sender                                receiver
//     | -- Offer{summary, candidates} ----> |     no address of the receiver's before it has agreed
//     | <- Accept{candidates} or Reject --- |
//     | -- Punch{round, forecast} --------> |   either way, after the accept: a measured round of hole punching begins
//     | -- MoreCandidates ----------------> |   either way: what a router was slow to give
//     | <- RelaysNear{round trips} -------- |   how far the supernodes are that the receiver trusts
//     | -- MeetAtRelay{relay, ticket} ----> |   a relayed lane: both go to that relay, with that ticket
//     | -- TryAgain ----------------------> |   on a relayed path: both look for a straight one now
//     | -- Cancel, either way, any time --- |
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "wire/bytes.hpp"
#include "wire/candidate.hpp"
#include "wire/findings.hpp"
#include "wire/ids.hpp"
#include "wire/nat.hpp"
#include "wire/result.hpp"
#include "wire/time.hpp"

namespace pshare {

/// The version of the peer-to-peer protocol (signals, lanes, sessions). Raised when older programs cannot follow.
inline constexpr std::uint64_t peer_protocol_version = 1;

/// The longest one-line text message (--text) that an offer carries whole; it needs no lane.
inline constexpr std::size_t max_text = 16 * 1024;
/// The most top-level names that an offer lists ("film.mkv, photos and 12 more"), and the longest of them.
inline constexpr std::size_t max_offered_names = 8;
inline constexpr std::size_t max_offered_name = 255;

/// What would be sent, for the receiver's user to decide on.
struct Summary {
  std::uint64_t files = 0;
  std::uint64_t entries = 0;            // files, directories and links together
  std::optional<std::uint64_t> bytes;   // nothing: standard input, whose length is not known
  std::vector<std::string> names;       // up to max_offered_names; not trusted, not printable yet
  std::optional<std::string> text;      // --text: the message itself; then there are no files
  friend bool operator==(const Summary&, const Summary&) = default;
};

/// What the other side needs to know of our place in the network to aim at us.
struct NatFacts {
  PortForecast udp, tcp;                // of the punching port, as measured when the program started
  Duration server_rtt{};                // our round trip to the server: both begin at the same moment by it; at most longest_server_rtt
  friend bool operator==(const NatFacts&, const NatFacts&) = default;
};
inline constexpr Duration longest_server_rtt = std::chrono::seconds{2};
/// A relay that is farther counts as being so far.
inline constexpr Duration longest_relay_rtt = std::chrono::seconds{10};

/// Proves connectivity checks (traversal/punching/check.hpp). Chosen at random by the sender for each session, kept from logs.
using CheckSecret = std::array<std::byte, 32>;

/// Whether the sender would like a delivery receipt (wire/receipt.hpp). As numbers in an offer: 0 (absent), 1, 2.
enum class ReceiptWish {
  none,
  if_cheap,        // where neither side's processor is short of cores
  asked_for,       // by the user
};

struct Offer {
  SessionId session;
  TransferId transfer;
  std::string from_name;                // what the sender calls themself; not trusted
  Summary summary;
  std::vector<Candidate> candidates;    // the sender's
  std::uint64_t lanes = 1;              // how many the sender would like
  NatFacts nat = {};
  CheckSecret check_secret = {};        // all zeros: none was sent, and there is no punching over UDP
  ReceiptWish receipt = ReceiptWish::none;
  friend bool operator==(const Offer&, const Offer&) = default;
};

struct Accept {
  SessionId session;
  std::vector<Candidate> candidates;    // the receiver's
  NatFacts nat = {};
  bool receipt = false;                 // there will be one, behind Verified
  friend bool operator==(const Accept&, const Accept&) = default;
};

struct Reject {
  enum class Why {
    declined,        // the user said no
    not_a_contact,   // unattended, and a stranger asked
    no_terminal,     // nobody there to ask, and no rule says yes
    no_space,        // the destination has not room enough
    unfit,           // --stdout with more than one file, a text too long, and the like
    busy,            // too many transfers at once
    local_trouble,   // the destination cannot be written
  };
  SessionId session;
  Why why = Why::declined;
  std::string words;                    // for the sender's user; printable() before it is shown
  friend bool operator==(const Reject&, const Reject&) = default;
};

struct Cancel {
  enum class Why { user, taken_by_other_device, timed_out, superseded, no_path };
  SessionId session;
  Why why = Why::user;
  friend bool operator==(const Cancel&, const Cancel&) = default;
};

/// The receiver took note of a --text offer: it is shown and nothing more follows.
struct TextShown {
  SessionId session;
  friend bool operator==(const TextShown&, const TextShown&) = default;
};

/// The sender of this has just measured, and is ready for round `round` (1, 2, ...; 0 is the plain one that needs no measuring).
struct Punch {
  SessionId session;
  std::uint64_t round = 0;
  Transport transport = Transport::udp;
  PortForecast forecast;
  friend bool operator==(const Punch&, const Punch&) = default;
};

/// What came to be known after the offer or the accept: candidates beside those of before, and NAT facts in their place.
struct MoreCandidates {
  SessionId session;
  std::vector<Candidate> candidates;
  NatFacts nat = {};
  friend bool operator==(const MoreCandidates&, const MoreCandidates&) = default;
};

/// The supernodes that the receiver has a reason to trust and could reach, and how far each is. At most max_relays (wire/control.hpp).
struct RelaysNear {
  struct Distance {
    PeerId relay;
    Duration round_trip{};
    friend bool operator==(const Distance&, const Distance&) = default;
  };
  SessionId session;
  std::vector<Distance> relays;
  friend bool operator==(const RelaysNear&, const RelaysNear&) = default;
};

/// "Come to this relay, with this ticket": the sender is on its way there. The server's relay is named without endpoints: each goes to where it
/// has reached the server. The receiver goes only to a relay that it trusts.
struct MeetAtRelay {
  SessionId session;
  PeerId relay;
  std::vector<Endpoint> endpoints;
  ByteBuffer ticket;                    // signed (secure/ticket.hpp); not for the receiver to read
  friend bool operator==(const MeetAtRelay&, const MeetAtRelay&) = default;
};

/// On a relayed path: the sender looks for a straight one at this moment, and so shall the receiver.
struct TryAgain {
  SessionId session;
  friend bool operator==(const TryAgain&, const TryAgain&) = default;
};

using Signal = std::variant<Offer, Accept, Reject, Cancel, TextShown, Punch, MoreCandidates, Inquiry, Findings, RelaysNear, MeetAtRelay, TryAgain>;

const SessionId& session_of(const Signal& signal);
std::string_view word(Reject::Why why);
std::string_view word(Cancel::Why why);

/// At most max_frame minus what sealing adds; asserted, since offers are bounded by the limits above.
ByteBuffer encode(const Signal& signal);
/// Errors: malformed, limit, version (the words then say who should update).
Result<Signal> decode_signal(ByteView bytes);

}  // namespace pshare
