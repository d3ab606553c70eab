#include "traversal/io/udp_port.hpp"

#include <algorithm>
#include <utility>

#include "io/log.hpp"
#include "wire/error.hpp"

namespace pshare {

namespace {

enum class Kind { stun, quic, other };

/// RFC 9443 section 3.
Kind kind_of(ByteView datagram) {
  const auto first = std::to_integer<unsigned>(datagram.front());
  if (first < 4) return Kind::stun;
  if ((first >= 64 && first < 128) || first >= 192) return Kind::quic;
  return Kind::other;
}

// The server's dial-back datagram is one nonce; whatever else has such a size cannot do harm with it.
constexpr std::size_t shortest_other = 16, longest_other = 64;

/// Rounds of recvmmsg() for each time that the socket is ready; afterwards others of the loop have their turn.
constexpr int rounds_at_once = 4;

// What comes before its lane is there. A client's first datagram fills 1200 bytes at least (RFC 9000 section 14.1).
constexpr std::size_t most_early = 4, shortest_initial = 1200, longest_initial = 1500;
constexpr std::byte initial_mask{0xF0}, initial_bits{0xC0};  // RFC 9000 section 17.2.2: long header, type 0
constexpr Duration early_keeps = std::chrono::seconds{1};

}  // namespace

UdpPort::UdpPort(UdpSocket socket) : socket_(std::move(socket)) {}
UdpPort::~UdpPort() = default;

std::shared_ptr<UdpPort> UdpPort::open(const asio::any_io_executor& executor, IpFamily family, Port port) {
  std::shared_ptr<UdpPort> opened{new UdpPort{UdpSocket::bound(executor, family, std::nullopt, port)}};
  opened->wait();
  return opened;
}

std::shared_ptr<UdpPort> UdpPort::open(const asio::any_io_executor& executor, const Endpoint& at) {
  const auto family = at.address.is_v4() ? IpFamily::v4 : IpFamily::v6;
  std::shared_ptr<UdpPort> opened{new UdpPort{UdpSocket::bound(executor, family, at.address, at.port)}};
  opened->wait();
  return opened;
}

// --- who listens ------------------------------------------------------------------------------------------------------

UdpPort::Registration::Registration(std::weak_ptr<UdpPort> port, std::function<void(UdpPort&)> end) : port_(std::move(port)), end_(std::move(end)) {}
UdpPort::Registration::Registration(Registration&& other) noexcept : port_(std::exchange(other.port_, {})), end_(std::exchange(other.end_, nullptr)) {}
UdpPort::Registration& UdpPort::Registration::operator=(Registration&& other) noexcept {
  std::swap(port_, other.port_);
  std::swap(end_, other.end_);
  return *this;
}
UdpPort::Registration::~Registration() {
  const auto port = port_.lock();
  if (port && end_) end_(*port);
}

UdpPort::Registration UdpPort::listen(Listeners UdpPort::*where, Listener listener) {
  const auto number = next_listener_++;
  (this->*where).all.emplace(number, std::make_shared<Listener>(std::move(listener)));
  return Registration{weak_from_this(), [where, number](UdpPort& port) { (port.*where).all.erase(number); }};
}

UdpPort::Registration UdpPort::on_stun(Listener listener) { return listen(&UdpPort::stun_, std::move(listener)); }
UdpPort::Registration UdpPort::on_other(Listener listener) { return listen(&UdpPort::other_, std::move(listener)); }
UdpPort::Registration UdpPort::on_stray_quic(Listener listener) { return listen(&UdpPort::stray_, std::move(listener)); }

void UdpPort::Listeners::tell(const Endpoint& from, ByteView datagram, TimePoint now) {
  for (auto each = all.begin(); each != all.end();) {
    const auto number = each->first;
    const auto listener = each->second;
    (*listener)(from, datagram, now);
    each = all.upper_bound(number);
  }
}

// --- in ---------------------------------------------------------------------------------------------------------------

void UdpPort::wait() {
  if (!socket_.socket().is_open()) return;
  socket_.socket().async_wait(asio::ip::udp::socket::wait_read, [weak = weak_from_this()](const std::error_code& error) {
    const auto port = weak.lock();
    if (!port || error == asio::error::operation_aborted) return;
    port->receive();
    port->wait();
  });
}

void UdpPort::receive() {
  auto& buffers = UdpReceiveBuffers::of(executor());
  for (int round = 0; round < rounds_at_once && socket_.socket().is_open(); ++round) {
    const auto runs = buffers.receive(socket_.descriptor());
    if (runs.empty()) return;
    const auto now = Clock::now();
    for (const auto& run : runs)
      if (const auto from = run.from.endpoint()) sort(*from, run, now);
    while (!woken_.empty()) {
      auto* const lane = woken_.back();
      woken_.pop_back();
      lane->all_arrived(now);
    }
    if (runs.size() < UdpReceiveBuffers::at_once) return;
  }
}

/// Datagrams of one size from one sender come as one run, whatever they are: each has a look of its own.
void UdpPort::sort(const Endpoint& from, const UdpArrival& run, TimePoint now) {
  for (auto rest = run.bytes; !rest.empty();) {
    const auto datagram = rest.first(std::min(run.segment, rest.size()));
    rest = rest.subspan(datagram.size());
    switch (kind_of(datagram)) {
      case Kind::stun: stun_.tell(from, datagram, now); break;
      case Kind::quic:
        if (auto* const lane = lane_for(from, datagram)) {
          if (std::find(woken_.begin(), woken_.end(), lane) == woken_.end()) woken_.push_back(lane);
          lane->arrived(from, datagram, run.ecn, now);
        } else {
          remember_early(from, datagram, now);
          stray_.tell(from, datagram, now);
        }
        break;
      case Kind::other:
        if (datagram.size() >= shortest_other && datagram.size() <= longest_other) other_.tell(from, datagram, now);
        break;
    }
  }
}

UdpPort::LaneEnd* UdpPort::lane_for(const Endpoint& from, ByteView datagram) {
  if (const auto found = lanes_.find(from); found != lanes_.end()) return found->second;
  for (const auto& [remote, lane] : lanes_)
    if (lane->recognises(datagram)) return lane;
  return nullptr;
}

void UdpPort::remember_early(const Endpoint& from, ByteView datagram, TimePoint now) {
  if (datagram.size() < shortest_initial || datagram.size() > longest_initial || (datagram.front() & initial_mask) != initial_bits) return;
  std::erase_if(early_, [&](const Early& each) { return each.from == from || each.at + early_keeps < now; });
  if (early_.size() == most_early) early_.erase(early_.begin());
  early_.push_back({from, buffer_of(datagram), now});
}

// --- out --------------------------------------------------------------------------------------------------------------

bool UdpPort::send(const Endpoint& to, ByteView datagram, std::optional<int> ttl) noexcept {
  if ((to.address.is_v4() ? IpFamily::v4 : IpFamily::v6) != family()) return false;
  return socket_.send(SocketAddress{to}, datagram, datagram.size(), 0, ttl) == UdpSent::sent;
}

UdpSent UdpPort::send_run(const SocketAddress& to, ByteView bytes, std::size_t segment, std::uint8_t ecn) noexcept {
  return socket_.send(to, bytes, segment, ecn, std::nullopt);
}

void UdpPort::tell_when_writable() {
  if (std::exchange(awaiting_writable_, true)) return;
  socket_.socket().async_wait(asio::ip::udp::socket::wait_write, [weak = weak_from_this()](const std::error_code&) {
    const auto port = weak.lock();
    if (!port) return;
    port->awaiting_writable_ = false;
    std::vector<LaneEnd*> waiting;
    for (const auto& [remote, lane] : port->lanes_)
      if (std::find(waiting.begin(), waiting.end(), lane) == waiting.end()) waiting.push_back(lane);
    const auto still_there = [&](const LaneEnd* lane) {
      return std::any_of(port->lanes_.begin(), port->lanes_.end(), [&](const auto& each) { return each.second == lane; });
    };
    for (auto* const lane : waiting)
      if (still_there(lane)) lane->writable(Clock::now());
  });
}

// --- lanes ------------------------------------------------------------------------------------------------------------

void UdpPort::enlist(const Endpoint& remote, LaneEnd& lane) {
  const auto [place, fresh] = lanes_.emplace(remote, &lane);
  if (!fresh && place->second != &lane)
    throw Failure{{.code = Errc::busy, .doing = "beginning QUIC with " + remote.text() + ": another lane over UDP port " + local().text() + " is there already"}};
  if (!std::exchange(streaming_, true)) socket_.prepare_for_streaming();
  const auto now = Clock::now();
  const auto early = std::find_if(early_.begin(), early_.end(), [&](const Early& each) { return each.from == remote && each.at + early_keeps >= now; });
  if (early == early_.end()) return;
  const auto datagram = std::move(early->datagram);
  early_.erase(early);
  asio::post(executor(), [weak = weak_from_this(), remote, datagram, expected = &lane] {
    const auto port = weak.lock();
    const auto found = port ? port->lanes_.find(remote) : decltype(port->lanes_)::iterator{};
    if (!port || found == port->lanes_.end() || found->second != expected) return;
    const auto then = Clock::now();
    expected->arrived(remote, datagram, 0, then);
    expected->all_arrived(then);
  });
}

void UdpPort::drop(const LaneEnd& lane) noexcept {
  std::erase_if(lanes_, [&](const auto& each) { return each.second == &lane; });
  std::erase(woken_, &lane);
}

void UdpPort::close() noexcept {
  std::error_code ignored;
  socket_.socket().close(ignored);
}

}  // namespace pshare
