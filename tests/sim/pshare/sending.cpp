#include "pshare/sending.hpp"

#include <utility>

namespace pshare::sim {

namespace {

using namespace std::chrono_literals;

// As apps/pshare/send and options have them.
constexpr Duration patience = 10min;
constexpr Duration path_patience = laneless_patience - 5s;
constexpr Duration reconnect_patience = 3s;
constexpr Duration last_words = 1s;
constexpr DeviceId every_device{};
const TransferId the_transfer{{std::byte{42}}};

}  // namespace

Sending::Sending(World& world, const Person& person, Chronicle& chronicle, Server server, std::string to, const std::vector<std::uint64_t>& files)
    : online_(world, person, chronicle, std::move(server), Online::Attendance::answers_only),
      to_name_(std::move(to)),
      lanes_(person.machine, {.joined = [this](LaneNumber lane) { side_->join(lane); },
                              .message = [this](LaneNumber lane, const LaneMessage& message) { side_->received(lane, message); },
                              .heard = [this](LaneNumber lane) { side_->heard(lane); },
                              .lost =
                                  [this](LaneNumber lane, const Error& why) {
                                    online_.lost(why);
                                    side_->lost(lane);
                                    if (lanes_.count() == 0 && !session_over_) look_for_lane(reconnect_patience);
                                  }}) {
  for (std::size_t i = 0; i < files.size(); ++i)
    value_or_throw(manifest_.add({.name = "file " + std::to_string(i), .size = files[i], .version = 1}));
  manifest_.seal(default_chunk_size);
  for (std::uint64_t i = 0; i < manifest_.chunks(); ++i) source_.push_back(world.random()());
  summary_ = {.files = manifest_.files(), .entries = manifest_.entries(), .bytes = manifest_.bytes(), .names = {"file 0"}, .text = {}};

  online_.server().ask(Resolve{.whom = to_name_}, patience, [this](Result<RendezvousLink::Reply> reply) {
    if (!reply) return online_.end(std::move(reply).error());
    to_ = id_of(std::get<Resolved>(*reply).key);
    session_ = SessionId::random(online_.world().random());
    online_.expect(session_, to_, [this](const Letter& letter) { answered(letter); });
    offer();
  });
  // A server that was restarted has forgotten what waited there.
  online_.set_on_reconnected([this] {
    if (to_ != PeerId{} && !accepted_ && !account().ended) offer();
  });
}

void Sending::offer() {
  const Offer made{.session = session_, .transfer = the_transfer, .from_name = "", .summary = summary_, .candidates = online_.candidates(), .lanes = 1};
  online_.send(to_, every_device, made, true, patience, [this](Result<RendezvousLink::Reply> reply) {
    if (!reply) return online_.end(std::move(reply).error());
    const auto fate = std::get<SignalFate>(*reply).fate;
    if (fate == Fate::delivered || fate == Fate::waiting) return online_.note(fate == Fate::waiting ? "the offer waits" : "the offer is delivered");
    online_.end(Error{.code = Errc::offline, .doing = to_name_ + " is not online"});
  });
}

void Sending::answered(const Letter& letter) {
  if (account().ended) return;
  if (std::holds_alternative<Accept>(letter.signal)) {
    if (!accepted_) accepted_ = letter, begin_session();
  } else if (std::holds_alternative<Reject>(letter.signal)) {
    online_.end(Error{.code = Errc::declined, .doing = to_name_ + " declined"});
  } else if (std::holds_alternative<Cancel>(letter.signal)) {
    const Error why{.code = Errc::cancelled, .doing = to_name_ + " called it off"};
    side_ ? side_->fail(why) : online_.end(why);
  }
}

void Sending::begin_session() {
  side_ = std::make_unique<SendingSide>(online_.machine(), manifest_, source_, the_transfer, lanes_, [this](Sender::Ended ended) {
    session_over_ = true;
    online_.door().turn_away(session_);
    lanes_.end();
    online_.end(std::move(ended.trouble));
  });
  look_for_lane(path_patience);
}

void Sending::look_for_lane(Duration how_long) {
  online_.climb(session_, to_, std::get<Accept>(accepted_->signal).candidates, how_long, Climb::Lanes::chosen,
                {.lane =
                     [this](LaneStream& lane, const Path& path) {
                       online_.door().turn_away(session_);
                       online_.found(path);
                       lanes_.add(lane);
                     },
                 .no_path = [this](const Error& why) { no_path(why); }});
}

void Sending::no_path(const Error& why) {
  if (session_over_) return;
  if (!account().paths.empty()) return side_->fail({.code = Errc::unreachable, .doing = "lost every connection to " + to_name_});
  session_over_ = true;
  online_.door().turn_away(session_);
  online_.server().ask(Withdraw{.to = to_, .session = session_}, last_words, [this, why](const Result<RendezvousLink::Reply>&) {
    const Cancel cancel{session_, Cancel::Why::no_path};
    online_.send(to_, every_device, cancel, false, last_words, [this, why](const Result<RendezvousLink::Reply>&) { online_.end(why); });
  });
}

}  // namespace pshare::sim
