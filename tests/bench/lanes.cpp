#include "lanes.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include "io/tcp_stream.hpp"
#include "secure/io/tls_stream.hpp"
#include "transfer/disk/handle.hpp"
#include "traversal/io/quic_lane.hpp"
#include "traversal/io/tcp_lane.hpp"

namespace pshare::bench {

namespace {

constexpr std::size_t block = 256 * 1024;

int checked(ssize_t result, const char* doing) {
  if (result < 0) throw std::system_error{errno, std::generic_category(), doing};
  return static_cast<int>(result);
}

/// The keys of both sides, made before the processes part: who trusts whom is not what is measured.
struct Keys {
  Identity sender = value_or_throw(Identity::generate()), receiver = value_or_throw(Identity::generate());
};
const Keys& keys() {
  static const Keys all;
  return all;
}

void run(asio::io_context& loop, const std::function<awaitable<void>()>& work) {
  asio::co_spawn(loop, work, [](const std::exception_ptr& trouble) {
    if (trouble) std::rethrow_exception(trouble);
  });
  loop.run();
}

void receive_tcp(const Course& course, const std::function<void(std::uint16_t)>& listening) {
  asio::io_context loop{1};
  const TlsContext tls{keys().receiver};
  run(loop, [&]() -> awaitable<void> {
    auto listener = Listener::on(loop.get_executor(), Port{0});
    listening(listener.port().number);
    auto socket = co_await listener.accept();
    use_common_congestion_control(socket.socket().native_handle());
    TlsStream stream{std::move(socket), TlsEngine{tls, TlsRole::server, {std::string{lane_alpn}}, only(keys().sender.id())}};
    co_await stream.handshake();
    TcpLane lane{std::move(stream), {}, loop.get_executor()};
    co_await receive_over(lane, course);
  });
}

void send_tcp(const Course& course, std::uint16_t port) {
  asio::io_context loop{1};
  const TlsContext tls{keys().sender};
  run(loop, [&]() -> awaitable<void> {
    auto socket = co_await connect(from_asio({asio::ip::address_v4::loopback(), port}));
    use_common_congestion_control(socket.socket().native_handle());
    TlsStream stream{std::move(socket), TlsEngine{tls, TlsRole::client, {std::string{lane_alpn}}, only(keys().receiver.id())}};
    co_await stream.handshake();
    TcpLane lane{std::move(stream), {}, loop.get_executor()};
    co_await send_over(lane, course);
  });
}

Endpoint loopback(std::uint16_t port) { return {*IpAddress::parse("127.0.0.1"), Port{port}}; }

/// A QUIC server knows its client's endpoint beforehand, from the checks. Here the two ports are neighbours, which are free of other programs
/// unless bad luck has it; then the run fails.
std::uint16_t partner_of(std::uint16_t port) { return static_cast<std::uint16_t>(port ^ 1U); }

void receive_quic(CongestionControl congestion_control, const Course& course, const std::function<void(std::uint16_t)>& listening) {
  asio::io_context loop{1};
  run(loop, [&]() -> awaitable<void> {
    auto port = UdpPort::open(loop.get_executor(), loopback(0));
    const auto number = port->local().port.number;
    QuicSettings settings;
    settings.congestion_control = congestion_control;
    settings.rtt = std::chrono::milliseconds{1};
    listening(number);
    auto lane = co_await quic_accept(std::move(port), loopback(partner_of(number)), keys().receiver, keys().sender.id(), {}, settings);
    co_await receive_over(*lane, course);
  });
}

void send_quic(CongestionControl congestion_control, const Course& course, std::uint16_t number) {
  asio::io_context loop{1};
  run(loop, [&]() -> awaitable<void> {
    QuicSettings settings;
    settings.congestion_control = congestion_control;
    settings.rtt = std::chrono::milliseconds{1};
    auto lane = co_await quic_connect(UdpPort::open(loop.get_executor(), loopback(partner_of(number))), loopback(number), keys().sender, keys().receiver.id(), {}, settings);
    co_await send_over(*lane, course);
  });
}

}  // namespace

awaitable<void> send_over(Lane& lane, const Course& course) {
  ByteBuffer buffer(block);
  const Handle file{course.file.empty() ? -1 : checked(::open(course.file.c_str(), O_RDONLY | O_CLOEXEC), "open")};
  for (std::uint64_t at = 0; at < course.size;) {
    auto count = std::min<std::uint64_t>(block, course.size - at);
    if (!course.file.empty()) count = static_cast<std::uint64_t>(checked(::pread(file.native(), buffer.data(), count, static_cast<off_t>(at)), "pread"));
    if (count == 0) throw std::runtime_error{"the file has become shorter"};
    const std::array pieces{ByteView{buffer}.first(static_cast<std::size_t>(count))};
    co_await lane.write(pieces);
    at += count;
  }
  co_await lane.read_some(std::span{buffer}.first(1));
  lane.close();
}

awaitable<void> receive_over(Lane& lane, const Course& course) {
  ByteBuffer buffer(block);
  const auto path = course.destination / course.file.filename();
  const Handle file{course.file.empty() ? -1 : checked(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), "open")};
  for (std::uint64_t at = 0; at < course.size;) {
    const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(block, course.size - at));
    std::size_t filled = 0;
    while (filled < room) filled += co_await lane.read_some(std::span{buffer}.first(room).subspan(filled));
    for (std::size_t put = 0; !course.file.empty() && put < filled;)
      put += static_cast<std::size_t>(checked(::write(file.native(), buffer.data() + put, filled - put), "write"));
    at += filled;
  }
  const std::array done{bytes_of("!")};
  co_await lane.write(done);
  lane.finish();
  try {
    co_await lane.read_some(buffer);
  } catch (const Failure&) {  // it has closed
  }
}

Contestant tcp_lane() {
  keys();
  return {"TCP lane", receive_tcp, send_tcp};
}

Contestant quic_lane(CongestionControl congestion_control) {
  keys();
  return {congestion_control == CongestionControl::bbr ? "QUIC lane, BBR" : "QUIC lane, CUBIC", std::bind_front(receive_quic, congestion_control),
          std::bind_front(send_quic, congestion_control)};
}

}  // namespace pshare::bench
