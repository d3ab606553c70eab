#include "sessions.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <thread>

#include "io/tcp_stream.hpp"
#include "io/worker_pool.hpp"
#include "secure/identity.hpp"
#include "secure/io/tls_stream.hpp"
#include "secure/receipt.hpp"
#include "secure/tls.hpp"
#include "transfer/io/file_sink.hpp"
#include "transfer/io/file_source.hpp"
#include "transfer/io/receiver_session.hpp"
#include "transfer/io/sender_session.hpp"
#include "traversal/io/tcp_lane.hpp"

namespace pshare::bench {

namespace {

/// What both sides have in common. Keys are made anew: who trusts whom is not what is measured.
struct Side {
  asio::io_context loop{1};
  Identity identity = value_or_throw(Identity::generate());
  TlsContext tls{identity};
  WorkerPool pool{std::max(1u, std::thread::hardware_concurrency())};
  TransferId transfer{};

  awaitable<LanePtr> lane_over(TcpStream socket, TlsRole role) {
    use_common_congestion_control(socket.socket().native_handle());
    const Path path{.tier = Tier::direct, .transport = Transport::tcp, .local = socket.local(), .remote = socket.remote()};
    const PeerCheck anybody = [](const PeerId&) { return true; };
    TlsStream stream{std::move(socket), TlsEngine{tls, role, {std::string{lane_alpn}}, anybody}};
    co_await stream.handshake();
    co_return std::make_unique<TcpLane>(std::move(stream), path, loop.get_executor());
  }

  void run(const std::function<awaitable<void>()>& work) {
    asio::co_spawn(loop, work, [](const std::exception_ptr& trouble) {
      if (trouble) std::rethrow_exception(trouble);
    });
    loop.run();
  }
};

void succeed_or_throw(const std::optional<Error>& trouble) {
  if (trouble) throw Failure{*trouble};
}

void receive(int lanes, SessionManner manner, const Course& course, const std::function<void(std::uint16_t)>& listening) {
  Side side;
  auto sink = value_or_throw(FileSink::at(course.destination, OnConflict::overwrite));
  const Summary agreed{.files = 1, .entries = 1, .bytes = course.size, .names = {}, .text = {}};
  ReceiverSession::Settings settings;
  if (manner.receipt)
    settings.sign = [&side](const ContentFacts& held) {
      return sign_receipt(side.identity, {.transfer = side.transfer, .sender = {}, .receiver = {}, .signed_at = {}, .held = held});
    };
  ReceiverSession session{side.loop.get_executor(), side.pool, sink, side.transfer, agreed, std::move(settings)};
  side.run([&]() -> awaitable<void> {
    auto listener = Listener::on(side.loop.get_executor(), Port{0});
    listening(listener.port().number);
    for (int lane = 0; lane < lanes; ++lane) {
      auto socket = co_await listener.accept();
      auto joined = co_await side.lane_over(std::move(socket), TlsRole::server);
      session.add_lane(std::move(joined));
    }
    const auto outcome = co_await session.run();
    succeed_or_throw(outcome.trouble);
  });
}

void send(int lanes, SessionManner manner, const Course& course, std::uint16_t port) {
  Side side;
  auto source = value_or_throw(FileSource::walk({.paths = {course.file}, .excludes = {}}));
  ContentTree contents;
  SenderSession::Settings settings;
  settings.limit = manner.limit;
  if (manner.receipt) settings.contents = &contents;
  SenderSession session{side.loop.get_executor(), side.pool, source, side.transfer, std::move(settings)};
  side.run([&]() -> awaitable<void> {
    const auto to = from_asio({asio::ip::address_v4::loopback(), port});
    for (int lane = 0; lane < lanes; ++lane) {
      auto socket = co_await connect(to);
      auto joined = co_await side.lane_over(std::move(socket), TlsRole::client);
      session.add_lane(std::move(joined));
    }
    const auto outcome = co_await session.run();
    succeed_or_throw(outcome.trouble);
    if (!manner.receipt) co_return;
    const auto came = outcome.receipt ? open_receipt(outcome.receipt->signed_receipt) : Result<ReceiptStatement>{Unexpected{{.doing = "no receipt came"}}};
    if (value_or_throw(came).held != value_or_throw(outcome.receipt->sent)) throw Failure{{.doing = "a receipt of something else"}};
  });
}

}  // namespace

Contestant sessions(int lanes, SessionManner manner) {
  return {"pshare sessions, " + std::to_string(lanes) + (lanes == 1 ? " lane" : " lanes") + (manner.receipt ? ", receipt" : ""),
          std::bind_front(receive, lanes, manner), std::bind_front(send, lanes, manner)};
}

}  // namespace pshare::bench
