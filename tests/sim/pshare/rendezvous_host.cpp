#include "pshare/rendezvous_host.hpp"

#include <utility>

namespace pshare::sim {

namespace {

/// As relay/io/control_connection has it: what was said to a client before it is sent away has so long to arrive.
constexpr Duration farewell_patience = std::chrono::milliseconds{500};

}  // namespace

UnixTime wall_clock(TimePoint now) {
  return UnixTime{std::chrono::seconds{1'800'000'000}} + std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
}

void RendezvousHost::start() {
  machine_.power_on();
  machine_.start();
  by_device_.clear();
  connections_.clear();
  Rendezvous::Settings settings{.agent = "sim", .notice = {}};
  settings.first_device = DeviceId{1 + world_.random().below(std::uint64_t{1} << 32)};
  core_ = std::make_unique<Driver<Rendezvous>>(machine_, Rendezvous{names_, settings}, [this](Rendezvous::Action action) { perform(std::move(action)); });
  listener_ = value_or_throw(machine_.listen({.port = rendezvous_port}));
  listener_.on_accept([this](TcpSocket socket) { accept(std::move(socket)); });
}

void RendezvousHost::kill() { machine_.kill(); }

void RendezvousHost::power_off() { machine_.power_off(); }

std::vector<Endpoint> RendezvousHost::endpoints() const {
  std::vector<Endpoint> all;
  for (const auto& each : machine_.addresses()) all.push_back({each.address, rendezvous_port});
  return all;
}

void RendezvousHost::accept(TcpSocket socket) {
  auto& connection = connections_.emplace_back();
  connection.stream = std::make_unique<SecuredStream>(
      machine_, std::move(socket), SecuredStream::Role::server, key_, [](const PeerId&) { return true; },
      SecuredStream::Events{.ready = [this, &connection] { ready(connection); },
                            .heard = [this, &connection](ByteView bytes) { heard(connection, bytes); },
                            .ended = [this, &connection](const Error&) { gone(connection); }});
}

void RendezvousHost::ready(Connection& connection) {
  const auto& stream = *connection.stream;
  core_->feed([&](Rendezvous& core) {
    connection.device = core.connected(stream.peer_key(), stream.remote(), world_.now());
    by_device_[*connection.device] = &connection;
  });
}

void RendezvousHost::heard(Connection& connection, ByteView bytes) {
  control_bytes_ += bytes.size();
  connection.frames.feed(bytes);
  while (auto body = value_or_throw(connection.frames.next())) {
    const auto message = decode_client_message(*body);
    core_->feed([&](Rendezvous& core) {
      if (message)
        core.received(*connection.device, *message, wall_clock(world_.now()), world_.now());
      else
        core.garbled(*connection.device, message.error());
    });
  }
}

void RendezvousHost::gone(Connection& connection) {
  if (!connection.device || by_device_.erase(*connection.device) == 0) return;
  connection.stream->close();
  core_->feed([&](Rendezvous& core) { core.disconnected(*connection.device, world_.now()); });
}

void RendezvousHost::perform(Rendezvous::Action action) {
  if (const auto* reply = std::get_if<Rendezvous::Reply>(&action)) {
    const auto found = by_device_.find(reply->to);
    if (found == by_device_.end()) return;
    const auto framed = frame(encode(reply->message));
    control_bytes_ += framed.size();
    found->second->stream->write(framed);
  } else if (const auto* close = std::get_if<Rendezvous::Close>(&action)) {
    const auto found = by_device_.find(close->device);
    if (found != by_device_.end()) machine_.in(farewell_patience, [this, connection = found->second] { gone(*connection); });
  }
}

}  // namespace pshare::sim
