// Climbs the ladder for one session: dials the peer's candidates, lets the peer in at the door, and punches, all at the same time, as the
// ladder says. What this build can drive, traversal/ascent knows.
//
// Both peers do the same. On the sender's side first_lane() picks one lane and closes all others. The receiver keeps every lane that
// comes, and learns which one is used when the sender speaks on it.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "io/asio.hpp"
#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "secure/identity.hpp"
#include "secure/tls.hpp"
#include "traversal/ascent.hpp"
#include "traversal/io/lane.hpp"
#include "traversal/io/lane_door.hpp"
#include "traversal/io/quic_lane.hpp"
#include "traversal/io/relay_guide.hpp"
#include "traversal/io/standpoint.hpp"
#include "traversal/pairing.hpp"
#include "traversal/punching/check.hpp"
#include "traversal/punching/rounds.hpp"
#include "wire/candidate.hpp"
#include "wire/ids.hpp"

namespace pshare {

/// How long the sender waits for the receiver's word which supernodes it reaches, and the receiver for the sender's at which of them. Then each looks
/// again, after a pause.
inline constexpr Duration relays_word_patience = std::chrono::seconds{5};
/// Lanes in succession or not, on which nothing has arrived, after which a session leaves a supernode for the server's relay. A single one may be the peer's doing.
inline constexpr std::size_t max_vain_lanes_at_a_supernode = 2;

/// What this side is to the transfer. The sender is the controlling side in RFC 8445's words: it speaks first on every connection, and chooses.
enum class ClimbRole { sender, receiver };

struct ClimbSettings {
  SessionId session;
  PeerId peer;
  ClimbRole role = ClimbRole::receiver;
  CheckKey check_key = {};
  std::vector<Tier> tiers{all_tiers.begin(), all_tiers.end()};  // in order of preference
  bool tcp_allowed = true, udp_allowed = true;
};

/// What the peer has told of itself.
struct PeerFacts {
  std::vector<Candidate> candidates;
  NatFacts nat = {};
  std::vector<IpAddress> seen_at = {};  // by the server, which vouches for them: one of each family at most
};

class Climb;

class Climber {
 public:
  /// What all sessions of a program climb with. All of it lives longer.
  struct Equipment {
    asio::any_io_executor executor;
    const TlsContext& tls;
    const Identity& identity;
    LaneDoor& door;
    Standpoint& standpoint;
    RelayGuide& relays;
    Random& random;
  };

  /// From now on the peer is let in at the door. The climber lives longer than its coroutines.
  /// Errors: busy, when the same session with the same peer is under way already.
  Climber(const Equipment& equipment, ClimbSettings settings);
  Climber(const Climber&) = delete;

  /// Climbs whenever that is asked for. Runs beside the session until cancelled. Errors, for the receiver: no_path, when there was not
  /// one in time.
  awaitable<void> run();

  /// For the receiver: looks for lanes, and takes those that come, for next_lane() to hand out. `begin`: the agreed moment.
  void attend(PeerFacts peer, TimePoint begin, TimePoint until);
  /// The next lane of the receiver.
  awaitable<LanePtr> next_lane();
  /// Every lane was lost: the receiver looks again, for as long as it takes. Plain punching goes on for `patience`: the sender may notice the loss
  /// earlier or later than we, and without the server it cannot say when it looks for us.
  void climb_again(Duration patience);

  /// For the sender: the ladder's winner; all other lanes are closed, and later callers turned away. Can be called again when every
  /// lane is lost. Errors: no_path, with what was tried in words.
  awaitable<LanePtr> first_lane(PeerFacts peer, TimePoint until);
  /// For the sender, on a relayed path: a straight lane, as soon as there is one. Waits for it.
  awaitable<LanePtr> better_lane();
  /// For the sender: a lane over the other transport that came up a little later, for the session to find out which is faster. Waits for it.
  awaitable<LanePtr> rival();

  /// One more lane like that one: dials the same address again if we dialled, else waits for the peer to do so.
  /// Errors: those of dialling; timed_out.
  awaitable<LanePtr> another_lane(const Path& like, std::uint32_t ordinal, TimePoint until);
  /// True if a lane with this path was dialled from here; then further ones can be as well.
  bool dialled(const Path& path) const;

  /// What the peer says through the server meanwhile.
  void heard(const Punch& punch);
  /// `seen_at`: as in PeerFacts, by now; those that were seen before are kept where there is no newer one of the family.
  void heard(const MoreCandidates& more, const std::vector<IpAddress>& seen_at);
  void heard(const RelaysNear& nearby);
  void heard(const MeetAtRelay& meet);
  /// Something has changed here or there, so that a straight path may be possible: on a relayed one it is looked for at once.
  void try_again();
  /// A lane was lost, and the session goes on over these. If none of them is straight any more, one is looked for again.
  void lanes_left(const std::vector<Path>& lanes);

  /// For the sender: the lane with this path was lost before anything had arrived on it. A supernode that loses lanes so gives way to the server's relay,
  /// where that may be used: it may be doing so on purpose.
  void lost_in_vain(const Path& path);

  /// What it has told by now.
  const PeerFacts& peer() const { return peer_; }

  /// A search has succeeded over this transport, between these two networks.
  void search_first(Transport transport) { search_first_ = transport; }
  /// A path was found to carry less than it did: lanes over UDP do without large datagrams from now on.
  void avoid_large_datagrams() { search_path_mtu_ = false; }

  /// Called at the end of each attempt.
  void set_on_attempt(std::function<void(const Attempt&)> on_attempt) { on_attempt_ = std::move(on_attempt); }
  /// The receiver's climb came to nothing. True: run() goes on all the same, and somebody will call climb_again().
  void set_on_no_path(std::function<bool()> goes_on) { goes_on_ = std::move(goes_on); }
  /// What is to be said to the peer, through the server.
  using Word = std::variant<Punch, RelaysNear, MeetAtRelay, TryAgain>;
  void set_on_say(std::function<void(const Word&)> on_say) { on_say_ = std::move(on_say); }
  /// Told of the relay and its limits when a lane over one is up.
  void set_on_relayed(std::function<void(const Path&, const RelayJoined&)> on_relayed) { on_relayed_ = std::move(on_relayed); }

 private:
  friend class Climb;
  struct Wanted { TimePoint begin, until; Duration plain_patience = plain_udp_patience; };

  awaitable<LanePtr> dial(Pair pair, std::uint32_t ordinal, TimePoint since);
  awaitable<LanePtr> over_tcp(TcpStream socket, Tier tier, std::uint32_t ordinal, TimePoint since);
  awaitable<LanePtr> over_udp(std::shared_ptr<UdpPort> port, Endpoint remote, Tier tier, Duration rtt, TimePoint since);
  awaitable<void> speak_to_callers();
  awaitable<void> speak_to(LaneDoor::Caller caller);
  awaitable<LanePtr> speak_to_caller(TcpStream socket);
  Tier tier_of_caller(const TcpStream& socket) const;
  /// The sender's way to a relay of that tier: the best that takes us both. Errors: no_path (there is none), unsupported; those of the way there.
  awaitable<LanePtr> meet(Tier tier, TimePoint since);
  awaitable<LanePtr> meet_at(RelayPlace place, Tier tier, TimePoint since);
  /// Through the relay `place`, for both sides.
  awaitable<LanePtr> over_relay(RelayPlace place, ByteBuffer ticket, Tier tier, TimePoint since);
  /// For the receiver: the sender is on its way to that relay. Whichever climb runs, and goes on when it ends: the sender may notice a loss before us,
  /// so that our climb begins when the meeting has.
  awaitable<void> meet_there(RelayPlace place, ByteBuffer ticket, Tier tier);
  awaitable<std::vector<NearRelay>> supernodes();
  awaitable<bool> tell_relays();
  void say(const Word& word) const;
  awaitable<void> sort_callers();
  awaitable<void> watch_standpoint();
  void want(const Wanted& wanted);
  Ascent::Settings how_to_climb(Duration patience) const;
  Targets targets_of(const std::vector<Candidate>& candidates) const;
  bool allows(Tier tier) const;
  void refuse_unless_allowed(Tier tier) const;
  bool gives_way(const PeerId& supernode) const;
  bool straight() const;
  bool udp_possible() const;
  void moved(const UdpPort& port, const Endpoint& from, const Endpoint& to);

  Equipment with_;
  ClimbSettings settings_;
  PeerFacts peer_;
  LaneDoor::Registration registration_;
  std::vector<Pair> dialled_;          // those that led to lanes
  std::optional<Wanted> wanted_;       // a climb that has not begun
  Wakeup wanted_news_;
  Climb* climb_ = nullptr;             // the one that runs
  TaskGroup* tasks_ = nullptr;         // while run() does
  std::map<Tier, std::size_t> attended_;  // the receiver's meetings that are under way
  std::optional<PeerId> met_at_;       // the supernode that the sender's latest lane of that tier leads through
  std::map<PeerId, std::size_t> lost_in_vain_at_;
  std::deque<LanePtr> taken_;          // the receiver's, for next_lane()
  Wakeups lane_taken_;
  LanePtr chosen_, rival_, better_;    // the sender's
  std::optional<std::vector<RelaysNear::Distance>> their_relays_;
  Wakeups their_relays_known_, better_news_;
  std::optional<Error> no_path_;
  Wakeups chosen_news_, rival_news_;
  std::size_t further_wanted_ = 0;     // callers that another_lane() waits for
  std::deque<LanePtr> further_;
  Wakeups further_news_;
  Wakeups climb_began_;
  std::vector<std::pair<const UdpPort*, QuicLane::Mover>> moves_;  // of our UDP lanes
  bool search_path_mtu_ = true;
  std::optional<Transport> search_first_;
  std::function<void(const Attempt&)> on_attempt_;
  std::function<bool()> goes_on_ = [] { return false; };
  std::function<void(const Word&)> on_say_;
  std::function<void(const Path&, const RelayJoined&)> on_relayed_;
};

}  // namespace pshare
