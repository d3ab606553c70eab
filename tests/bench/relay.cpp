// What the relay costs: bytes in a second and processor time for each gigabyte, beside a floor measured in the same run (a loop that does nothing but
// splice(2) between two sockets), and through memory instead; then how much memory a session takes when there are many, and how evenly
// they are served.
//
//   bench_relay [--size MIB] [--runs N] [--sessions N] [--seconds N]      defaults: 4096, 5, 2000, 10
//
// The relay is a process of its own. Tickets, TLS and hellos are the real ones; what follows them are raw sockets, so that the relay is what is measured.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <functional>
#include <numeric>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "io/deadline.hpp"
#include "relay/io/relay_service.hpp"
#include "secure/random_source.hpp"
#include "secure/ticket.hpp"
#include "wire/framing.hpp"

namespace pshare::bench {
namespace {

using Seconds = std::chrono::duration<double>;

struct Options {
  std::uint64_t mebibytes = 4096;
  std::size_t runs = 5, sessions = 2000, seconds = 10;
};

int checked(int result, const char* doing) {
  if (result < 0) throw std::system_error{errno, std::generic_category(), doing};
  return result;
}

struct Person {
  Identity identity = value_or_throw(Identity::generate());
  TlsContext tls{identity};
};

/// Everybody of a run. Made before any process forks, so that all know all.
struct People {
  Person rendezvous, relay, alice, bob;
};

// --- the forwarding process -----------------------------------------------------------------------------------------

/// A process of our own that listens on a port of its own.
class Forwarder {
 public:
  Forwarder(const std::function<void(const std::function<void(std::uint16_t)>& listening)>& body) {
    std::array<int, 2> pipe{};
    checked(::pipe2(pipe.data(), O_CLOEXEC), "pipe");
    pid_ = checked(::fork(), "fork");
    if (pid_ == 0) {
      body([&](std::uint16_t port) {
        if (::write(pipe[1], &port, sizeof port) != sizeof port) ::_exit(1);
      });
      ::_exit(0);
    }
    ::close(pipe[1]);
    if (::read(pipe[0], &port_, sizeof port_) != sizeof port_) throw std::runtime_error{"the forwarder did not start"};
    ::close(pipe[0]);
  }
  Forwarder(const Forwarder&) = delete;
  Forwarder& operator=(const Forwarder&) = delete;
  ~Forwarder() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  std::uint16_t port() const { return port_; }
  /// Processor seconds so far.
  double cpu() const {
    std::ifstream stat{"/proc/" + std::to_string(pid_) + "/stat"};
    std::string word;
    double ticks = 0;
    for (int field = 1; field <= 15 && stat >> word; ++field)
      if (field >= 14) ticks += std::stod(word);
    return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  }
  /// Resident memory that is its own share, in KiB.
  std::size_t memory() const {
    std::ifstream smaps{"/proc/" + std::to_string(pid_) + "/smaps_rollup"};
    std::string word;
    std::size_t number = 0;
    while (smaps >> word)
      if (word == "Pss:" && smaps >> number) return number;
    return 0;
  }

 private:
  pid_t pid_ = 0;
  std::uint16_t port_ = 0;
};

/// Accepts and hands to the relay service. No admission: one machine plays thousands here.
awaitable<void> accept(Listener& listener, const TlsContext& tls, RelayService& service) {
  const auto serve = [&](TcpStream socket) -> awaitable<void> {
    std::vector<std::string> role{std::string{relay_alpn}};
    TlsStream stream{std::move(socket), TlsEngine{tls, TlsRole::server, std::move(role), [](const PeerId&) { return true; }}};
    co_await stream.handshake();
    auto hello = co_await service.hear_hello(stream);
    co_await service.serve(std::move(stream), std::move(hello));
  };
  const auto body = [&](TaskGroup& tasks) -> awaitable<void> {
    for (;;) tasks.start(serve(co_await listener.accept()));
  };
  co_await with_tasks<void>(body);
}

void relay(const People& people, OneWay::Means means, const std::function<void(std::uint16_t)>& listening) {
  asio::io_context loop{1};
  constexpr std::size_t plenty = 1'000'000;
  Joiner joiner{{.rendezvous = {people.rendezvous.identity.public_key()}, .relay = people.relay.identity.id(), .max_lanes = plenty,
                 .max_sides_of_a_key = plenty, .max_sides_of_an_address = plenty}};
  RelayService service{loop.get_executor(), joiner, {.means = means}};
  auto listener = Listener::on(loop.get_executor(), Endpoint{*IpAddress::parse("127.0.0.1"), Port{0}});
  asio::co_spawn(loop, service.run(), asio::detached);
  asio::co_spawn(loop, accept(listener, people.relay.tls, service), [](std::exception_ptr trouble) {
    if (trouble) std::rethrow_exception(trouble);
  });
  listening(listener.port().number);
  loop.run();
}

/// The floor: two connections, one pipe, splice.
void splice_loop(const std::function<void(std::uint16_t)>& listening) {
  const int listener = checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  checked(::bind(listener, reinterpret_cast<sockaddr*>(&address), length), "bind");
  checked(::listen(listener, 2), "listen");
  checked(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), "getsockname");
  listening(ntohs(address.sin_port));
  for (;;) {
    const int from = checked(::accept(listener, nullptr, nullptr), "accept"), to = checked(::accept(listener, nullptr, nullptr), "accept");
    std::array<int, 2> pipe{};
    checked(::pipe2(pipe.data(), O_CLOEXEC), "pipe");
    ::fcntl(pipe[1], F_SETPIPE_SZ, static_cast<int>(pipe_size));
    for (;;) {
      auto held = ::splice(from, nullptr, pipe[1], nullptr, bytes_of_a_turn, SPLICE_F_MOVE);
      checked(static_cast<int>(held), "splice");
      if (held == 0) break;
      while (held > 0) {
        const auto given = ::splice(pipe[0], nullptr, to, nullptr, static_cast<std::size_t>(held), SPLICE_F_MOVE);
        checked(static_cast<int>(given), "splice");
        held -= given;
      }
    }
    for (const int each : {from, to, pipe[0], pipe[1]}) ::close(each);
  }
}

// --- the peers ------------------------------------------------------------------------------------------------------

struct Ends {
  int alice, bob;  // blocking sockets
};

awaitable<TlsStream> present(const Person& as, const People& people, std::uint16_t port, const ByteBuffer& ticket) {
  auto socket = co_await connect(Endpoint{*IpAddress::parse("127.0.0.1"), Port{port}});
  std::vector<std::string> role{std::string{relay_alpn}};
  TlsStream stream{std::move(socket), TlsEngine{as.tls, TlsRole::client, std::move(role), only(people.relay.identity.id())}};
  co_await stream.handshake();
  stream.stop_reading_ahead();
  const auto framed = frame(encode(RelayHello{relay_version, ticket}));
  co_await stream.write(ByteView{framed});
  co_return stream;
}

awaitable<int> joined(TlsStream stream) {
  FrameReader frames;
  for (;;) {
    const auto body = value_or_throw(frames.next());
    if (body) break;
    std::array<std::byte, 1024> piece;
    const auto count = co_await stream.read_some(piece);
    frames.feed(ByteView{piece}.first(count));
  }
  auto socket = std::move(stream).release();
  const int descriptor = socket.socket().release();
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
  co_return descriptor;
}

Ends meet(const People& people, std::uint16_t port) {
  static SecureRandom random;
  asio::io_context loop{1};
  Ends ends{};
  const auto story = [&]() -> awaitable<void> {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const auto ticket = sign_ticket(people.rendezvous.identity, {TicketId::random(random), {}, people.alice.identity.id(), people.bob.identity.id(),
                                                                 people.relay.identity.id(), now + ticket_lifetime, {}});
    auto one = co_await present(people.alice, people, port, ticket);
    auto other = co_await present(people.bob, people, port, ticket);
    ends.alice = co_await joined(std::move(one));
    ends.bob = co_await joined(std::move(other));
  };
  std::exception_ptr trouble;
  asio::co_spawn(loop, story, [&](std::exception_ptr thrown) { trouble = thrown; });
  loop.run();
  if (trouble) std::rethrow_exception(trouble);
  return ends;
}

int dial(std::uint16_t port) {
  const int socket = checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  checked(::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address), "connect");
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

struct Measured {
  double seconds = 0, cpu = 0;
};

/// So many bytes from one to the other.
Measured push(const Forwarder& forwarder, Ends ends, std::uint64_t bytes) {
  const auto cpu = forwarder.cpu();
  const auto began = Clock::now();
  const auto sender = checked(::fork(), "fork");
  if (sender == 0) {
    ::close(ends.bob);
    std::vector<char> buffer(256 * KiB);
    for (auto left = bytes; left > 0;) {
      const auto count = ::send(ends.alice, buffer.data(), std::min<std::uint64_t>(buffer.size(), left), MSG_NOSIGNAL);
      if (count <= 0) ::_exit(1);
      left -= static_cast<std::uint64_t>(count);
    }
    ::_exit(0);
  }
  ::close(ends.alice);
  std::vector<char> buffer(256 * KiB);
  std::uint64_t got = 0;
  for (;;) {
    const auto count = ::recv(ends.bob, buffer.data(), buffer.size(), 0);
    if (count <= 0) break;
    got += static_cast<std::uint64_t>(count);
  }
  const Seconds took = Clock::now() - began;
  ::close(ends.bob);
  ::waitpid(sender, nullptr, 0);
  if (got != bytes) throw std::runtime_error{"not all has arrived"};
  return {took.count(), forwarder.cpu() - cpu};
}

Measured median(std::vector<Measured> runs) {
  std::ranges::sort(runs, {}, &Measured::seconds);
  return runs[runs.size() / 2];
}

void throughput(const People& people, const Options& options) {
  const Forwarder floor{[](const auto& listening) { splice_loop(listening); }};
  const Forwarder spliced{[&](const auto& listening) { relay(people, OneWay::Means::kernel, listening); }};
  const Forwarder copied{[&](const auto& listening) { relay(people, OneWay::Means::memory, listening); }};
  const auto bytes = options.mebibytes * MiB;
  std::vector<Measured> of_floor, of_spliced, of_copied;
  for (std::size_t run = 0; run < options.runs; ++run) {
    const int from = dial(floor.port());
    of_floor.push_back(push(floor, {from, dial(floor.port())}, bytes));
    of_spliced.push_back(push(spliced, meet(people, spliced.port()), bytes));
    of_copied.push_back(push(copied, meet(people, copied.port()), bytes));
  }
  const auto gigabytes = static_cast<double>(bytes) / 1e9;
  const auto best = median(of_floor).seconds;
  const auto line = [&](const char* name, const Measured& measured) {
    std::printf("%-24s %6.2f GB/s   %5.2f of the floor   %6.3f s of processor for each GB\n", name, gigabytes / measured.seconds, best / measured.seconds,
                measured.cpu / gigabytes);
  };
  std::printf("one session, %llu MiB, median of %zu runs\n", static_cast<unsigned long long>(options.mebibytes), options.runs);
  line("splice loop (floor)", median(of_floor));
  line("relay, splice", median(of_spliced));
  line("relay, through memory", median(of_copied));
}

// --- many at once ---------------------------------------------------------------------------------------------------

/// Sends for ever on all of them, as much as each takes.
[[noreturn]] void send_on(const std::vector<int>& sockets) {
  const int poller = checked(::epoll_create1(0), "epoll");
  for (const int each : sockets) {
    ::fcntl(each, F_SETFL, O_NONBLOCK);
    epoll_event wish{.events = EPOLLOUT, .data = {.fd = each}};
    checked(::epoll_ctl(poller, EPOLL_CTL_ADD, each, &wish), "epoll");
  }
  const std::vector<char> buffer(64 * KiB);
  std::vector<epoll_event> events(256);
  for (;;) {
    const int count = ::epoll_wait(poller, events.data(), static_cast<int>(events.size()), -1);
    for (int at = 0; at < count; ++at) (void)!::send(events[static_cast<std::size_t>(at)].data.fd, buffer.data(), buffer.size(), MSG_NOSIGNAL);
  }
}

/// Receives on all of them until then; what each got after `from`.
std::vector<double> receive_on(const std::vector<int>& sockets, TimePoint from, TimePoint until) {
  const int poller = checked(::epoll_create1(0), "epoll");
  for (std::size_t at = 0; at < sockets.size(); ++at) {
    ::fcntl(sockets[at], F_SETFL, O_NONBLOCK);
    epoll_event wish{.events = EPOLLIN, .data = {.u64 = at}};
    checked(::epoll_ctl(poller, EPOLL_CTL_ADD, sockets[at], &wish), "epoll");
  }
  std::vector<double> got(sockets.size(), 0);
  std::vector<char> buffer(64 * KiB);
  std::vector<epoll_event> events(256);
  while (Clock::now() < until) {
    const int count = ::epoll_wait(poller, events.data(), static_cast<int>(events.size()), 100);
    const bool counts = Clock::now() >= from;
    for (int at = 0; at < count; ++at) {
      const auto which = events[static_cast<std::size_t>(at)].data.u64;
      const auto bytes = ::recv(sockets[which], buffer.data(), buffer.size(), 0);
      if (bytes > 0 && counts) got[which] += static_cast<double>(bytes);
    }
  }
  ::close(poller);
  return got;
}

/// What those cost who wait for the other peer.
void waiting(const People& people) {
  constexpr std::size_t count = 500;
  const Forwarder forwarder{[&](const auto& listening) { relay(people, OneWay::Means::kernel, listening); }};
  SecureRandom random;
  asio::io_context loop{1};
  std::vector<TlsStream> sides;  // end before their loop
  std::size_t before = 0;
  const auto story = [&]() -> awaitable<void> {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    for (std::size_t i = 0; i < count + 10; ++i) {
      if (i == 10) before = forwarder.memory();
      const auto ticket = sign_ticket(people.rendezvous.identity, {TicketId::random(random), {}, people.alice.identity.id(), people.bob.identity.id(),
                                                                   people.relay.identity.id(), now + ticket_lifetime, {}});
      sides.push_back(co_await present(people.alice, people, forwarder.port(), ticket));
    }
  };
  std::exception_ptr trouble;
  asio::co_spawn(loop, story, [&](std::exception_ptr thrown) { trouble = thrown; });
  loop.run();
  if (trouble) std::rethrow_exception(trouble);
  std::printf("%zu sides that wait: %.1f KiB each (Pss of the relay)\n", count, static_cast<double>(forwarder.memory() - before) / static_cast<double>(count));
}

void many(const People& people, const Options& options) {
  const Forwarder forwarder{[&](const auto& listening) { relay(people, OneWay::Means::kernel, listening); }};
  std::vector<int> alices, bobs;
  const auto add = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto ends = meet(people, forwarder.port());
      alices.push_back(ends.alice), bobs.push_back(ends.bob);
    }
  };
  add(10);  // what the first cost is the program's
  const auto before = forwarder.memory();
  add(options.sessions - alices.size());
  const auto idle = forwarder.memory();
  const auto sender = checked(::fork(), "fork");
  if (sender == 0) send_on(alices);
  const auto began = Clock::now();
  const auto settled = began + std::chrono::seconds{3}, until = settled + std::chrono::seconds{options.seconds};
  auto got = receive_on(bobs, settled, until);
  const auto busy = forwarder.memory();
  ::kill(sender, SIGKILL);
  ::waitpid(sender, nullptr, 0);

  std::ranges::sort(got);
  const auto sum = std::accumulate(got.begin(), got.end(), 0.0), mean = sum / static_cast<double>(got.size());
  const auto at = [&](double part) { return got[static_cast<std::size_t>(part * static_cast<double>(got.size() - 1))] / mean; };
  const auto each = [&](std::size_t memory) { return static_cast<double>(memory - before) / static_cast<double>(options.sessions - 10); };
  std::printf("%zu sessions at once, all busy one way for %zu s\n", options.sessions, options.seconds);
  std::printf("memory: %.1f KiB for each session when idle, %.1f KiB when busy (Pss of the relay)\n", each(idle), each(busy));
  std::printf("%.2f GB/s together; of the mean: least %.2f, 1%% %.2f, 50%% %.2f, 99%% %.2f, most %.2f\n", sum / 1e9 / static_cast<double>(options.seconds), at(0),
              at(0.01), at(0.5), at(0.99), at(1));
}

// --- the program ----------------------------------------------------------------------------------------------------

std::size_t number_from(std::string_view text) {
  std::size_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size()) throw std::runtime_error{"not a number: " + std::string{text}};
  return number;
}

Options options_from(int count, char** words) {
  Options options;
  for (int at = 1; at + 1 < count; at += 2) {
    const std::string_view option{words[at]};
    const auto number = number_from(words[at + 1]);
    if (option == "--size") options.mebibytes = number;
    else if (option == "--runs") options.runs = number;
    else if (option == "--sessions") options.sessions = number;
    else if (option == "--seconds") options.seconds = number;
    else throw std::runtime_error{"usage: bench_relay [--size MIB] [--runs N] [--sessions N] [--seconds N]"};
  }
  return options;
}

void run(const Options& options) {
  std::signal(SIGPIPE, SIG_IGN);
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const People people;
  if (options.runs > 0) throughput(people, options);
  waiting(people);
  if (options.sessions > 10) many(people, options);
}

}  // namespace
}  // namespace pshare::bench

int main(int count, char** words) {
  try {
    pshare::bench::run(pshare::bench::options_from(count, words));
    return 0;
  } catch (const std::exception& trouble) {
    std::fprintf(stderr, "bench_relay: %s\n", trouble.what());
    return 1;
  }
}
