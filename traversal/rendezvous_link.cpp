#include "traversal/rendezvous_link.hpp"

#include <algorithm>
#include <utility>

#include "traversal/overloaded.hpp"

namespace pshare {

namespace {

TimePoint earlier(std::optional<TimePoint> a, TimePoint b) { return a ? std::min(*a, b) : b; }

std::string_view what(const Request& request) {
  return std::visit(Overloaded{
                        [](const Register&) { return "registering a name"; },
                        [](const Resolve&) { return "looking up a peer"; },
                        [](const Who&) { return "asking who is online"; },
                        [](const SendSignal&) { return "sending a signal"; },
                        [](const Withdraw&) { return "withdrawing an offer"; },
                        [](const Probe&) { return "asking to be dialled back"; },
                        [](const Volunteer&) { return "offering ourselves as a supernode"; },
                        [](const AskRelays&) { return "asking for supernodes"; },
                        [](const AskTicket&) { return "asking for a ticket to a relay"; },
                        [](const CodeOpen&) { return "asking for the number of a code"; },
                        [](const CodeJoin&) { return "trying a code"; },
                        [](const CodeMessage&) { return "talking to the other side of a code"; },
                        [](const CodeClose&) { return "ending a code"; },
                        [](const TakeOffers&) { return "waiting for the offer of one peer"; },
                    },
                    request);
}

bool is_about_codes(const Request& request) {
  return std::holds_alternative<CodeOpen>(request) || std::holds_alternative<CodeJoin>(request) || std::holds_alternative<CodeMessage>(request) ||
         std::holds_alternative<CodeClose>(request) || std::holds_alternative<TakeOffers>(request);
}

/// Verbs that an older server ends the conversation for, so that the Welcome must have said that this one knows them.
bool is_for_newer_servers(const Request& request) {
  return is_about_codes(request) || std::holds_alternative<Probe>(request) || std::holds_alternative<Volunteer>(request) || std::holds_alternative<AskRelays>(request) ||
         std::holds_alternative<AskTicket>(request);
}

/// Errors after which the same server at the same address will say the same again.
bool will_stay(Errc code) { return code == Errc::identity_mismatch || code == Errc::version; }

}  // namespace

RendezvousLink::RendezvousLink(std::string agent, Random& random, TimePoint, std::vector<std::string> features, Servers servers)
    : agent_(std::move(agent)), features_(std::move(features)), random_(random), may_come_right_(servers == Servers::several) {
  actions_.push_back(Connect{});
}

void RendezvousLink::connected(TimePoint now) {
  if (!std::holds_alternative<Connecting>(state_)) return;
  state_ = Greeting{now};
  round_trip_time_.reset();
  actions_.push_back(Send{Hello{.version = control_version, .agent = agent_, .features = features_}});
  if (name_) {
    own_register_ = RequestNumber{next_request_++};
    send_request(*own_register_, Register{.name = *name_}, now);
  }
  send_pending(now);
}

bool RendezvousLink::may_send(const Request& request) const {
  if (const auto* established = std::get_if<Established>(&state_)) {
    if (!is_for_newer_servers(request)) return true;
    if (is_about_codes(request)) return established->knows_codes;
    return std::holds_alternative<Probe>(request) ? established->dials_back : established->signs_tickets;
  }
  return std::holds_alternative<Greeting>(state_) && !is_for_newer_servers(request);
}

void RendezvousLink::send_pending(TimePoint now) {
  for (const auto& [number, pending] : pending_)
    if (may_send(pending.request)) send_request(number, pending.request, now);
}

void RendezvousLink::took(Duration round_trip) {
  if (!round_trip_time_ || round_trip < *round_trip_time_) round_trip_time_ = round_trip;
}

void RendezvousLink::connection_lost(Error why, TimePoint now) {
  if (std::holds_alternative<Over>(state_) || std::holds_alternative<Pausing>(state_)) return;
  lost(std::move(why), now);
}

void RendezvousLink::received(const ServerMessage& message, TimePoint now) {
  if (const auto* welcome = std::get_if<Welcome>(&message)) return welcomed(*welcome, now);
  if (const auto* trouble = std::get_if<Trouble>(&message)) return troubled(*trouble, now);
  auto* const established = std::get_if<Established>(&state_);
  if (established == nullptr) {
    if (std::holds_alternative<Greeting>(state_))
      drop({.code = Errc::malformed, .doing = "greeting the server: it said something else first"}, now);
    return;
  }
  established->last_heard = now;
  established->doubted_at.reset();
  std::visit(Overloaded{
                 [](const Welcome&) {},
                 [](const Trouble&) {},
                 [&](const Pong&) {
                   if (const auto pinged_at = std::exchange(established->pinged_at, std::nullopt)) took(now - *pinged_at);
                 },
                 [&](const Registered& reply) { answered(reply.request, reply); },
                 [&](const Resolved& reply) { answered(reply.request, reply); },
                 [&](const WhoReply& reply) { answered(reply.request, reply); },
                 [&](const SignalFate& reply) { answered(reply.request, reply); },
                 [&](const Probed& reply) { answered(reply.request, reply); },
                 [&](const Volunteered& reply) { answered(reply.request, reply); },
                 [&](const Relays& reply) { answered(reply.request, reply); },
                 [&](const Granted& reply) { answered(reply.request, reply); },
                 [&](const CodeAnswer& reply) { answered(reply.request, reply); },
                 [&](const TakingOffers& reply) { answered(reply.request, reply); },
                 [&](const CodeNews& news) { actions_.push_back(Told{news}); },
                 [&](const Delivery& delivery) { actions_.push_back(Delivered{delivery}); },
                 [&](const Notice& notice) { actions_.push_back(Noticed{notice.words}); },
             },
             message);
}

void RendezvousLink::welcomed(const Welcome& welcome, TimePoint now) {
  const auto* greeting = std::get_if<Greeting>(&state_);
  if (greeting == nullptr)
    return drop({.code = Errc::malformed, .doing = "talking to the server: it welcomed us twice"}, now);
  if (welcome.version < oldest_control_version || welcome.version > control_version)
    return drop({.code = Errc::version,
                .doing = "the server speaks version " + std::to_string(welcome.version) + " of the control protocol, this program " +
                         std::to_string(control_version),
                .hint = welcome.version < oldest_control_version ? "the server's operator should update pshare-server"
                                                                 : "update pshare"}, now);
  may_come_right_ = true;
  took(now - greeting->since);
  state_ = Established{now, now, now, welcome.stun.number != 0, welcome.signs_tickets, welcome.codes, std::nullopt, std::nullopt};
  actions_.push_back(Online{welcome});
  if (!welcome.notice.empty()) actions_.push_back(Noticed{welcome.notice});
  for (auto each = pending_.begin(); each != pending_.end();) {
    const auto& [number, pending] = *each++;  // which may be gone afterwards
    if (is_for_newer_servers(pending.request)) ask_newer(number, pending.request, now);
  }
}

void RendezvousLink::ask_newer(RequestNumber number, const Request& request, TimePoint now) {
  if (may_send(request)) return send_request(number, request, now);
  actions_.push_back(Failed{number, {.code = Errc::unsupported, .doing = std::string{what(request)} + ": this server cannot do that"}});
  pending_.erase(number);
}

void RendezvousLink::answered(std::uint64_t request, Reply reply) {
  const RequestNumber number{request};
  if (own_register_ == number) {
    own_register_.reset();
    return;
  }
  const auto found = pending_.find(number);
  if (found == pending_.end()) return;  // forgotten, or never asked
  if (const auto* registered = std::get_if<Registered>(&reply)) name_ = registered->name;
  pending_.erase(found);
  actions_.push_back(Answered{number, std::move(reply)});
}

void RendezvousLink::troubled(const Trouble& trouble, TimePoint now) {
  Error error{.code = trouble.code, .doing = "the server says: " + trouble.words};
  if (!trouble.request) {  // the connection's end follows; its reason is this, not the end of the stream
    return drop(std::move(error), now);
  }
  if (auto* const established = std::get_if<Established>(&state_)) established->last_heard = now;
  const RequestNumber number{*trouble.request};
  if (own_register_ == number) {
    own_register_.reset();
    if (trouble.code == Errc::refused) {  // the server has forgotten us and given the name away
      name_.reset();
      actions_.push_back(Noticed{"the server refuses our name after reconnecting: " + trouble.words});
    }
    return;
  }
  if (pending_.erase(number) > 0) actions_.push_back(Failed{number, std::move(error)});
}

RequestNumber RendezvousLink::request(Request request, TimePoint until, TimePoint now) {
  const RequestNumber number{next_request_++};
  if (std::holds_alternative<Over>(state_)) {
    actions_.push_back(Failed{number, last_trouble_.value_or(Error{})});
  } else if (pending_.size() >= max_requests) {
    actions_.push_back(Failed{number, {.code = Errc::limit, .doing = std::string{what(request)} + ": too many requests at once"}});
  } else {
    const auto& pending = pending_.emplace(number, Pending{std::move(request), until}).first->second;
    if (online() && is_for_newer_servers(pending.request))
      ask_newer(number, pending.request, now);
    else if (may_send(pending.request))
      send_request(number, pending.request, now);
  }
  return number;
}

void RendezvousLink::forget(RequestNumber request) { pending_.erase(request); }

void RendezvousLink::send(ClientMessage message, TimePoint now) {
  if (auto* const established = std::get_if<Established>(&state_)) established->last_said = now;
  actions_.push_back(Send{std::move(message)});
}

void RendezvousLink::send_request(RequestNumber number, const Request& request, TimePoint now) {
  std::visit(
      [&](auto message) {
        message.request = number.number;
        send(std::move(message), now);
      },
      request);
}

void RendezvousLink::doubt(TimePoint now) {
  if (auto* const pausing = std::get_if<Pausing>(&state_)) pausing->until = std::min(pausing->until, now + longest_doubtful_pause);
  auto* const established = std::get_if<Established>(&state_);
  if (established == nullptr || established->doubted_at) return;
  established->doubted_at = now;
  ping(now);
}

void RendezvousLink::move() {
  if (!online()) return;
  actions_.push_back(Disconnect{});
  own_register_.reset();
  state_ = Connecting{};
  actions_.push_back(Connect{});
}

void RendezvousLink::ping(TimePoint now) {
  std::get<Established>(state_).pinged_at = now;
  send(Ping{}, now);
}

void RendezvousLink::expire(TimePoint now) {
  for (auto each = pending_.begin(); each != pending_.end();) {
    if (each->second.until > now) {
      ++each;
      continue;
    }
    Error error{.code = Errc::timed_out, .doing = std::string{what(each->second.request)} + ": the server did not answer in time"};
    if (!online() && last_trouble_) error.doing += " (" + last_trouble_->message() + ")";
    actions_.push_back(Failed{each->first, std::move(error)});
    each = pending_.erase(each);
  }
  if (const auto* pausing = std::get_if<Pausing>(&state_); pausing != nullptr && pausing->until <= now) {
    state_ = Connecting{};
    actions_.push_back(Connect{});
  } else if (const auto* greeting = std::get_if<Greeting>(&state_); greeting != nullptr && greeting->since + welcome_patience <= now) {
    drop({.code = Errc::timed_out, .doing = "greeting the server: it did not answer"}, now);
  } else if (const auto* established = std::get_if<Established>(&state_)) {
    const bool doubted_in_vain = established->doubted_at && *established->doubted_at + doubt_patience <= now;
    if (doubted_in_vain || established->last_heard + server_silence <= now)
      drop({.code = Errc::timed_out, .doing = "talking to the server: it has fallen silent"}, now);
    else if (established->last_said + keep_alive <= now)
      ping(now);
  }
}

std::optional<TimePoint> RendezvousLink::deadline() const {
  std::optional<TimePoint> due;
  for (const auto& [number, pending] : pending_) due = earlier(due, pending.until);
  if (const auto* pausing = std::get_if<Pausing>(&state_)) due = earlier(due, pausing->until);
  if (const auto* greeting = std::get_if<Greeting>(&state_)) due = earlier(due, greeting->since + welcome_patience);
  if (const auto* established = std::get_if<Established>(&state_); established != nullptr && established->doubted_at)
    due = earlier(due, *established->doubted_at + doubt_patience);
  if (const auto* established = std::get_if<Established>(&state_))
    due = earlier(due, std::min(established->last_heard + server_silence, established->last_said + keep_alive));
  return due;
}

std::optional<RendezvousLink::Action> RendezvousLink::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

bool RendezvousLink::ends(Errc code) const { return will_stay(code) && !may_come_right_; }

/// The connection is there, and we end it.
void RendezvousLink::drop(Error why, TimePoint now) {
  if (ends(why.code)) return end(std::move(why));
  actions_.push_back(Disconnect{});
  lost(std::move(why), now);
}

void RendezvousLink::lost(Error why, TimePoint now) {
  if (ends(why.code)) return end(std::move(why));
  const auto* established = std::get_if<Established>(&state_);
  if (established != nullptr && now - established->since >= sound_connection) failures_ = 0;
  own_register_.reset();
  const auto retry_at = now + next_pause();
  state_ = Pausing{retry_at};
  last_trouble_ = why;
  actions_.push_back(Offline{std::move(why), retry_at});
}

void RendezvousLink::end(Error error) {
  const bool has_connection = std::holds_alternative<Greeting>(state_) || std::holds_alternative<Established>(state_);
  if (has_connection) actions_.push_back(Disconnect{});
  state_ = Over{};
  last_trouble_ = error;
  for (const auto& [number, pending] : std::exchange(pending_, {})) actions_.push_back(Failed{number, error});
  actions_.push_back(Ended{std::move(error)});
}

Duration RendezvousLink::next_pause() {
  auto pause = first_reconnect_pause;
  for (int i = 0; i < failures_ && pause < longest_reconnect_pause; ++i) pause *= 2;
  pause = std::min(pause, longest_reconnect_pause);
  ++failures_;
  const auto half = static_cast<std::uint64_t>(pause.count() / 2);
  return pause / 2 + Duration{static_cast<Duration::rep>(random_.below(half + 1))};
}

}  // namespace pshare
