#include "relay/rendezvous.hpp"

#include <algorithm>

#include "secure/identity.hpp"

namespace pshare {

Rendezvous::Rendezvous(NameStore& store, Settings settings) : store_(store), settings_(std::move(settings)) {}

void Rendezvous::say(DeviceId device, ServerMessage message) { actions_.push_back(Reply{device, std::move(message)}); }

void Rendezvous::refuse(DeviceId device, std::uint64_t request, Errc code, std::string words) {
  say(device, Trouble{request, code, std::move(words)});
}

void Rendezvous::end(DeviceId device, Client& client, Errc code, std::string words) {
  if (std::exchange(client.closing, true)) return;
  say(device, Trouble{std::nullopt, code, words});
  actions_.push_back(Close{device, std::move(words)});
}

DeviceId Rendezvous::connected(const PublicKey& key, const Endpoint& from, TimePoint now) {
  const DeviceId device{next_device_++};
  auto& client = clients_.emplace(device, Client{key, id_of(key), from, TokenBucket{verbs_of_a_connection, now}, now}).first->second;
  if (clients_.size() > settings_.max_clients) end(device, client, Errc::busy, "the server is full; try again later, or use another one");
  if (!connections_.allow(from.address, now)) end(device, client, Errc::limit, "too many connections from your address; wait a minute");
  return device;
}

void Rendezvous::received(DeviceId device, const ClientMessage& message, UnixTime wall, TimePoint now) {
  const auto found = clients_.find(device);
  if (found == clients_.end() || found->second.closing) return;
  auto& client = found->second;
  client.heard = now;
  if (!client.verbs.take(now)) return end(device, client, Errc::limit, "too many requests at once; slow down");
  if (const auto* hello = std::get_if<Hello>(&message)) return greet(device, client, *hello, wall, now);
  if (!client.welcomed) return end(device, client, Errc::malformed, "the first message must be a hello");
  std::visit(
      [&](const auto& verb) {
        if constexpr (!std::is_same_v<std::decay_t<decltype(verb)>, Hello>) on(device, client, verb, now);
      },
      message);
}

void Rendezvous::garbled(DeviceId device, const Error& why) {
  if (const auto found = clients_.find(device); found != clients_.end()) end(device, found->second, Errc::malformed, why.message());
}

void Rendezvous::disconnected(DeviceId device, TimePoint) {
  const auto found = clients_.find(device);
  if (found == clients_.end()) return;
  presence_.disappear(found->second.id, device);
  clients_.erase(found);
}

void Rendezvous::greet(DeviceId device, Client& client, const Hello& hello, UnixTime wall, TimePoint now) {
  if (client.welcomed) return end(device, client, Errc::malformed, "a second hello");
  const auto speaks = "the server speaks control version " + std::to_string(control_version) + ", you speak " + std::to_string(hello.version);
  if (hello.version < oldest_control_version) return end(device, client, Errc::version, speaks + ": update pshare on your machine");
  if (hello.version > control_version) return end(device, client, Errc::version, speaks + ": the server's operator has to update pshare-server");
  client.welcomed = true;
  if (const auto oldest = presence_.appear(client.key, client.id, device)) {
    presence_.disappear(client.id, *oldest);
    if (const auto other = clients_.find(*oldest); other != clients_.end())
      end(*oldest, other->second, Errc::limit, "this identity is online on too many machines; the oldest connection gives way");
  }
  say(device, Welcome{control_version, device, client.from, wall, settings_.agent, settings_.notice,
                      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(mailbox_patience).count())});
  mailbox_.expire(now);
  for (auto& letter : mailbox_.take(client.id)) say(device, Delivery{letter.from, letter.from_device, std::move(letter.body)});
}

void Rendezvous::on(DeviceId device, Client& client, const Register& message, TimePoint now) {
  const auto name = parse_name(message.name);
  if (!name) return refuse(device, message.request, Errc::malformed, name.error().doing);
  if (!registrations_.allow(client.from.address, now))
    return refuse(device, message.request, Errc::limit, "too many registrations from your address; wait a minute");
  const auto owner = store_.claim(*name, client.key);
  if (!owner) {
    const bool limited = owner.error().code == Errc::limit;
    return refuse(device, message.request, limited ? Errc::limit : Errc::failed, limited ? owner.error().doing : "the server cannot write its names; tell its operator");
  }
  if (*owner != client.key)
    return refuse(device, message.request, Errc::refused, "the name \"" + *name + "\" belongs to another key; choose another name");
  say(device, Registered{message.request, *name});
}

void Rendezvous::on(DeviceId device, Client& client, const Resolve& message, TimePoint now) {
  if (!lookups_.allow(client.id, now)) return refuse(device, message.request, Errc::limit, "too many look-ups; wait a minute");
  std::string name;
  std::optional<PublicKey> key;
  if (const auto* asked = std::get_if<std::string>(&message.whom)) {
    const auto parsed = parse_name(*asked);
    const auto found = parsed ? store_.key_of(*parsed) : Result<std::optional<PublicKey>>{std::optional<PublicKey>{}};
    if (!found) return refuse(device, message.request, Errc::failed, "the server cannot read its names; tell its operator");
    key = *found;
    name = parsed.value_or("");
  } else {
    const auto& id = std::get<PeerId>(message.whom);
    const auto found = store_.registration_of(id);
    if (!found) return refuse(device, message.request, Errc::failed, "the server cannot read its names; tell its operator");
    if (*found) name = (*found)->name, key = (*found)->key;
    if (!key) key = presence_.key_of(id);
  }
  if (!key) return refuse(device, message.request, Errc::unknown_peer, "nobody of that name or ID is known here");
  say(device, Resolved{message.request, name, *key, presence_.online(id_of(*key))});
}

void Rendezvous::on(DeviceId device, Client& client, const Who& message, TimePoint now) {
  if (!lookups_.allow(client.id, now)) return refuse(device, message.request, Errc::limit, "too many look-ups; wait a minute");
  WhoReply reply{message.request, {}};
  std::ranges::copy_if(message.peers, std::back_inserter(reply.online), [&](const PeerId& peer) { return presence_.online(peer); });
  say(device, std::move(reply));
}

void Rendezvous::on(DeviceId device, Client& client, const SendSignal& message, TimePoint now) {
  const auto fate = [&](Fate what) { say(device, SignalFate{message.request, what}); };
  if (presence_.online(message.to)) {
    bool delivered = false;
    for (const auto each : presence_.devices(message.to)) {
      if (message.device.number != 0 && message.device != each) continue;
      say(each, Delivery{client.id, device, message.body});
      delivered = true;
    }
    return fate(delivered ? Fate::delivered : Fate::offline);
  }
  const auto known = store_.registration_of(message.to);
  if (known && !*known) return fate(Fate::unknown);
  if (!message.wait) return fate(Fate::offline);
  mailbox_.expire(now);
  const bool kept = mailbox_.put(message.to, {client.id, device, message.session, message.body, now + mailbox_patience});
  fate(kept ? Fate::waiting : Fate::mailbox_full);
}

void Rendezvous::on(DeviceId device, Client& client, const Withdraw& message, TimePoint) {
  const bool waited = mailbox_.withdraw(client.id, message.to, message.session);
  say(device, SignalFate{message.request, waited ? Fate::waiting : Fate::unknown});
}

void Rendezvous::on(DeviceId device, Client&, const Ping&, TimePoint) { say(device, Pong{}); }

void Rendezvous::on(DeviceId device, Client& client, const Bye&, TimePoint) {
  client.closing = true;
  actions_.push_back(Close{device, "bye"});
}

void Rendezvous::expire(TimePoint now) {
  mailbox_.expire(now);
  for (auto& [device, client] : clients_)
    if (now - client.heard >= 3 * keep_alive) end(device, client, Errc::timed_out, "nothing was heard of you for a minute");
}

std::optional<TimePoint> Rendezvous::deadline() const {
  auto earliest = mailbox_.deadline();
  for (const auto& [device, client] : clients_) {
    const auto dead = client.heard + 3 * keep_alive;
    if (!client.closing && (!earliest || dead < *earliest)) earliest = dead;
  }
  return earliest;
}

std::optional<Rendezvous::Action> Rendezvous::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

}  // namespace pshare
