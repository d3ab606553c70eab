#include "relay/rendezvous.hpp"

#include <algorithm>

#include "secure/identity.hpp"
#include "wire/subscriber.hpp"

namespace pshare {

Rendezvous::Rendezvous(NameStore& store, Settings settings)
    : store_(store), settings_(std::move(settings)), next_device_(settings_.first_device.number) {
  if (settings_.random != nullptr) codes_.emplace(*settings_.random);
}

// --- saying things --------------------------------------------------------------------------------------------------

void Rendezvous::say(DeviceId device, ServerMessage message) { actions_.push_back(Reply{device, std::move(message)}); }

void Rendezvous::refuse(DeviceId device, std::uint64_t request, Errc code, std::string words) {
  say(device, Trouble{request, code, std::move(words)});
}

void Rendezvous::give_up(DeviceId device, std::uint64_t request, const Error& why) {
  refuse(device, request, Errc::failed, "the server has trouble with its list of names; try again later, or tell its operator");
  actions_.push_back(Complaint{why});
}

void Rendezvous::end(DeviceId device, Client& client, Errc code, std::string words) {
  if (client.stage == Stage::closing) return;
  say(device, Trouble{std::nullopt, code, words});
  close(device, client, std::move(words));
}

void Rendezvous::close(DeviceId device, Client& client, std::string why) {
  client.stage = Stage::closing;
  by_patience_.erase({client.patience_ends, device});
  disappear(device, client);  // at once: nothing that is sent to it now would arrive
  actions_.push_back(Close{device, std::move(why)});
}

void Rendezvous::be_patient_until(DeviceId device, Client& client, TimePoint until) {
  by_patience_.erase({client.patience_ends, device});
  client.patience_ends = until;
  by_patience_.emplace(until, device);
}

// --- coming and going -----------------------------------------------------------------------------------------------

DeviceId Rendezvous::connected(const PublicKey& key, const Endpoint& from, TimePoint now, std::optional<IpAddress> at) {
  const DeviceId device{next_device_++};
  const auto subscriber = subscriber_of(from.address);
  auto& client = clients_.emplace(device, Client{key, id_of(key), from, subscriber, at, TokenBucket{verbs_of_a_connection, now},
                                                 TokenBucket{dial_backs_of_a_connection, now}, now}).first->second;
  be_patient_until(device, client, now + settings_.hello_patience);
  const auto of_address = ++of_address_[subscriber];
  if (stopping_)
    end(device, client, Errc::busy, "the server is stopping");
  else if (clients_.size() > settings_.max_clients)
    end(device, client, Errc::busy, "the server is full; try again later, or use another one");
  else if (of_address > max_clients_of_an_address)
    end(device, client, Errc::busy, "too many connections from your address at once; end some, or try again later");
  else if (!hellos_.allow(subscriber, now))
    end(device, client, Errc::limit, "too many new connections from your address; wait a minute");
  return device;
}

void Rendezvous::received(DeviceId device, const ClientMessage& message, UnixTime wall, TimePoint now) {
  const auto found = clients_.find(device);
  if (found == clients_.end() || found->second.stage == Stage::closing) return;
  auto& client = found->second;
  if (!client.verbs.take(now)) return end(device, client, Errc::limit, "too many requests at once; slow down");
  if (const auto* hello = std::get_if<Hello>(&message)) return greet(device, client, *hello, wall, now);
  if (client.stage != Stage::welcomed) return end(device, client, Errc::malformed, "the first message must be a hello");
  be_patient_until(device, client, now + client_silence);
  std::visit(
      [&](const auto& verb) {
        using Verb = std::decay_t<decltype(verb)>;
        if constexpr (std::is_same_v<Verb, AskTicket>) on(device, client, verb, wall, now);
        else if constexpr (!std::is_same_v<Verb, Hello>) on(device, client, verb, now);
      },
      message);
}

void Rendezvous::garbled(DeviceId device, const Error& why) {
  if (const auto found = clients_.find(device); found != clients_.end()) end(device, found->second, Errc::malformed, why.message());
}

void Rendezvous::disconnected(DeviceId device, TimePoint now) {
  const auto found = clients_.find(device);
  if (found == clients_.end()) return;
  const auto& client = found->second;
  if (codes_) tell_left(codes_->gone(device, now));
  disappear(device, client);
  by_patience_.erase({client.patience_ends, device});
  if (const auto count = of_address_.find(client.subscriber); --count->second == 0) of_address_.erase(count);
  clients_.erase(found);
}

void Rendezvous::disappear(DeviceId device, const Client& client) {
  presence_.disappear(client.id, device);
  volunteers_.gone(device, client.id);
  if (!presence_.key_of(client.id)) reflections_.erase(client.id);
}

void Rendezvous::reflected(const PublicKey& key, const IpAddress& from) {
  const auto id = id_of(key);
  if (!presence_.key_of(id)) return;
  auto& seen = reflections_[id];
  std::erase(seen, from);
  seen.push_back(from);
  if (seen.size() > max_reflections_of_a_key) seen.pop_front();
}

void Rendezvous::stop() {
  stopping_ = true;
  for (auto& [device, client] : clients_) end(device, client, Errc::busy, "the server is stopping; pshare connects again by itself");
}

void Rendezvous::greet(DeviceId device, Client& client, const Hello& hello, UnixTime wall, TimePoint now) {
  if (client.stage == Stage::welcomed) return end(device, client, Errc::malformed, "a second hello");
  const auto speaks = "the server speaks control version " + std::to_string(control_version) + ", you speak " + std::to_string(hello.version);
  if (hello.version < oldest_control_version) return end(device, client, Errc::version, speaks + ": update pshare on your machine");
  if (hello.version > control_version) return end(device, client, Errc::version, speaks + ": the server's operator has to update pshare-server");
  client.stage = Stage::welcomed;
  be_patient_until(device, client, now + client_silence);
  const bool answers_only = std::ranges::count(hello.features, answers_only_feature) != 0;
  const auto attention = answers_only ? Presence::Attention::answers_only : Presence::Attention::offers;
  if (const auto oldest = presence_.appear(client.key, client.id, device, attention))
    end(*oldest, clients_.at(*oldest), Errc::limit, "this identity is online too many times; the oldest connection gives way");
  say(device, Welcome{control_version, device, client.from, wall, settings_.agent, settings_.notice,
                      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(mailbox_patience).count()),
                      settings_.stun, settings_.stun_alternate, settings_.reflect_alternate, other_address(client), settings_.tickets != nullptr, settings_.relays, codes_.has_value()});
  if (attention == Presence::Attention::offers) hand_over_mail(device, client, now);
}

std::optional<IpAddress> Rendezvous::other_address(const Client& client) const {
  if (!settings_.addresses || !client.at) return std::nullopt;
  const auto& [one, other] = *settings_.addresses;
  if (*client.at == one) return other;
  if (*client.at == other) return one;
  return std::nullopt;
}

void Rendezvous::hand_over_mail(DeviceId device, const Client& client, TimePoint now) {
  mailbox_.expire(now);
  deliver_waiting(device, mailbox_.take(client.id));
}

void Rendezvous::deliver_waiting(DeviceId device, std::vector<WaitingLetter> letters) {
  for (auto& letter : letters) {
    // A sender that has connected anew meanwhile has another number: then the answer is for every device of its key.
    const auto answer_to = presence_.has(letter.from, letter.from_device) ? letter.from_device : DeviceId{};
    say(device, Delivery{letter.from, answer_to, std::move(letter.body), letter.shown_address, letter.shown_other});
  }
}

// --- the verbs ------------------------------------------------------------------------------------------------------

void Rendezvous::on(DeviceId device, Client& client, const Register& message, TimePoint now) {
  const auto name = parse_name(message.name);
  if (!name) return refuse(device, message.request, Errc::malformed, name.error().doing);
  const auto present = store_.key_of(*name);
  if (!present) return give_up(device, message.request, present.error());
  // Clients say their name again with every connection: that changes nothing, and costs nothing.
  if (*present == client.key) return say(device, Registered{message.request, *name});
  if (!registrations_of_keys_.allow(client.id, now))
    return refuse(device, message.request, Errc::limit, "too many registrations of yours; wait some minutes");
  if (!registrations_.allow(client.subscriber, now))
    return refuse(device, message.request, Errc::limit, "too many registrations from your address; wait a minute");
  // Whether somebody has it is what whoever guesses names wants to know, however they ask.
  if (!misses_.allow(client.subscriber, now))
    return refuse(device, message.request, Errc::limit, "too many names were asked for from your address; wait a minute");
  const auto owner = store_.claim(*name, client.key);
  if (!owner && owner.error().code == Errc::limit) return refuse(device, message.request, Errc::limit, owner.error().doing);
  if (!owner) return give_up(device, message.request, owner.error());
  if (*owner != client.key)
    return refuse(device, message.request, Errc::refused, "the name \"" + *name + "\" belongs to another key; choose another name");
  say(device, Registered{message.request, *name});
}

bool Rendezvous::may_look_up(const Client& client, TimePoint now) {
  return lookups_of_keys_.allow(client.id, now) && lookups_.allow(client.subscriber, now);
}

void Rendezvous::on(DeviceId device, Client& client, const Resolve& message, TimePoint now) {
  if (!may_look_up(client, now)) return refuse(device, message.request, Errc::limit, "too many look-ups; wait a minute");
  if (const auto* name = std::get_if<std::string>(&message.whom)) return resolve_name(device, client, message.request, *name, now);
  resolve_id(device, message.request, std::get<PeerId>(message.whom));
}

void Rendezvous::resolve_name(DeviceId device, Client& client, std::uint64_t request, const std::string& text, TimePoint now) {
  if (!misses_.would_allow(client.subscriber, now))
    return refuse(device, request, Errc::limit, "too many names that nobody has were asked for from your address; wait a minute");
  const auto name = parse_name(text);
  const auto key = name ? store_.key_of(*name) : Result<std::optional<PublicKey>>{std::optional<PublicKey>{}};
  if (!key) return give_up(device, request, key.error());
  if (*key) return say(device, Resolved{request, *name, **key, presence_.online(id_of(**key))});
  misses_.allow(client.subscriber, now);
  refuse(device, request, Errc::unknown_peer, "nobody of that name is known here");
}

void Rendezvous::resolve_id(DeviceId device, std::uint64_t request, const PeerId& id) {
  const auto registered = store_.registration_of(id);
  if (!registered) return give_up(device, request, registered.error());
  if (*registered) return say(device, Resolved{request, (*registered)->name, (*registered)->key, presence_.online(id)});
  const auto present = presence_.key_of(id);
  if (!present) return refuse(device, request, Errc::unknown_peer, "nobody of that ID is known here");
  say(device, Resolved{request, {}, *present, presence_.online(id)});
}

void Rendezvous::on(DeviceId device, Client& client, const Who& message, TimePoint now) {
  if (message.peers.size() > max_who) return refuse(device, message.request, Errc::limit, "too many peers in one question");
  if (!may_look_up(client, now)) return refuse(device, message.request, Errc::limit, "too many look-ups; wait a minute");
  WhoReply reply{message.request, {}};
  std::ranges::copy_if(message.peers, std::back_inserter(reply.online), [&](const PeerId& peer) { return presence_.online(peer); });
  say(device, std::move(reply));
}

bool Rendezvous::may_signal(const Client& client, std::size_t body, TimePoint now) {
  const auto count = static_cast<std::uint32_t>(1 + body / signal_unit);
  return signals_of_keys_.allow(client.id, now, count) && signals_.allow(client.subscriber, now, count);
}

std::optional<IpAddress> Rendezvous::proven_other(const Client& client, const SendSignal& message) const {
  const auto& other = message.other_address;
  if (!message.show_address || !other || other->is_v4() == client.from.address.is_v4()) return std::nullopt;
  const auto seen = reflections_.find(client.id);
  // What the sender merely names would aim the recipient's packets at whomever it likes.
  if (seen == reflections_.end() || std::ranges::find(seen->second, *other) == seen->second.end()) return std::nullopt;
  return other;
}

std::vector<DeviceId> Rendezvous::recipients(DeviceId sender, const SendSignal& message) const {
  // What may wait is an offer; anything else is an answer, and may be for a device that takes nothing but those.
  auto devices = message.wait ? presence_.takers_of(message.to, clients_.at(sender).id) : presence_.devices(message.to, Presence::Attention::answers_only);
  std::erase_if(devices, [&](DeviceId each) { return each == sender || (message.device != DeviceId{} && message.device != each); });
  return devices;
}

void Rendezvous::on(DeviceId device, Client& client, const SendSignal& message, TimePoint now) {
  const auto fate = [&](Fate what) { say(device, SignalFate{message.request, what}); };
  if (message.body.size() > max_signal_body) return refuse(device, message.request, Errc::limit, "the signal is too long");
  if (!may_signal(client, message.body.size(), now))
    return refuse(device, message.request, Errc::limit, "too many signals of yours; wait a minute");
  const auto devices = recipients(device, message);
  const auto shown = message.show_address ? std::optional{client.from.address} : std::nullopt;
  const auto other = proven_other(client, message);
  for (const auto each : devices) say(each, Delivery{client.id, device, message.body, shown, other});
  if (!devices.empty()) return fate(Fate::delivered);

  if (!presence_.key_of(message.to)) {
    const auto registered = store_.registration_of(message.to);
    if (!registered) return give_up(device, message.request, registered.error());
    if (!*registered) return fate(Fate::unknown);
  }
  if (!message.wait || message.device != DeviceId{}) return fate(Fate::offline);
  mailbox_.expire(now);
  const bool kept = mailbox_.put(message.to, {client.id, device, client.subscriber, message.session, message.body, shown, other}, now);
  fate(kept ? Fate::waiting : Fate::mailbox_full);
}

void Rendezvous::on(DeviceId device, Client& client, const Withdraw& message, TimePoint) {
  const bool waited = mailbox_.withdraw(client.id, message.to, message.session);
  say(device, SignalFate{message.request, waited ? Fate::waiting : Fate::unknown});
}

std::optional<Trouble> Rendezvous::may_dial(Client& client, std::uint64_t request, TimePoint now) {
  if (client.dialling >= max_dial_backs_of_a_connection || !client.dial_backs.take(now))
    return Trouble{request, Errc::limit, "too many probes of yours; wait a minute"};
  if (dialling_.size() >= max_dial_backs) return Trouble{request, Errc::busy, "too many probes at once; try again"};
  if (!dial_backs_.allow(client.subscriber, now)) return Trouble{request, Errc::limit, "too many probes from your address; wait a minute"};
  return std::nullopt;
}

std::uint64_t Rendezvous::start_dialling(DeviceId device, Client& client, std::uint64_t request, std::optional<Endpoint> volunteered) {
  ++client.dialling;
  const auto number = next_dial_back_++;
  dialling_.emplace(number, Dialling{device, request, volunteered});
  return number;
}

void Rendezvous::on(DeviceId device, Client& client, const Probe& message, TimePoint now) {
  if (!settings_.dials_back) return refuse(device, message.request, Errc::unsupported, "this server dials nobody back");
  if (auto no = may_dial(client, message.request, now)) return say(device, *std::move(no));
  const auto number = start_dialling(device, client, message.request);
  // Never to anywhere else: else we would be made to knock at strangers' doors.
  actions_.push_back(DialBack{number, message.transport, {client.from.address, message.port}, message.nonce, other_address(client)});
}

void Rendezvous::dialled_back(std::uint64_t number, DialBackOutcome outcome) {
  const auto dialled = dialling_.extract(number);
  if (!dialled) return;
  const auto found = clients_.find(dialled.mapped().device);
  if (found == clients_.end()) return;
  const auto& [device, request, volunteered] = dialled.mapped();
  auto& client = found->second;
  --client.dialling;
  if (client.stage == Stage::closing) return;
  if (!volunteered) return say(device, Probed{request, outcome});
  volunteers_.looked(device, client.id, *volunteered, outcome == DialBackOutcome::reached);
  say(device, Volunteered{request, outcome, *volunteered});
}

// --- relays ---------------------------------------------------------------------------------------------------------

void Rendezvous::on(DeviceId device, Client& client, const Volunteer& message, TimePoint now) {
  if (!settings_.tickets || !settings_.dials_back) return refuse(device, message.request, Errc::unsupported, "this server lists no supernodes");
  const Endpoint at{client.from.address, message.port};
  if (message.port.number == 0) {
    volunteers_.gone(device, client.id);
    return say(device, Volunteered{message.request, DialBackOutcome::refused, at});  // by the volunteer itself
  }
  switch (volunteers_.offered({device, client.id, client.subscriber, at, message.for_anyone, message.full})) {
    case Volunteers::Verdict::known: return say(device, Volunteered{message.request, DialBackOutcome::reached, at});
    case Volunteers::Verdict::too_many: return refuse(device, message.request, Errc::limit, "too many supernodes are at your address already");
    case Volunteers::Verdict::look: break;
  }
  if (auto no = may_dial(client, message.request, now)) return say(device, *std::move(no));
  actions_.push_back(VerifyRelay{start_dialling(device, client, message.request, at), at, client.id});
}

void Rendezvous::on(DeviceId device, Client& client, const AskRelays& message, TimePoint now) {
  if (!settings_.tickets) return refuse(device, message.request, Errc::unsupported, "this server lists no supernodes");
  if (message.trusted.size() > max_who) return refuse(device, message.request, Errc::limit, "too many peers in one question");
  if (!may_look_up(client, now)) return refuse(device, message.request, Errc::limit, "too many look-ups; wait a minute");
  say(device, Relays{message.request, volunteers_.list_for(client.id, message.trusted)});
}

void Rendezvous::on(DeviceId device, Client& client, const AskTicket& message, UnixTime wall, TimePoint now) {
  if (!settings_.tickets) return refuse(device, message.request, Errc::unsupported, "this server signs no tickets");
  const bool ours = message.relay == settings_.tickets->id();
  if (ours && !settings_.relays) return refuse(device, message.request, Errc::offline, "this server does not relay");
  if (!ours && !volunteers_.lists(message.relay)) return refuse(device, message.request, Errc::offline, "that relay is not there any more, or full");
  auto ticket = settings_.tickets->sign({client.id, message.peer, message.relay, message.session}, client.subscriber, wall, now);
  if (!ticket) return refuse(device, message.request, ticket.error().code, ticket.error().doing);
  say(device, Granted{message.request, *std::move(ticket)});
}

// --- codes ----------------------------------------------------------------------------------------------------------

void Rendezvous::tell_left(const std::vector<CodeDesk::Left>& left) {
  for (const auto& [device, number] : left) say(device, CodeNews{number, CodeNews::What::gone, {}});
}

void Rendezvous::on(DeviceId device, Client& client, const CodeOpen& message, TimePoint now) {
  if (!codes_) return refuse(device, message.request, Errc::unsupported, "this server knows no codes");
  tell_left(codes_->expire(now));
  const auto number = codes_->open(person(device, client), message.wish, now);
  if (!number) return refuse(device, message.request, number.error().code, number.error().doing);
  say(device, CodeAnswer{message.request, *number});
}

void Rendezvous::on(DeviceId device, Client& client, const CodeJoin& message, TimePoint now) {
  if (!codes_) return refuse(device, message.request, Errc::unsupported, "this server knows no codes");
  tell_left(codes_->expire(now));
  const auto host = codes_->join(person(device, client), message.number, now);
  if (!host) return refuse(device, message.request, host.error().code, host.error().doing);
  say(device, CodeAnswer{message.request, message.number});
  say(*host, CodeNews{message.number, CodeNews::What::joined, message.body});
}

void Rendezvous::on(DeviceId device, Client&, const CodeMessage& message, TimePoint now) {
  if (!codes_) return refuse(device, message.request, Errc::unsupported, "this server knows no codes");
  tell_left(codes_->expire(now));
  const auto to = codes_->pass(device, message.number);
  if (!to) return refuse(device, message.request, to.error().code, to.error().doing);
  say(device, CodeAnswer{message.request, message.number});
  say(*to, CodeNews{message.number, CodeNews::What::message, message.body});
}

void Rendezvous::on(DeviceId device, Client&, const CodeClose& message, TimePoint now) {
  if (!codes_) return refuse(device, message.request, Errc::unsupported, "this server knows no codes");
  if (const auto other = codes_->close(device, message.number, now)) tell_left({*other});
  say(device, CodeAnswer{message.request, message.number});
}

void Rendezvous::on(DeviceId device, Client& client, const TakeOffers& message, TimePoint now) {
  if (!codes_) return refuse(device, message.request, Errc::unsupported, "this server knows no codes");
  if (!may_look_up(client, now)) return refuse(device, message.request, Errc::limit, "too many look-ups; wait a minute");
  presence_.take_offers(client.id, device, message.from);
  say(device, TakingOffers{message.request});
  mailbox_.expire(now);
  deliver_waiting(device, mailbox_.take(client.id, message.from));
}

void Rendezvous::on(DeviceId device, Client&, const Ping&, TimePoint) { say(device, Pong{}); }

void Rendezvous::on(DeviceId device, Client& client, const Bye&, TimePoint) { close(device, client, "bye"); }

// --- time -----------------------------------------------------------------------------------------------------------

void Rendezvous::expire(TimePoint now) {
  mailbox_.expire(now);
  if (codes_) tell_left(codes_->expire(now));
  while (!by_patience_.empty() && by_patience_.begin()->first <= now) {
    const auto device = by_patience_.begin()->second;
    auto& client = clients_.at(device);
    end(device, client, Errc::limit, client.stage == Stage::greeting ? "you did not say hello" : "nothing was heard of you for a minute");
  }
}

std::optional<TimePoint> Rendezvous::deadline() const {
  auto earliest = mailbox_.deadline();
  const auto code = codes_ ? codes_->deadline() : std::nullopt;
  if (code && (!earliest || *code < *earliest)) earliest = code;
  if (!by_patience_.empty() && (!earliest || by_patience_.begin()->first < *earliest)) earliest = by_patience_.begin()->first;
  return earliest;
}

std::optional<Rendezvous::Action> Rendezvous::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace pshare
