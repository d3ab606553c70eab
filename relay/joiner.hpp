// Who may meet at this relay, and for how long: two sides that present the same ticket (wire/ticket.hpp) become a lane. A core without
// sockets: the driver (relay/io/relay_service.hpp) reads the hellos, joins the sockets and counts the bytes. What is said to peers is in
// wire/relay_hello.hpp. The server's own relay and a supernode are the same.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "wire/address.hpp"
#include "wire/bytes.hpp"
#include "wire/core.hpp"
#include "wire/error.hpp"
#include "wire/ids.hpp"
#include "wire/relay_hello.hpp"
#include "wire/ticket.hpp"

namespace pshare {

/// How long a side waits for the other one. Both are told of the ticket at nearly the same time, and a dial takes seconds at most.
inline constexpr Duration joining_patience = std::chrono::seconds{30};
/// A lane without a byte for so long is cut: peers that live say something every few seconds (lane_beat), so theirs has been forgotten.
inline constexpr Duration relay_idle_patience = std::chrono::minutes{5};
/// Why a lane ended is remembered for so long at least, so that a peer whose lane was cut can ask.
inline constexpr Duration spent_memory = std::chrono::minutes{2};
/// How far the clock by which tickets are judged may be off that of the server that signed them, or go back. A ticket that seems to hold longer than
/// any does is refused: so what is remembered of those that were used always outlives them.
inline constexpr std::chrono::seconds ticket_clock_slack = std::chrono::minutes{2};
/// Tickets that were used. One that is forgotten before it expires could be used again; each is some 300 bytes.
inline constexpr std::size_t max_spent_tickets = 20'000;

/// What a ticket allows is for two peers within so long a time, however many tickets they get. Counted from the first byte; a relay that is started
/// anew has forgotten it.
inline constexpr Duration quota_window = std::chrono::hours{24};
/// Pairs of peers that are remembered for it; each is some 150 bytes.
inline constexpr std::size_t max_watched_pairs = 100'000;

inline constexpr std::size_t default_max_relay_lanes = 2'000;
/// Sides that wait for the other one: each keeps a TLS connection, some 60 KiB.
inline constexpr std::size_t max_waiting_sides = 1'000;
/// Sides, waiting or joined, of one key: somebody with several devices, each with a few transfers.
inline constexpr std::size_t max_relay_sides_of_a_key = 64;
/// And of one address: a carrier's NAT has hundreds of people behind one.
inline constexpr std::size_t max_relay_sides_of_an_address = 256;

/// A connection of one peer, numbered by the driver; never reused.
struct RelaySide {
  std::uint64_t number = 0;
  friend auto operator<=>(const RelaySide&, const RelaySide&) = default;
};

/// Two sides that were joined. Numbered by the core; never reused.
struct RelayLane {
  std::uint64_t number = 0;
  friend auto operator<=>(const RelayLane&, const RelayLane&) = default;
};

class Joiner {
 public:
  struct Settings {
    std::vector<PublicKey> rendezvous;  // whose tickets count
    PeerId relay;                       // who we are
    std::size_t max_lanes = default_max_relay_lanes;
    std::optional<std::uint64_t> rate = {};         // bytes each second, of the whole relay; told to the peers, kept by the driver
    std::optional<std::uint64_t> volume_left = {};  // bytes that may still be carried, by all lanes together; nothing: no limit
    std::optional<std::set<PeerId>> friends = {};   // both peers must be among these (docs/decisions/0023); nothing: anyone is served
    std::size_t max_sides_of_a_key = max_relay_sides_of_a_key, max_sides_of_an_address = max_relay_sides_of_an_address;
    std::size_t max_waiting = max_waiting_sides;
    std::size_t max_spent = max_spent_tickets, max_pairs = max_watched_pairs;
  };

  /// To both: `limits`; then bytes may flow between them. To be followed by ended().
  struct Join   { RelayLane lane; RelaySide one, other; RelayJoined limits; };
  /// To be said to that side, and then it is to be let go. No gone() follows.
  struct Refuse { RelaySide side; RelayRefused answer; };
  /// End that lane. No ended() needs to follow.
  struct Cut    { RelayLane lane; Error why; };
  using Action = std::variant<Join, Refuse, Cut>;

  explicit Joiner(Settings settings) : settings_(std::move(settings)) {}

  /// A connection whose TLS handshake proved `peer` said hello.
  void presented(RelaySide side, const PeerId& peer, const IpAddress& from, ByteView signed_ticket, UnixTime wall, TimePoint now);
  /// A side that waits has left.
  void gone(RelaySide side);
  /// The lane has carried so much more, whichever way. May cut it, or all.
  void carried(RelayLane number, std::uint64_t bytes, TimePoint now);
  /// How much that lane may carry before it is cut; 0 for one that is not there any more.
  std::uint64_t allowance(RelayLane lane) const;
  /// The peers have ended the lane, or one of them was lost. Nothing happens if it was cut before.
  void ended(RelayLane number, Error why, TimePoint now);
  /// No more lanes; those that wait are refused. What has been joined goes on.
  void drain();
  /// Cuts every lane.
  void cut_all(const Error& why, TimePoint now);

  /// Tickets of that rendezvous count as well from now on; those of the others that count still do.
  void trust(const PublicKey& rendezvous);

  // What the owner changes while it runs. Lanes go on, unless the volume is used up.
  void serve_only(std::optional<std::set<PeerId>> friends) { settings_.friends = std::move(friends); }
  void allow_volume(std::optional<std::uint64_t> left, TimePoint now);

  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

  /// What it carries, for people to look at.
  struct LaneView {
    RelayLane lane;
    PeerId one, other;
    std::uint64_t bytes = 0;
    std::optional<std::uint64_t> bytes_left = {};
    TimePoint since;
    std::uint64_t rate = 0;  // bytes each second, of late
  };
  std::vector<LaneView> lanes(TimePoint now) const;
  /// A lane that has ended, with all that it carried. To be drained with the actions.
  struct Over { LaneView lane; Error why; };
  std::optional<Over> take_over();
  std::size_t lane_count() const { return lanes_.size(); }
  std::size_t waiting() const { return waiting_.size(); }
  std::uint64_t total_bytes() const { return total_bytes_; }
  std::uint64_t lanes_so_far() const { return next_lane_ - 1; }
  /// Of the whole relay, to be kept by the owner over restarts.
  std::optional<std::uint64_t> volume_left() const { return settings_.volume_left; }
  /// Nobody else can be served now.
  bool full() const { return draining_ || lanes_.size() >= settings_.max_lanes || settings_.volume_left == 0u; }
  bool draining() const { return draining_; }
  bool idle() const { return lanes_.empty() && waiting_.empty(); }

 private:
  struct Side {
    PeerId peer;
    IpAddress subscriber;  // as which its address is counted
  };
  struct Waiting {
    RelaySide side;
    Side who;
    TimePoint until;
  };
  /// How fast, over the last second or so.
  struct Meter {
    TimePoint since;
    std::uint64_t bytes = 0, rate = 0;
    void add(std::uint64_t more, TimePoint now);
    std::uint64_t at(TimePoint now) const;
  };
  struct Lane {
    Ticket ticket;
    TimePoint expires;  // the ticket, whatever its server's clock
    std::array<Side, 2> sides;
    TimePoint since, last_byte;
    std::uint64_t bytes = 0;
    Meter meter;
  };
  struct Spent {
    Error why;
    TimePoint until;
  };
  using Pair = std::pair<PeerId, PeerId>;
  /// Bytes carried for a pair whose tickets have a quota.
  struct Used {
    std::uint64_t bytes = 0;
    TimePoint until;
  };

  /// Why this side cannot even wait.
  std::optional<RelayRefused> objection(const PeerId& peer, const Ticket& ticket, UnixTime wall, TimePoint now) const;
  std::optional<RelayRefused> no_room(const Side& side) const;
  /// Where all places are taken, whoever has most of them gives one up: else a few could keep everybody out.
  bool make_room_for(const Side& newcomer);
  void wait(const Ticket& ticket, RelaySide side, Side who, TimePoint now);
  void join(const Ticket& ticket, Waiting first, RelaySide side, Side who, UnixTime wall, TimePoint now);
  std::optional<std::uint64_t> left_of(const Lane& lane) const;
  static Pair pair_of(const Ticket& ticket) { return std::minmax(ticket.one, ticket.other); }
  void count_for_pair(const Pair& pair, std::uint64_t bytes, TimePoint now);
  LaneView view(RelayLane number, const Lane& lane, TimePoint now) const;
  void refuse(RelaySide side, RelayRefused answer) { actions_.push_back(Refuse{side, std::move(answer)}); }
  void cut(RelayLane lane, Error why, TimePoint now);
  void cut_what_is_used_up(const Pair& pair, TimePoint now);
  Waiting stop_waiting(std::map<TicketId, Waiting>::iterator place);
  void remember(const TicketId& ticket, Error why, TimePoint until);
  void count(const Side& side);
  void discount(const Side& side);

  Settings settings_;
  bool draining_ = false;
  std::map<TicketId, Waiting> waiting_;
  std::map<RelaySide, TicketId> tickets_of_waiting_;
  std::set<std::pair<TimePoint, TicketId>> by_patience_;  // those that wait
  std::map<RelayLane, Lane> lanes_;
  std::map<TicketId, RelayLane> in_use_;
  std::map<Pair, std::set<RelayLane>> with_quota_;  // lanes whose tickets have one
  std::set<std::pair<TimePoint, RelayLane>> by_idleness_;  // not earlier than it is to be looked at
  std::map<TicketId, Spent> spent_;
  std::set<std::pair<TimePoint, TicketId>> by_oblivion_;  // of those
  std::map<Pair, Used> used_;
  std::set<std::pair<TimePoint, Pair>> by_renewal_;  // of those
  std::map<PeerId, std::size_t> of_key_;
  std::map<IpAddress, std::size_t> of_address_;
  std::uint64_t next_lane_ = 1, total_bytes_ = 0;
  std::deque<Action> actions_;
  std::deque<Over> over_;
};
static_assert(Core<Joiner>);

}  // namespace pshare
