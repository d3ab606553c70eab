#include "network/udp_stack.hpp"

#include <algorithm>
#include <utility>

#include "network/machine.hpp"

namespace pshare::sim {

namespace {

constexpr std::uint32_t header_size = 8, ip_header_size = 20, ipv6_header_size = 40;

}  // namespace

struct KernelUdpSocket {
  UdpStack* stack;  // nothing once it is closed
  UdpSettings settings;
  // Shared with a call that is going on, so that it may set another or close the socket.
  std::shared_ptr<UdpSocket::OnDatagram> on_datagram{};
  std::shared_ptr<UdpSocket::OnError> on_error{};
};

UdpSocket& UdpSocket::operator=(UdpSocket&& other) noexcept {
  if (this != &other) {
    close();
    socket_ = std::move(other.socket_);
  }
  return *this;
}

bool UdpSocket::is_open() const { return socket_ && socket_->stack != nullptr; }
Port UdpSocket::port() const { return socket_ ? socket_->settings.port : Port{}; }

void UdpSocket::close() {
  if (is_open()) socket_->stack->forget(*socket_);
  socket_.reset();
}

bool UdpSocket::send_to(const Endpoint& to, ByteView bytes, const UdpSendOptions& options) {
  if (!is_open()) return false;
  const auto& settings = socket_->settings;
  if (settings.address && settings.address->is_v4() != to.address.is_v4()) return false;
  auto& machine = socket_->stack->machine_;
  auto source = options.source;
  if (!source && settings.address && !is_unspecified(*settings.address)) source = settings.address;
  if (!source) source = machine.source_for(to.address);
  if (!source) return false;
  Packet packet;
  packet.flow = {Protocol::udp, {*source, settings.port}, to};
  packet.ttl = options.ttl;
  packet.traffic_class = options.traffic_class;
  packet.size = (to.address.is_v4() ? ip_header_size : ipv6_header_size) + header_size + static_cast<std::uint32_t>(bytes.size());
  packet.may_be_fragmented = settings.may_be_fragmented;
  packet.body.assign(bytes.begin(), bytes.end());
  return machine.transmit(std::move(packet));
}

void UdpSocket::on_datagram(OnDatagram call) {
  if (is_open()) socket_->on_datagram = call ? std::make_shared<OnDatagram>(std::move(call)) : nullptr;
}

void UdpSocket::on_error(OnError call) {
  if (is_open()) socket_->on_error = call ? std::make_shared<OnError>(std::move(call)) : nullptr;
}

Result<UdpSocket> UdpStack::bind(const UdpSettings& settings) {
  const auto fails = [&](Errc code) {
    const Endpoint at{settings.address.value_or(IpAddress{}), settings.port};
    return Unexpected{{.code = code, .doing = machine_.name() + " binding a UDP socket to " + at.text()}};
  };
  if (!machine_.runs()) return fails(Errc::failed);
  if (settings.address && !is_unspecified(*settings.address) && !machine_.has(*settings.address)) return fails(Errc::unreachable);
  const auto taken = [&](Port port) {
    const auto bucket = by_port_.find(port.number);
    return bucket != by_port_.end() && std::ranges::any_of(bucket->second, [&](const auto& other) {
             return binds_overlap(other->settings.address, settings.address);
           });
  };
  auto port = std::optional{settings.port};
  if (settings.port == Port{}) port = machine_.free_port(taken);
  else if (taken(settings.port)) port.reset();
  if (!port) return fails(Errc::busy);
  auto socket = std::make_shared<KernelUdpSocket>(KernelUdpSocket{.stack = this, .settings = settings});
  socket->settings.port = *port;
  by_port_[port->number].push_back(socket);
  return UdpSocket{std::move(socket)};
}

std::shared_ptr<KernelUdpSocket> UdpStack::find(const Endpoint& local) const {
  const auto bucket = by_port_.find(local.port.number);
  if (bucket == by_port_.end()) return nullptr;
  std::shared_ptr<KernelUdpSocket> best;
  std::optional<int> best_fit;  // an empty one is less than any
  for (const auto& socket : bucket->second)
    if (const auto its_fit = bind_fit(socket->settings.address, local.address); its_fit > best_fit) best = socket, best_fit = its_fit;
  return best;
}

void UdpStack::receive(const Packet& packet) {
  const auto socket = find(packet.flow.to);
  if (!socket) {
    if (auto error = error_about(packet, IcmpError::Kind::port_unreachable, packet.flow.to.address)) machine_.transmit(*std::move(error));
  } else if (const auto call = socket->on_datagram) {
    (*call)(packet.flow.from, packet.flow.to, packet.body);
  }
}

void UdpStack::receive_error(const IcmpError& error) {
  const auto socket = find(error.quoted.from);
  if (!socket) return;
  if (const auto call = socket->on_error) (*call)(error);
}

void UdpStack::forget(KernelUdpSocket& socket) {
  socket.stack = nullptr;
  // What its callbacks hold goes last: it may be other sockets.
  const auto datagram = std::move(socket.on_datagram);
  const auto error = std::move(socket.on_error);
  const auto bucket = by_port_.find(socket.settings.port.number);
  std::erase_if(bucket->second, [&](const auto& each) { return each.get() == &socket; });
  if (bucket->second.empty()) by_port_.erase(bucket);
}

void UdpStack::close_all() {
  const auto all = std::exchange(by_port_, {});
  for (const auto& [port, bucket] : all)
    for (const auto& socket : bucket) socket->stack = nullptr;
  for (const auto& [port, bucket] : all)
    for (const auto& socket : bucket) socket->on_datagram.reset(), socket->on_error.reset();
}

}  // namespace pshare::sim
