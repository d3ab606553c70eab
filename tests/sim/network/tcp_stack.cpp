#include "network/tcp_stack.hpp"

#include <algorithm>
#include <utility>

#include "network/machine.hpp"

namespace pshare::sim {

namespace {

/// Of TCP and IP, without options.
std::uint32_t header_size(const IpAddress& address) { return address.is_v4() ? 40 : 60; }

// The body of a segment between machines: the data, and behind it the window, 4 bytes, for which TcpHeader has no place. A segment that
// a router made up has no window.
void append_window(ByteBuffer& body, std::uint32_t window) {
  for (int shift = 24; shift >= 0; shift -= 8) body.push_back(static_cast<std::byte>(window >> shift));
}

struct Body { ByteView data; std::optional<std::uint32_t> window; };

Body split(const ByteBuffer& body) {
  if (body.size() < sizeof(std::uint32_t)) return {};
  const ByteView whole{body};
  return {whole.first(whole.size() - sizeof(std::uint32_t)), ByteReader{whole.last(sizeof(std::uint32_t))}.u32()};
}

template <typename Call>
std::shared_ptr<Call> shared(Call call) {
  return call ? std::make_shared<Call>(std::move(call)) : nullptr;
}

}  // namespace

struct KernelTcpSocket {
  std::shared_ptr<TcpStack*> process;  // of the program that has it open
  Endpoint local, remote;
  TcpConnection core;
  std::uint8_t ttl = 64;
  std::weak_ptr<KernelTcpListener> listener{};  // that gets it once it is connected
  std::optional<TimePoint> planned{};
  bool draining = false;   // the outer call goes on with it
  bool lost = false;       // in a power cut
  bool let_go = false;     // by its program
  bool paused = false;
  bool finished = false;   // the peer; not told yet
  std::optional<TcpEnd> ended{};  // not told yet
  bool told_end = false;

  // Each shared with a call that is going on, so that it may set another or close the socket.
  struct Calls {
    std::shared_ptr<std::function<void()>> connected, finished, writable;
    std::shared_ptr<std::function<void(ByteView)>> data;
    std::shared_ptr<std::function<void(const TcpEnd&)>> closed;
  } calls{};

  bool has_program() const { return !let_go && *process != nullptr; }
};

struct KernelTcpListener {
  std::shared_ptr<TcpStack*> process;
  TcpListenSettings settings;
  std::shared_ptr<TcpListener::OnAccept> on_accept{};
  std::vector<TcpSocket> waiting{};
  bool open = true;
};

// ---- Handles ----

TcpSocket& TcpSocket::operator=(TcpSocket&& other) noexcept {
  if (this != &other) {
    close();
    socket_ = std::move(other.socket_);
  }
  return *this;
}

bool TcpSocket::is_open() const { return socket_ && socket_->has_program() && !socket_->told_end; }
bool TcpSocket::is_connected() const { return is_open() && socket_->core.connected(); }
bool TcpSocket::is_answered() const { return is_connected() || (is_open() && socket_->core.state() == TcpConnection::State::syn_received); }
Endpoint TcpSocket::local() const { return socket_ ? socket_->local : Endpoint{}; }
Endpoint TcpSocket::remote() const { return socket_ ? socket_->remote : Endpoint{}; }
std::optional<Duration> TcpSocket::round_trip() const { return socket_ ? socket_->core.round_trip() : std::nullopt; }
std::uint64_t TcpSocket::retransmissions() const { return socket_ ? socket_->core.retransmissions() : 0; }
std::size_t TcpSocket::unacknowledged() const { return socket_ ? socket_->core.unacknowledged() : 0; }

std::size_t TcpSocket::send(ByteView bytes) {
  if (!is_open()) return 0;
  auto& stack = **socket_->process;
  const auto taken = socket_->core.write(bytes, stack.machine_.now());
  stack.drain(socket_);
  return taken;
}

void TcpSocket::finish() {
  if (!is_open()) return;
  auto& stack = **socket_->process;
  socket_->core.finish(stack.machine_.now());
  stack.drain(socket_);
}

void TcpSocket::close() {
  const auto socket = std::move(socket_);
  socket_.reset();
  if (socket && socket->has_program()) (*socket->process)->let_go(socket);
}

void TcpSocket::abort() {
  if (is_open()) {
    auto& stack = **socket_->process;
    socket_->core.abort(stack.machine_.now());
  }
  close();
}

void TcpSocket::set_ttl(std::uint8_t ttl) {
  if (socket_) socket_->ttl = ttl;
}

void TcpSocket::on_connected(std::function<void()> call) {
  if (is_open()) socket_->calls.connected = shared(std::move(call));
}
void TcpSocket::on_finished(std::function<void()> call) {
  if (is_open()) socket_->calls.finished = shared(std::move(call));
}
void TcpSocket::on_writable(std::function<void()> call) {
  if (is_open()) socket_->calls.writable = shared(std::move(call));
}
void TcpSocket::on_closed(std::function<void(const TcpEnd&)> call) {
  if (is_open()) socket_->calls.closed = shared(std::move(call));
}
void TcpSocket::on_data(std::function<void(ByteView)> call) {
  if (!is_open()) return;
  socket_->calls.data = shared(std::move(call));
  (*socket_->process)->tell_soon(socket_);
}
void TcpSocket::pause_reading() {
  if (is_open()) socket_->paused = true;
}
void TcpSocket::resume_reading() {
  if (!is_open()) return;
  socket_->paused = false;
  (*socket_->process)->tell_soon(socket_);
}

TcpListener& TcpListener::operator=(TcpListener&& other) noexcept {
  if (this != &other) {
    close();
    listener_ = std::move(other.listener_);
  }
  return *this;
}

bool TcpListener::is_open() const { return listener_ && listener_->open; }
Port TcpListener::port() const { return listener_ ? listener_->settings.port : Port{}; }

void TcpListener::close() {
  const auto listener = std::move(listener_);
  listener_.reset();
  if (listener && listener->open) (*listener->process)->close(listener);
}

void TcpListener::on_accept(OnAccept call) {
  if (!is_open()) return;
  listener_->on_accept = shared(std::move(call));
  if (!listener_->on_accept || listener_->waiting.empty()) return;
  (*listener_->process)->machine_.in(Duration::zero(), [listener = listener_] {
    for (auto& socket : std::exchange(listener->waiting, {}))
      if (const auto accept = listener->on_accept) (*accept)(std::move(socket));
  });
}

// ---- The kernel's side ----

TcpStack::Socket TcpStack::add(const Pair& pair, TcpConnection core) {
  auto socket = std::make_shared<KernelTcpSocket>(
      KernelTcpSocket{.process = process_, .local = pair.first, .remote = pair.second, .core = std::move(core)});
  connections_.emplace(pair, socket);
  ++used_ports_[pair.first.port];
  return socket;
}

void TcpStack::forget(const Socket& socket) {
  const auto found = connections_.find({socket->local, socket->remote});
  if (found == connections_.end() || found->second != socket) return;
  connections_.erase(found);
  if (const auto uses = used_ports_.find(socket->local.port); --uses->second == 0) used_ports_.erase(uses);
}

TcpSettings TcpStack::settings_towards(const IpAddress& remote) const {
  auto settings = settings_;
  if (const auto told = path_mtus_.find(remote); told != path_mtus_.end()) settings.segment = std::min(settings.segment, told->second - header_size(remote));
  return settings;
}

TcpSocket TcpStack::connect(const Endpoint& to, const TcpConnectSettings& settings) {
  if (!machine_.runs()) return {};
  const auto source = settings.source ? settings.source : machine_.source_for(to.address);
  const bool reachable = source && machine_.has(*source) && machine_.has_route(to.address, *source);
  const auto port = settings.from != Port{} ? std::optional{settings.from}
                                            : machine_.free_port([&](Port each) { return used_ports_.contains(each); });
  const Pair pair{{source.value_or(IpAddress{}), port.value_or(Port{})}, to};
  if (!reachable || !port || connections_.contains(pair)) {
    auto failed = std::make_shared<KernelTcpSocket>(
        KernelTcpSocket{.process = process_, .local = pair.first, .remote = to, .core = TcpConnection{settings_}});
    failed->ended = TcpEnd{reachable ? TcpEnd::Kind::address_in_use : TcpEnd::Kind::unreachable};
    tell_soon(failed);
    return TcpSocket{std::move(failed)};
  }
  const auto initial = static_cast<std::uint32_t>(machine_.random()());
  auto socket = add(pair, TcpConnection::opening(settings_towards(to.address), initial, machine_.now()));
  socket->ttl = settings.ttl;
  drain(socket);
  return TcpSocket{std::move(socket)};
}

Result<TcpListener> TcpStack::listen(const TcpListenSettings& settings) {
  const auto fails = [&](Errc code) {
    const Endpoint at{settings.address.value_or(IpAddress{}), settings.port};
    return Unexpected{{.code = code, .doing = machine_.name() + " listening on " + at.text()}};
  };
  if (!machine_.runs()) return fails(Errc::failed);
  if (settings.address && !is_unspecified(*settings.address) && !machine_.has(*settings.address)) return fails(Errc::unreachable);
  const auto port = settings.port != Port{} ? std::optional{settings.port}
                                            : machine_.free_port([&](Port each) { return used_ports_.contains(each); });
  if (!port) return fails(Errc::busy);
  auto& here = listeners_[*port];
  if (std::ranges::any_of(here, [&](const Listener& other) { return binds_overlap(other->settings.address, settings.address); })) return fails(Errc::busy);
  auto listener = std::make_shared<KernelTcpListener>(KernelTcpListener{.process = process_, .settings = settings});
  listener->settings.port = *port;
  here.push_back(listener);
  ++used_ports_[*port];
  return TcpListener{std::move(listener)};
}

TcpStack::Listener TcpStack::listener_for(const Endpoint& local) const {
  const auto here = listeners_.find(local.port);
  if (here == listeners_.end()) return nullptr;
  const auto& all = here->second;
  const auto best = std::ranges::max_element(all, {}, [&](const Listener& each) { return bind_fit(each->settings.address, local.address); });
  return best != all.end() && bind_fit((*best)->settings.address, local.address) ? *best : nullptr;
}

void TcpStack::receive(const Packet& packet) {
  const auto found = connections_.find({packet.flow.to, packet.flow.from});
  const auto listener = packet.tcp.opens() ? listener_for(packet.flow.to) : nullptr;
  if (found != connections_.end()) {
    const auto socket = found->second;
    // RFC 9293 section 3.6.1: the peer begins anew, and with Linux's timestamps that is seen to be no old segment.
    const bool anew = listener && socket->core.state() == TcpConnection::State::time_wait;
    if (!anew) {
      const auto [data, window] = split(packet.body);
      socket->core.receive(packet.tcp, window, data, machine_.now());
      return drain(socket);
    }
    socket->lost = true;
    forget(socket);
  }
  if (listener) return accept(packet, listener);
  if (auto reset = reset_for(packet)) machine_.transmit(*std::move(reset));
}

void TcpStack::accept(const Packet& syn, const Listener& listener) {
  const auto initial = static_cast<std::uint32_t>(machine_.random()());
  const auto& remote = syn.flow.from;
  const auto socket = add({syn.flow.to, remote}, TcpConnection::answering(settings_towards(remote.address), initial, syn.tcp, split(syn.body).window,
                                                                          machine_.now()));
  socket->listener = listener;
  drain(socket);
}

void TcpStack::receive_error(const IcmpError& error) {
  const auto& [protocol, local, remote] = error.quoted;
  const auto found = connections_.find({local, remote});
  if (found == connections_.end()) return;
  const auto socket = found->second;
  std::uint32_t segment = settings_.segment;
  if (error.kind == IcmpError::Kind::packet_too_big && error.mtu > header_size(remote.address)) {
    path_mtus_[remote.address] = error.mtu;
    segment = error.mtu - header_size(remote.address);
  }
  socket->core.receive_error(error, segment, machine_.now());
  drain(socket);
}

// A copy, since a call may make the handle go away.
void TcpStack::drain(Socket socket) {  // NOLINT(performance-unnecessary-value-param)
  if (socket->draining) return;
  socket->draining = true;
  while (!socket->lost) {
    auto action = socket->core.take();
    if (!action) break;
    if (auto* segment = std::get_if<TcpConnection::Segment>(&*action)) {
      send(*socket, std::move(*segment));
    } else if (std::holds_alternative<TcpConnection::Connected>(*action)) {
      connected(socket);
    } else if (std::holds_alternative<TcpConnection::Writable>(*action)) {
      if (const auto call = socket->calls.writable) (*call)();
    } else {
      if (std::holds_alternative<TcpConnection::PeerFinished>(*action)) socket->finished = true;
      if (auto* ended = std::get_if<TcpConnection::Ended>(&*action)) socket->ended = ended->how;
      tell(socket);
    }
  }
  socket->draining = false;
  if (socket->lost) return;
  if (socket->core.state() == TcpConnection::State::closed) forget(socket);
  else plan(socket);
}

void TcpStack::send(const KernelTcpSocket& socket, TcpConnection::Segment segment) {
  Packet packet;
  packet.flow = {Protocol::tcp, socket.local, socket.remote};
  packet.ttl = socket.ttl;
  packet.size = header_size(socket.remote.address) + static_cast<std::uint32_t>(segment.data.size());
  packet.tcp = segment.header;
  packet.body = std::move(segment.data);
  append_window(packet.body, segment.window);
  machine_.transmit(std::move(packet));
}

void TcpStack::connected(const Socket& socket) {
  const auto listener = std::exchange(socket->listener, {}).lock();
  if (!listener) {
    if (const auto call = socket->calls.connected) (*call)();
  } else if (const auto accept = listener->on_accept) {
    (*accept)(TcpSocket{socket});
  } else {
    listener->waiting.emplace_back(socket);
  }
}

void TcpStack::tell(const Socket& socket) {
  // Any of these calls may close the socket, end the process or cut the power.
  const auto& calls = socket->calls;
  if (socket->has_program() && calls.data && !socket->paused && socket->core.unread() > 0) {
    const auto call = calls.data;
    const auto bytes = socket->core.read(machine_.now());
    (*call)(bytes);
  }
  const bool all_read = socket->core.unread() == 0;
  if (socket->has_program() && socket->finished && all_read) {
    socket->finished = false;
    if (const auto call = calls.finished) (*call)();
  }
  if (socket->has_program() && socket->ended && !socket->told_end && (all_read || socket->ended->kind != TcpEnd::Kind::closed)) {
    socket->told_end = true;
    const auto last = std::exchange(socket->calls, {});
    if (last.closed) (*last.closed)(*socket->ended);
  }
}

void TcpStack::tell_soon(const Socket& socket) {
  machine_.in(Duration::zero(), [this, socket] {
    tell(socket);
    drain(socket);  // reading may have opened the window
  });
}

void TcpStack::plan(const Socket& socket) {
  const auto deadline = socket->core.deadline();
  if (!deadline || (socket->planned && *socket->planned <= *deadline)) return;  // the earlier one plans anew
  socket->planned = deadline;
  machine_.events().at(*deadline, [this, socket, when = *deadline] {
    if (socket->lost || socket->planned != when) return;
    socket->planned.reset();
    socket->core.expire(machine_.now());
    drain(socket);
  });
}

void TcpStack::let_go(const Socket& socket) {
  socket->let_go = true;
  socket->core.close(machine_.now());
  drain(socket);
  const auto last = std::exchange(socket->calls, {});  // what they hold goes last: it may be other sockets
}

void TcpStack::close(const Listener& listener) {
  listener->open = false;
  const auto last = std::exchange(listener->on_accept, nullptr);
  for (auto& socket : std::exchange(listener->waiting, {})) socket.abort();
  const auto port = listener->settings.port;
  const auto here = listeners_.find(port);
  std::erase(here->second, listener);
  if (here->second.empty()) listeners_.erase(here);
  if (const auto uses = used_ports_.find(port); --uses->second == 0) used_ports_.erase(uses);
  // Half-open ones vanish: what comes for them later is refused.
  std::vector<Socket> half_open;
  for (const auto& [pair, socket] : connections_)
    if (socket->listener.lock() == listener) half_open.push_back(socket);
  for (const auto& socket : half_open) {
    socket->lost = true;
    forget(socket);
  }
}

void TcpStack::close_all() {
  const auto ended = std::exchange(process_, std::make_shared<TcpStack*>(this));
  std::vector<Listener> listeners;
  for (const auto& [port, here] : listeners_) listeners.insert(listeners.end(), here.begin(), here.end());
  for (const auto& listener : listeners) close(listener);
  std::vector<Socket> open;
  for (const auto& [pair, socket] : connections_)
    if (socket->process == ended && !socket->let_go) open.push_back(socket);
  for (const auto& socket : open) socket->let_go = true;
  for (const auto& socket : open) let_go(socket);
  *ended = nullptr;
}

void TcpStack::lose_all() {
  *std::exchange(process_, std::make_shared<TcpStack*>(this)) = nullptr;
  const auto connections = std::exchange(connections_, {});
  const auto listeners = std::exchange(listeners_, {});
  used_ports_.clear(), path_mtus_.clear();
  for (const auto& [pair, socket] : connections) socket->lost = true;
  for (const auto& [port, here] : listeners)
    for (const auto& listener : here) listener->open = false;
  for (const auto& [pair, socket] : connections) const auto last = std::exchange(socket->calls, {});
  for (const auto& [port, here] : listeners)
    for (const auto& listener : here) listener->on_accept.reset(), listener->waiting.clear();
}

}  // namespace pshare::sim
