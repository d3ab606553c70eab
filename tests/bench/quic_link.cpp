// One bare lane between two hosts, from memory to memory: what a link with delay and loss leaves of its rate. The hosts are those of the laboratory
// of kernels (tests/natlab); tests/natlab/link_bench.py runs this on both of them.
//
//   bench_quic_link receive HERE THERE FOLDER [--size MIB] [--with quic-bbr|quic-cubic|tcp]
//   bench_quic_link send    HERE THERE FOLDER ...                     HERE and THERE: address:port; FOLDER: where both find the keys of both
//
// The sender prints one line: seconds from the lane's first byte to the receiver's word that it has the last, and MB/s.
#include <csignal>
#include <cstdio>
#include <stdexcept>

#include "contest.hpp"
#include "io/tcp_stream.hpp"
#include "lanes.hpp"
#include "secure/io/tls_stream.hpp"
#include "traversal/io/quic_lane.hpp"
#include "traversal/io/tcp_lane.hpp"

namespace {

using namespace pshare;
using namespace pshare::bench;

struct Options {
  bool sends = false;
  Endpoint here, there;
  std::filesystem::path folder;
  std::uint64_t mebibytes = 256;
  std::string with = "quic-bbr";
};

Options options_from(const std::vector<std::string>& words) {
  if (words.size() < 4 || words.size() % 2 != 0) throw std::runtime_error{"usage: bench_quic_link send|receive HERE THERE FOLDER [--size MIB] [--with quic-bbr|quic-cubic|tcp]"};
  Options options{.sends = words[0] == "send", .here = value_or_throw(Endpoint::parse(words[1])), .there = value_or_throw(Endpoint::parse(words[2])), .folder = words[3]};
  for (std::size_t at = 4; at < words.size(); at += 2) {
    if (words[at] == "--size")
      options.mebibytes = std::stoull(words[at + 1]);
    else if (words[at] == "--with")
      options.with = words[at + 1];
    else
      throw std::runtime_error{"no such option: " + words[at]};
  }
  return options;
}

awaitable<LanePtr> tcp(const Options& options, const TlsContext& tls, PeerId peer) {
  std::optional<TcpStream> socket;
  if (options.sends) {
    socket.emplace(co_await connect(options.there));
  } else {
    auto listener = Listener::on(co_await asio::this_coro::executor, options.here);
    socket.emplace(co_await listener.accept());
  }
  use_common_congestion_control(socket->socket().native_handle());
  std::vector<std::string> alpn{std::string{lane_alpn}};
  TlsStream stream{std::move(*socket), TlsEngine{tls, options.sends ? TlsRole::client : TlsRole::server, std::move(alpn), only(peer)}};
  co_await stream.handshake();
  co_return std::make_unique<TcpLane>(std::move(stream), Path{}, co_await asio::this_coro::executor);
}

awaitable<void> run(const Options& options) {
  const auto sender = value_or_throw(Identity::load_or_create(options.folder / "sender.key"));
  const auto receiver = value_or_throw(Identity::load_or_create(options.folder / "receiver.key"));
  const auto& us = options.sends ? sender : receiver;
  const auto peer = options.sends ? receiver.id() : sender.id();
  const TlsContext tls{us};
  LanePtr lane;
  if (options.with == "tcp") {
    lane = co_await tcp(options, tls, peer);
  } else {
    QuicSettings settings;
    settings.congestion_control = options.with == "quic-cubic" ? CongestionControl::cubic : CongestionControl::bbr;
    auto port = UdpPort::open(co_await asio::this_coro::executor, options.here);
    if (options.sends)
      lane = co_await quic_connect(std::move(port), options.there, us, peer, {}, settings);
    else
      lane = co_await quic_accept(std::move(port), options.there, us, peer, {}, settings);
  }
  const Course course{.file = {}, .destination = {}, .size = options.mebibytes * 1024 * 1024};
  const auto begun = Clock::now();
  if (!options.sends) co_return co_await receive_over(*lane, course);
  co_await send_over(*lane, course);
  const std::chrono::duration<double> took = Clock::now() - begun;
  std::printf("%s %llu MiB %.2f s %.2f MB/s\n", options.with.c_str(), static_cast<unsigned long long>(options.mebibytes), took.count(),
              static_cast<double>(course.size) / 1e6 / took.count());
}

}  // namespace

int main(int count, char** words) {
  std::signal(SIGPIPE, SIG_IGN);
  int status = 0;
  try {
    const auto options = options_from({words + 1, words + count});
    asio::io_context loop{1};
    asio::co_spawn(loop, run(options), [](const std::exception_ptr& trouble) {
      if (trouble) std::rethrow_exception(trouble);
    });
    loop.run();
  } catch (const std::exception& trouble) {
    std::fprintf(stderr, "bench_quic_link: %s\n", trouble.what());
    status = 1;
  }
  return status;
}
