// Fuzzes who meets at a relay: peers who present what they like as often as they like, leave, and carry, and an owner who changes what he allows. An input is
// a run of steps. Whatever they are, nobody is joined but the two of a ticket, no ticket twice, nothing is said to those who are not there, and the bounds hold.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <vector>

#include "relay/joiner.hpp"
#include "secure/identity.hpp"
#include "secure/ticket.hpp"
#include "steps.hpp"

namespace pshare {
namespace {

using std::chrono::seconds;

const Identity& rendezvous() {
  static const Identity identity = value_or_throw(Identity::generate());
  return identity;
}

/// Signing takes longer than all else in a step, and the same tickets are presented again and again.
const ByteBuffer& signed_by_the_rendezvous(const Ticket& ticket) {
  static constexpr std::size_t most_remembered = 10'000;
  static std::map<ByteBuffer, ByteBuffer> remembered;
  auto body = encode(ticket);
  if (remembered.size() >= most_remembered) remembered.clear();
  const auto known = remembered.find(body);
  return known != remembered.end() ? known->second : remembered.emplace(std::move(body), sign_ticket(rendezvous(), ticket)).first->second;
}

PeerId peer(unsigned which) { return PeerId{{static_cast<std::byte>(which % 4 + 1)}}; }

IpAddress address(unsigned which) {
  return which & 4 ? IpAddress{IpAddress::V6{std::byte{0x20}, std::byte{1}, {}, {}, {}, {}, {}, static_cast<std::byte>(which & 1), static_cast<std::byte>(which)}}
                   : IpAddress{IpAddress::V4{std::byte{192}, {}, {}, static_cast<std::byte>(which & 3)}};
}

class Relay {
 public:
  explicit Relay(Steps steps) : steps_(steps), settings_(settings()), joiner_(settings_) {}

  void run() {
    while (steps_.any()) {
      step();
      drain();
      joiner_.expire(now_);
      drain();
      const auto due = joiner_.deadline();
      demand(!due || *due > now_);  // else its driver would go round in circles
      look();
    }
    joiner_.cut_all({.code = Errc::closed, .doing = "the relay ends"}, now_);
    drain();
    demand(joiner_.lane_count() == 0);
  }

 private:
  struct Side {
    PeerId who;
    TicketId ticket;
    std::optional<RelayLane> lane = {};  // nothing: it waits
  };
  struct Lane {
    Ticket ticket;
    std::uint64_t bytes = 0;
  };
  struct OfPair {
    TimePoint since;
    std::uint64_t bytes = 0;
  };

  Joiner::Settings settings() {
    const auto how = steps_.next();
    Joiner::Settings settings{.rendezvous = {}, .relay = us};
    if ((how & 1) == 0) settings.rendezvous.push_back(rendezvous().public_key());
    settings.max_lanes = 3, settings.max_waiting = 4, settings.max_sides_of_a_key = 4, settings.max_sides_of_an_address = 5;
    if (how & 2) settings.max_spent = settings.max_pairs = few;
    if (how & 4) settings.volume_left = 1000;
    if (how & 8) settings.friends = std::set{peer(0), peer(1)};
    if (how & 16) settings.rate = 1'000'000;
    return settings;
  }

  void step() {
    switch (steps_.next() % 12) {
      case 0:
      case 1:
      case 2: present(ticket()); break;
      case 3: {  // garbled on the way, or nothing of the kind
        auto bytes = steps_.next() & 1 ? buffer_of(steps_.some()) : signed_by_the_rendezvous(ticket());
        if (!bytes.empty()) bytes[steps_.next() % bytes.size()] ^= static_cast<std::byte>(steps_.next());
        present_bytes(peer(steps_.next()), bytes);
        break;
      }
      case 4:
        if (const auto side = some_side(); side && !sides_.at(*side).lane) joiner_.gone(*side), sides_.erase(*side);
        break;
      case 5:
      case 6:
        if (const auto lane = some_lane()) {
          carry(*lane, std::min<std::uint64_t>(joiner_.allowance(*lane), steps_.next() * std::uint64_t{8}));  // its driver carries no more than that
        }
        break;
      case 7:
        if (const auto lane = some_lane()) {
          joiner_.ended(*lane, {.code = Errc::closed, .doing = "one of the two has left"}, now_);
          over(*lane);
        }
        break;
      case 8: now_ += std::chrono::milliseconds{10} * steps_.next(); break;
      case 9: now_ += seconds{2} * steps_.next(); break;
      case 10: now_ += std::chrono::minutes{15} * steps_.next(); break;
      case 11: change(); break;
    }
  }

  void carry(RelayLane number, std::uint64_t bytes) {
    auto& lane = lanes_.at(number);
    lane.bytes += bytes;
    carried_ += bytes;
    if (lane.ticket.quota) {
      auto& of_the_two = of_pair_.try_emplace(std::minmax(lane.ticket.one, lane.ticket.other), OfPair{now_}).first->second;
      if (now_ >= of_the_two.since + quota_window) of_the_two = OfPair{now_};
      of_the_two.bytes += bytes;
      demand(of_the_two.bytes <= *lane.ticket.quota || settings_.max_pairs == few);
    }
    joiner_.carried(number, bytes, now_);
  }

  void change() {
    const auto how = steps_.next();
    switch (how % 8) {
      case 0:
        friends_ = std::set{peer(how >> 3), peer(how >> 5)};
        joiner_.serve_only(friends_);
        break;
      case 1: joiner_.serve_only(friends_ = std::nullopt); break;
      case 2: joiner_.allow_volume((how / 8) * std::uint64_t{32}, now_); break;
      case 3: joiner_.allow_volume(std::nullopt, now_); break;
      case 4: joiner_.trust(rendezvous().public_key()); break;
      case 5: clock_off_ = ticket_clock_slack * (how / 8) / 31 - ticket_clock_slack / 2; break;
      case 6:
        if (how > 200) joiner_.drain(), draining_ = true;
        break;
      case 7: joiner_.cut_all({.code = Errc::failed, .doing = "the owner has had enough"}, now_); break;
    }
  }

  /// One of a few, of which many are the same, and a few are strange.
  Ticket ticket() {
    const auto which = steps_.next(), how = steps_.next();
    const auto issued = how & 8 ? std::chrono::floor<std::chrono::minutes>(now_ - TimePoint{}) : std::chrono::minutes{};
    Ticket ticket{.id = {}, .session = {}, .one = peer(which), .other = peer(which >> 2), .relay = us, .expires = {}, .quota = {}};
    ticket.expires = start + issued + std::chrono::minutes{how & 7u};
    if (how & 16) ticket.quota = (how >> 5) * 100u + 100;
    if (how > 240) ticket.relay = peer(which);
    ByteWriter all_of_it;
    all_of_it.u8(static_cast<std::uint8_t>(which)).u8(static_cast<std::uint8_t>(how)).u32(static_cast<std::uint32_t>(issued.count()));
    std::ranges::copy(all_of_it.view(), ticket.id.bytes.begin());
    signed_.emplace(signed_by_the_rendezvous(ticket), ticket.id);
    tickets_.emplace(ticket.id, ticket);
    return ticket;
  }

  void present(const Ticket& ticket) {
    const auto bytes = signed_by_the_rendezvous(ticket);
    const auto whose = steps_.next();
    present_bytes(whose & 8 ? peer(whose) : whose & 4 ? ticket.one : ticket.other, bytes);
  }

  void present_bytes(const PeerId& who, ByteView bytes) {
    const RelaySide side{++last_side_};
    const auto from = address(steps_.next());
    const auto ticket = signed_.find(buffer_of(bytes));  // what is not in there never opens
    sides_.emplace(side, Side{who, ticket == signed_.end() ? TicketId{} : ticket->second});
    joiner_.presented(side, who, from, bytes, wall(), now_);
  }

  void drain() {
    for (std::size_t actions = 0; auto action = joiner_.take(); ++actions) {
      demand(actions < 100);
      if (const auto* join = std::get_if<Joiner::Join>(&*action)) joined(*join);
      if (const auto* refuse = std::get_if<Joiner::Refuse>(&*action)) {
        said(refuse->answer);
        const auto side = sides_.find(refuse->side);
        demand(side != sides_.end() && !side->second.lane);
        sides_.erase(side);
      }
      if (const auto* cut = std::get_if<Joiner::Cut>(&*action)) {
        demand(!cut->why.doing.empty());
        over(cut->lane);
      }
    }
    while (const auto over = joiner_.take_over()) {
      const auto bytes = carried_by_.find(over->lane.lane);
      demand(bytes != carried_by_.end() && bytes->second == over->lane.bytes);
      carried_by_.erase(bytes);
    }
    demand(carried_by_.empty());  // each lane that has ended is told of, once
  }

  void joined(const Joiner::Join& join) {
    said(join.limits);
    demand(join.one != join.other && sides_.contains(join.one) && sides_.contains(join.other));
    auto &one = sides_.at(join.one), &other = sides_.at(join.other);
    demand(!one.lane && !other.lane && one.ticket == other.ticket);
    const auto& ticket = tickets_.at(one.ticket);
    demand(std::minmax(one.who, other.who) == std::minmax(ticket.one, ticket.other) && ticket.one != ticket.other);
    demand(ticket.relay == us && ticket.expires > wall() && !draining_);
    demand(!friends_ || (friends_->contains(one.who) && friends_->contains(other.who)));
    demand(!ticket.quota || (join.limits.bytes_left && *join.limits.bytes_left <= *ticket.quota));
    if (settings_.max_spent != few) demand(used_.insert(ticket.id).second);
    one.lane = other.lane = join.lane;
    demand(lanes_.emplace(join.lane, Lane{ticket}).second);
  }

  void said(const RelayAnswer& answer) {
    const auto again = decode_relay_answer(encode(answer));
    demand(again && again->index() == answer.index());  // what the peer can read
  }

  void over(RelayLane lane) {
    const auto found = lanes_.find(lane);
    demand(found != lanes_.end());
    carried_by_.emplace(lane, found->second.bytes);
    lanes_.erase(found);
    std::erase_if(sides_, [&](const auto& each) { return each.second.lane == lane; });
    demand(joiner_.allowance(lane) == 0);
  }

  void look() {
    demand(joiner_.lane_count() == lanes_.size() && lanes_.size() <= settings_.max_lanes && joiner_.lanes(now_).size() == lanes_.size());
    demand(joiner_.waiting() == sides_.size() - 2 * lanes_.size() && joiner_.waiting() <= settings_.max_waiting);
    demand(joiner_.total_bytes() == carried_);
    std::map<PeerId, std::size_t> of_key;
    for (const auto& [number, side] : sides_) demand(++of_key[side.who] <= settings_.max_sides_of_a_key);
    for (const auto& [number, lane] : lanes_) demand(joiner_.allowance(number) > 0);
  }

  std::optional<RelaySide> some_side() { return one_of(sides_); }
  std::optional<RelayLane> some_lane() { return one_of(lanes_); }
  template <typename Key, typename Value>
  std::optional<Key> one_of(const std::map<Key, Value>& all) {
    if (all.empty()) return std::nullopt;
    return std::next(all.begin(), steps_.next() % static_cast<std::ptrdiff_t>(all.size()))->first;
  }

  /// The relay's own clock, which its machine may set: never further off than it allows for.
  UnixTime wall() const { return std::chrono::floor<seconds>(start + (now_ - TimePoint{}) + clock_off_); }

  static constexpr std::size_t few = 2;
  static constexpr UnixTime start{seconds{1'800'000'000}};
  const PeerId us{{std::byte{200}}};
  Steps steps_;
  TimePoint now_{};
  seconds clock_off_{0};
  Joiner::Settings settings_;
  Joiner joiner_;
  std::optional<std::set<PeerId>> friends_ = settings_.friends;
  bool draining_ = false;
  std::uint64_t last_side_ = 0, carried_ = 0;
  std::map<RelaySide, Side> sides_;
  std::map<ByteBuffer, TicketId> signed_;
  std::map<TicketId, Ticket> tickets_;
  std::map<RelayLane, Lane> lanes_;
  std::map<RelayLane, std::uint64_t> carried_by_;  // of those that have ended
  std::set<TicketId> used_;
  std::map<std::pair<PeerId, PeerId>, OfPair> of_pair_;
};

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 1024) return 0;
  pshare::Relay{pshare::Steps{std::as_bytes(std::span{data, size})}}.run();
  return 0;
}
