// A supernode that has the right key, which its owner's contacts trust, is listed by an honest server, and does harm with what it carries.
//
//   hostile_supernode HOME HOST:PORT#KEY HARM OVERHEARD     prints "listed" once it is, and keeps in OVERHEARD all that is said to it or through it
//
//   poses       joins nobody: is the other one itself to each, with its own key
//   echoes      gives everybody back what they have said
//   crosses     joins the first of one meeting with the second of the next one, and the other way round
//   exchanges   relays; but two meetings that are under way at once get the rest of each other's bytes, once
//   replays     relays the first meeting, and says in all that follow what was said in that one
#include <cstdio>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "in_between.hpp"
#include "io/deadline.hpp"
#include "io/task_group.hpp"
#include "relay/io/role_handshake.hpp"
#include "secure/identity.hpp"
#include "secure/random_source.hpp"
#include "traversal/io/rendezvous_client.hpp"
#include "wire/relay_hello.hpp"
#include "wire/ticket.hpp"

namespace pshare::hostile {
namespace {

using namespace std::chrono_literals;

constexpr Duration patience = 30s;
/// In front of what a rendezvous has signed: a version, and the signature.
constexpr std::size_t head_of_a_ticket = 1 + 64;
/// What a meeting carries before its bytes go astray: file bytes are under way by then.
constexpr std::uint64_t bytes_before_exchange = 256 * 1024;

enum class Harm { poses, echoes, crosses, exchanges, replays };

const std::map<std::string, Harm> harms{
    {"poses", Harm::poses}, {"echoes", Harm::echoes}, {"crosses", Harm::crosses}, {"exchanges", Harm::exchanges}, {"replays", Harm::replays}};

/// One of the two, and what it has said.
struct Side {
  std::shared_ptr<TcpStream> socket;  // shared by the two ways that it is the end of
  ByteBuffer said;
};

/// Of two who have come with one ticket. `one` has asked for it.
struct Meeting {
  std::optional<Side> one, other;
  std::uint64_t carried = 0;
};

class HostileSupernode {
 public:
  HostileSupernode(const Identity& identity, const TlsContext& tls, Harm harm, Overheard& overheard) : identity_(identity), tls_(tls), harm_(harm), overheard_(overheard) {}

  awaitable<void> run(ServerAddress at) {
    const auto executor = co_await asio::this_coro::executor;
    SecureRandom random;
    Outlet outlet{{}};
    RendezvousClient server{executor, tls_, std::move(at), random, outlet, RendezvousClient::Attendance::answers_only};
    auto listener = Listener::on(executor, Endpoint{value_or_throw(IpAddress::parse("127.0.0.1")), Port{0}});
    const auto port = listener.port();
    const auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks_ = &tasks;
      tasks.start(server.run());
      tasks.start(accept(std::move(listener)));
      const auto answer = co_await server.volunteer(port, false, false, Clock::now() + patience);
      std::puts(answer.outcome == DialBackOutcome::reached ? "listed" : "not listed");
      std::fflush(stdout);
      for (;;) co_await sleep_until(Clock::now() + patience);
    };
    co_await with_tasks<void>(body);
  }

 private:
  awaitable<void> accept(Listener listener) {
    for (;;) {
      auto socket = co_await listener.accept();
      tasks_->start(serve(std::move(socket)));
    }
  }

  awaitable<void> serve(TcpStream socket) {
    try {
      std::vector<std::string> roles{std::string{relay_alpn}};
      auto spoken = alpns_of(roles);
      const auto anybody = [](const PeerId&) { return true; };
      TlsStream stream{std::move(socket), TlsEngine{tls_, TlsRole::server, std::move(spoken), anybody}};
      co_await shake_hands(stream, std::move(roles));
      const auto peer = stream.peer();
      const auto signed_ticket = co_await hear_ticket(stream, overheard_);
      const auto ticket = value_or_throw(decode_ticket(ByteView{signed_ticket}.subspan(std::min(head_of_a_ticket, signed_ticket.size()))));
      auto lane = co_await say_joined(std::move(stream));
      co_await came(ticket, peer == ticket.one, std::make_shared<TcpStream>(std::move(lane)));
    } catch (const Failure&) {
      // The peer has gone, as peers do.
    }
  }

  awaitable<void> came(Ticket ticket, bool is_one, std::shared_ptr<TcpStream> socket) {
    if (harm_ == Harm::poses) {
      // Who has asked for the ticket is the sender, and the TLS client.
      co_return co_await pose_as_the_other(std::move(*socket), tls_, is_one ? TlsRole::server : TlsRole::client, overheard_);
    }
    if (harm_ == Harm::echoes) {
      std::puts("echoing");
      std::fflush(stdout);
      Side side{socket, {}};
      std::function<std::shared_ptr<TcpStream>()> back = [socket] { return socket; };
      std::function<void(std::size_t)> nothing = [](std::size_t) {};
      co_return co_await carry(side, std::move(back), std::move(nothing));
    }
    auto& meeting = meetings_[ticket.id];
    (is_one ? meeting.one : meeting.other) = Side{std::move(socket), {}};
    if (!meeting.one || !meeting.other) co_return;
    complete_.push_back(&meeting);
    if (harm_ == Harm::replays) {
      if (complete_.size() == 1) relay(meeting);
      else replay(*complete_.front(), meeting);
    } else if (harm_ == Harm::exchanges) {
      relay(meeting);
    } else if (complete_.size() % 2 == 0) {
      cross(*complete_[complete_.size() - 2], meeting);
    }
  }

  void relay(Meeting& meeting) {
    const auto count = [this, &meeting](std::size_t bytes) { meeting.carried += bytes, exchange_if_due(); };
    tasks_->start(carry(*meeting.one, [this, &meeting] { return astray(meeting).other->socket; }, count));
    tasks_->start(carry(*meeting.other, [this, &meeting] { return astray(meeting).one->socket; }, count));
  }

  void replay(const Meeting& before, Meeting& meeting) {
    tasks_->start(say(meeting.other->socket, before.one->said));
    tasks_->start(say(meeting.one->socket, before.other->said));
  }

  void cross(Meeting& first, Meeting& second) {
    std::puts("crossed");
    std::fflush(stdout);
    const auto nothing = [](std::size_t) {};
    for (auto [one, other] : {std::pair{&first, &second}, std::pair{&second, &first}}) {
      tasks_->start(carry(*one->one, [socket = other->other->socket] { return socket; }, nothing));
      tasks_->start(carry(*other->other, [socket = one->one->socket] { return socket; }, nothing));
    }
  }

  /// The meeting whose bytes these become.
  Meeting& astray(Meeting& meeting) {
    const auto found = exchanged_.find(&meeting);
    return found == exchanged_.end() ? meeting : *found->second;
  }
  void exchange_if_due() {
    if (harm_ != Harm::exchanges || !exchanged_.empty() || complete_.size() < 2) return;
    auto& first = *complete_[0];
    auto& second = *complete_[1];
    if (first.carried < bytes_before_exchange || second.carried < bytes_before_exchange) return;
    exchanged_ = {{&first, &second}, {&second, &first}};
    std::puts("exchanged");
    std::fflush(stdout);
  }

  awaitable<void> carry(Side& from, std::function<std::shared_ptr<TcpStream>()> to, std::function<void(std::size_t)> count) {
    const auto source = from.socket;
    ByteBuffer piece(64 * 1024);
    try {
      for (;;) {
        const auto read = co_await source->read_some(piece);
        const auto bytes = ByteView{piece}.first(read);
        overheard_.note(bytes);
        from.said.insert(from.said.end(), bytes.begin(), bytes.end());
        const auto sink = to();
        co_await sink->write(bytes);
        count(read);
      }
    } catch (const Failure&) {
      to()->close();
      source->close();
    }
  }

  static awaitable<void> say(std::shared_ptr<TcpStream> to, ByteBuffer words) {
    try {
      std::puts("replayed");
      std::fflush(stdout);
      co_await to->write(words);
      ByteBuffer piece(1024);
      for (;;) co_await to->read_some(piece);
    } catch (const Failure&) {
      to->close();
    }
  }

  const Identity& identity_;
  const TlsContext& tls_;
  Harm harm_;
  Overheard& overheard_;
  TaskGroup* tasks_ = nullptr;  // while it runs
  std::map<TicketId, Meeting> meetings_;
  std::deque<Meeting*> complete_;  // in meetings_, in which nothing is ever erased
  std::map<Meeting*, Meeting*> exchanged_;
};

int run(const std::string& home, const std::string& spec, const std::string& harm, const std::string& heard) {
  const auto known = harms.find(harm);
  const auto hash = spec.find('#');
  if (known == harms.end() || hash == std::string::npos) return 2;
  const auto identity = value_or_throw(Identity::load_or_create(home + "/identity.key"));
  const TlsContext tls{identity};
  Overheard overheard{heard};
  const auto endpoint = value_or_throw(Endpoint::parse(spec.substr(0, hash)));
  ServerAddress at{endpoint.address.text(), endpoint.port, value_or_throw(PeerId::parse(spec.substr(hash + 1)))};
  asio::io_context loop{1};
  HostileSupernode node{identity, tls, known->second, overheard};
  asio::co_spawn(loop, node.run(std::move(at)), [](std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
  });
  loop.run();
  return 0;
}

}  // namespace
}  // namespace pshare::hostile

int main(int argc, char** argv) {
  try {
    return argc == 5 ? pshare::hostile::run(argv[1], argv[2], argv[3], argv[4]) : 2;
  } catch (const std::exception& trouble) {
    std::fprintf(stderr, "hostile_supernode: %s\n", trouble.what());
    return 1;
  }
}
