#include "pshare/rendezvous_host.hpp"

#include <utility>

namespace pshare::sim {

namespace {

/// As relay/io/control_connection has it: what was said to a client before it is sent away has so long to arrive.
constexpr Duration farewell_patience = std::chrono::milliseconds{500};
/// As relay/io/dial_back has them: when a datagram is said, when nobody is expected to refuse it any more, how long TCP may take.
constexpr Duration said_at[] = {std::chrono::milliseconds{0}, std::chrono::milliseconds{150}, std::chrono::milliseconds{500}};
constexpr Duration udp_patience = std::chrono::seconds{1};
constexpr Duration tcp_patience = std::chrono::seconds{3};

}  // namespace

UnixTime wall_clock(TimePoint now) {
  return UnixTime{std::chrono::seconds{1'800'000'000}} + std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
}

void RendezvousHost::start() {
  machine_.power_on();
  machine_.start();
  by_device_.clear();
  connections_.clear();
  dialling_.clear();
  stun_.emplace(StunServer::Settings{.port = rendezvous_port, .alternate_port = alternate_stun_port, .addresses = two_addresses()});
  stun_socket_ = serve_stun(rendezvous_port);
  alternate_stun_socket_ = serve_stun(alternate_stun_port);
  Rendezvous::Settings settings{.agent = "sim", .notice = {}, .stun = rendezvous_port, .stun_alternate = alternate_stun_port,
                                .addresses = two_addresses(), .dials_back = true};
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
    connection.device = core.connected(stream.peer_key(), stream.remote(), world_.now(), stream.local().address);
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
  } else if (const auto* back = std::get_if<Rendezvous::DialBack>(&action)) {
    dial_back(*back);
  } else if (const auto* close = std::get_if<Rendezvous::Close>(&action)) {
    const auto found = by_device_.find(close->device);
    if (found != by_device_.end()) machine_.in(farewell_patience, [this, connection = found->second] { gone(*connection); });
  }
}

// --- STUN -----------------------------------------------------------------------------------------------------------

std::optional<std::pair<IpAddress, IpAddress>> RendezvousHost::two_addresses() const {
  std::vector<IpAddress> v4;
  for (const auto& each : machine_.addresses())
    if (each.address.is_v4()) v4.push_back(each.address);
  if (v4.size() < 2) return std::nullopt;
  return std::pair{v4[0], v4[1]};
}

UdpSocket RendezvousHost::serve_stun(Port port) {
  auto socket = value_or_throw(machine_.udp({.port = port}));
  socket.on_datagram([this, port](const Endpoint& from, const Endpoint& to, ByteView bytes) {
    const auto answer = stun_->answer(bytes, from, {to.address, port});
    if (!answer) return;
    auto& out = answer->from.port == rendezvous_port ? stun_socket_ : alternate_stun_socket_;
    out.send_to(answer->to, answer->bytes, {.source = answer->from.address});
  });
  return socket;
}

// --- dialling back ----------------------------------------------------------------------------------------------------

void RendezvousHost::dial_back(const Rendezvous::DialBack& back) {
  auto& dialling = dialling_.emplace_back();
  dialling.number = back.number;
  if (back.transport == Transport::tcp) dial_tcp(dialling, back);
  else dial_udp(dialling, back);
}

void RendezvousHost::dial_tcp(Dialling& dialling, const Rendezvous::DialBack& back) {
  dialling.tcp = machine_.connect(back.to, {.source = back.from});
  dialling.tcp.on_connected([this, &dialling, nonce = back.nonce] {
    dialling.tcp.send(encode_dial_back(nonce));
    dialling.tcp.finish();
    dialled(dialling, DialBackOutcome::reached);
  });
  dialling.tcp.on_closed([this, &dialling](const TcpEnd& how) {
    if (how.kind == TcpEnd::Kind::refused || how.kind == TcpEnd::Kind::reset) dialled(dialling, DialBackOutcome::refused);
    else dialled(dialling, how.kind == TcpEnd::Kind::timed_out ? DialBackOutcome::timeout : DialBackOutcome::unreachable);
  });
  machine_.in(tcp_patience, [this, &dialling] {
    if (dialling.over) return;
    dialling.tcp.abort();
    dialled(dialling, DialBackOutcome::timeout);
  });
}

void RendezvousHost::dial_udp(Dialling& dialling, const Rendezvous::DialBack& back) {
  dialling.udp = value_or_throw(machine_.udp({}));
  dialling.udp.on_error([this, &dialling](const IcmpError& error) {
    dialled(dialling, error.kind == IcmpError::Kind::port_unreachable ? DialBackOutcome::refused : DialBackOutcome::unreachable);
  });
  for (const auto when : said_at)
    machine_.in(when, [&dialling, to = back.to, from = back.from, nonce = back.nonce] {
      if (!dialling.over) dialling.udp.send_to(to, encode_dial_back(nonce), {.source = from});
    });
  machine_.in(udp_patience, [this, &dialling] {
    dialled(dialling, DialBackOutcome::reached);
    dialling.udp.close();
  });
}

void RendezvousHost::dialled(Dialling& dialling, DialBackOutcome outcome) {
  if (std::exchange(dialling.over, true)) return;
  core_->feed([&](Rendezvous& core) { core.dialled_back(dialling.number, outcome); });
}

}  // namespace pshare::sim
