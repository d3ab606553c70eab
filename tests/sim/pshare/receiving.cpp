#include "pshare/receiving.hpp"

#include <utility>

namespace pshare::sim {

namespace {

using namespace std::chrono_literals;

// As apps/pshare/reception, progress_watch and options have them.
constexpr Duration patience = 10min;
constexpr Duration path_patience = laneless_patience - 5s;
constexpr Duration answer_patience = 30s;
constexpr Duration between_looks = 100ms;

}  // namespace

Receiving::Receiving(World& world, const Person& person, Chronicle& chronicle, Server server, Disk& disk)
    : online_(world, person, chronicle, std::move(server), Online::Attendance::offers),
      machine_(person.machine),
      disk_(disk),
      lanes_(person.machine, {.joined = [this](LaneNumber lane) { side_->join(lane); },
                              .message =
                                  [this](LaneNumber lane, const LaneMessage& message) {
                                    const auto* header = std::get_if<ChunkHeader>(&message);
                                    if (!header) return side_->received(lane, message);
                                    if (!side_->chunk_begins(lane, *header)) lanes_.drop(lane);
                                  },
                              .chunk = [this](LaneNumber lane, const ChunkHeader& header, Content content) { side_->chunk_arrived(lane, header, content); },
                              .heard = [this](LaneNumber lane) { side_->heard(lane); },
                              .lost =
                                  [this](LaneNumber lane, const Error& why) {
                                    online_.lost(why);
                                    side_->lost(lane);
                                    machine_.in(between_looks, [this] {
                                      if (lanes_.count() == 0 && !over_) look_for_lanes(TimePoint::max() - machine_.now());
                                    });
                                  }}) {
  online_.set_on_offer([this](const Letter& letter) { offered(letter); });
  online_.server().ask(Register{.name = person.name}, patience, [this](Result<RendezvousLink::Reply> reply) {
    if (!reply) return online_.end(std::move(reply).error());
    registered_ = true;
    online_.note("registered");
  });
}

void Receiving::offered(const Letter& letter) {
  if (offer_) return;
  offer_ = std::get<Offer>(letter.signal);
  from_ = letter.from;
  sender_device_ = letter.device;
  online_.note("an offer came");
  online_.expect(offer_->session, from_, [this](const Letter& further) { heard_of(further); });
  side_ = std::make_unique<ReceivingSide>(machine_, disk_, ReceivingSide::Times{}, offer_->transfer, offer_->summary, lanes_,
                                          [this](Receiver::Ended ended) { stop(std::move(ended.trouble)); });
  accepted_ = Accept{offer_->session, online_.candidates(), {}};
  answer();
}

void Receiving::heard_of(const Letter& letter) {
  if (over_) return;
  if (std::holds_alternative<Offer>(letter.signal)) {  // once more: the sender has a new connection, and may have missed our answer
    sender_device_ = letter.device;
    answer();
  } else if (const auto* taken_back = std::get_if<Cancel>(&letter.signal)) {
    stop(taken_back->why == Cancel::Why::no_path ? Error{.code = Errc::no_path, .doing = "the sender found no path to this machine"}
                                                 : Error{.code = Errc::cancelled, .doing = "the sender took the offer back"});
  }
}

void Receiving::answer() {
  online_.send(from_, sender_device_, *accepted_, false, answer_patience, [this](Result<RendezvousLink::Reply> reply) {
    if (!reply) return stop(std::move(reply).error());
    attend();
  });
}

void Receiving::attend() {
  if (!std::exchange(attending_, true)) look_for_lanes(path_patience);
}

void Receiving::look_for_lanes(Duration how_long) {
  if (climb_) climb_->end();
  climb_ = &online_.climb(offer_->session, from_, offer_->candidates, how_long, Climb::Lanes::kept,
                          {.lane =
                               [this](LaneStream& lane, const Path& path) {
                                 online_.found(path);
                                 lanes_.add(lane);
                               },
                           .no_path = [this](const Error& why) { stop(why); }});
}

void Receiving::stop(std::optional<Error> trouble) {
  if (std::exchange(over_, true)) return;
  if (climb_) climb_->end();
  lanes_.end();
  online_.door().turn_away(offer_->session);
  online_.end(std::move(trouble));
}

}  // namespace pshare::sim
