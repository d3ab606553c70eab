#include "pshare/server_link.hpp"

#include <algorithm>
#include <utility>

namespace pshare::sim {

namespace {

/// As traversal/io/rendezvous_client has it.
constexpr Duration server_connect_patience = std::chrono::seconds{10};

}  // namespace

ServerLink::ServerLink(World& world, Machine& machine, Server server, const PublicKey& own, std::vector<std::string> features, Events events)
    : world_(world),
      machine_(machine),
      server_(std::move(server)),
      own_(own),
      events_(std::move(events)),
      link_(machine, RendezvousLink{"sim", world.random(), world.now(), std::move(features)},
            [this](RendezvousLink::Action action) { perform(std::move(action)); }) {
  link_.feed([](RendezvousLink&) {});  // it has something to say from the beginning
}

void ServerLink::ask(Request request, Duration patience, Answer answer) {
  link_.feed([&](RendezvousLink& link) {
    const auto number = link.request(std::move(request), world_.now() + patience, world_.now());
    if (answer) asked_[number] = std::move(answer);
  });
}

void ServerLink::perform(RendezvousLink::Action action) {
  const auto answer = [this](RequestNumber request, Result<RendezvousLink::Reply> with) {
    const auto asked = asked_.extract(request);
    if (asked) asked.mapped()(std::move(with));
  };
  if (std::holds_alternative<RendezvousLink::Connect>(action)) {
    dial();
  } else if (const auto* send = std::get_if<RendezvousLink::Send>(&action)) {
    if (connection_) connection_->write(frame(encode(send->message)));
  } else if (std::holds_alternative<RendezvousLink::Disconnect>(action)) {
    if (auto* const connection = std::exchange(connection_, nullptr)) connection->close();
  } else if (const auto* online = std::get_if<RendezvousLink::Online>(&action)) {
    events_.online(online->welcome);
  } else if (const auto* offline = std::get_if<RendezvousLink::Offline>(&action)) {
    events_.offline(offline->why);
  } else if (auto* answered = std::get_if<RendezvousLink::Answered>(&action)) {
    answer(answered->request, std::move(answered->reply));
  } else if (auto* failed = std::get_if<RendezvousLink::Failed>(&action)) {
    answer(failed->request, Unexpected{std::move(failed->error)});
  } else if (const auto* delivered = std::get_if<RendezvousLink::Delivered>(&action)) {
    events_.delivered(delivered->delivery);
  } else if (const auto* ended = std::get_if<RendezvousLink::Ended>(&action)) {
    events_.offline(ended->error);
  }
}

void ServerLink::dial() {
  const auto reachable = std::ranges::find_if(server_.endpoints, [&](const Endpoint& each) { return machine_.source_for(each.address).has_value(); });
  frames_ = {};
  const auto number = connections_.size();
  const auto this_one = [this, number]() -> SecuredStream* { return connections_[number].get(); };
  connections_.push_back(std::make_unique<SecuredStream>(
      machine_, machine_.connect(reachable == server_.endpoints.end() ? server_.endpoints.front() : *reachable), SecuredStream::Role::client, own_,
      [id = server_.id](const PeerId& peer) { return peer == id; },
      SecuredStream::Events{.ready = [this] { link_.feed([&](RendezvousLink& link) { link.connected(world_.now()); }); },
                            .heard = [this](ByteView bytes) { heard(bytes); },
                            .ended = [this, this_one](const Error& why) { lost(this_one(), why); }}));
  connection_ = this_one();
  machine_.in(server_connect_patience, [this, this_one] {
    if (connection_ != this_one() || connection_->is_ready()) return;
    connection_->close();
    lost(connection_, {.code = Errc::timed_out, .doing = "connecting to the server"});
  });
}

void ServerLink::heard(ByteView bytes) {
  frames_.feed(bytes);
  while (const auto body = value_or_throw(frames_.next()))
    link_.feed([&](RendezvousLink& link) { link.received(value_or_throw(decode_server_message(*body)), world_.now()); });
}

void ServerLink::lost(const SecuredStream* connection, Error why) {
  if (connection_ != connection) return;  // the link gave it up before we noticed
  connection_ = nullptr;
  link_.feed([&](RendezvousLink& link) { link.connection_lost(std::move(why), world_.now()); });
}

}  // namespace pshare::sim
