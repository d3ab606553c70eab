// The rendezvous and two of its clients in the simulated world: the server is killed and started again at every step of an
// exchange, and the exchange comes to its end all the same.
#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "relay/rendezvous.hpp"
#include "secure/identity.hpp"
#include "traversal/rendezvous_link.hpp"
#include "world.hpp"

namespace pshare::sim {
namespace {

using namespace std::chrono_literals;

constexpr UnixTime wall{1'800'000'000s};
constexpr Duration delay = 10ms;  // to and from everybody alike, see ReportsOnlyWhatArrived

PublicKey key_number(int number) {
  PublicKey key;
  key.bytes[0] = static_cast<std::byte>(number);
  return key;
}

constexpr Duration dial_patience = 10s;  // as the driver in traversal/io has it

/// Alice looks Bob up and sends him an offer; Bob, who comes online some time later, answers it.
class Exchange {
 public:
  struct Connection {
    StreamLink& up;
    StreamLink& down;
    int server_run = 0;  // which process of the server it leads to: device numbers begin anew in each
    DeviceId device{};
    bool open = true;
  };
  struct Client {
    Host& host;
    PublicKey key;
    std::unique_ptr<Driver<RendezvousLink>> link;
    std::shared_ptr<Connection> connection;
    std::vector<std::string> inbox;   // bodies of signals
    std::vector<std::string> reported_delivered;
    std::map<RequestNumber, std::string> asked;  // signals whose fate is not known yet
    std::map<RequestNumber, int> answers;
    int times_online = 0;
    std::optional<std::string> waits{};  // a signal that is at the server until its recipient comes
  };

  explicit Exchange(Seed seed, Duration bob_comes_after)
      : world_(seed),
        server_host_(world_.add_host("server")),
        alice_{world_.add_host("alice"), key_number(1), {}, {}, {}, {}, {}, {}, 0},
        bob_{world_.add_host("bob"), key_number(2), {}, {}, {}, {}, {}, {}, 0} {
    value_or_throw(names_.claim("bob", bob_.key));  // he was here before
    start_server();
    start(alice_, "alice");
    alice_.link->feed([&](RendezvousLink& link) { link.request(Resolve{0, std::string{"bob"}}, world_.now() + 10min, world_.now()); });
    world_.events().in(bob_comes_after, [this] { start(bob_, "bob"); });
  }

  void start_server() {
    server_host_.start();
    ++server_run_;
    server_ = std::make_unique<Driver<Rendezvous>>(server_host_, Rendezvous{names_, {.agent = "sim", .notice = {}}},
                                                   [this](Rendezvous::Action action) { perform(std::move(action)); });
  }
  /// What it held in memory is gone; the names are on its disk.
  void kill_server() {
    server_host_.kill();
    for (auto& [device, client] : std::exchange(connected_, {})) break_off(*client);
  }
  /// The clients are told nothing: the machine is gone, not just the process.
  void kill_server_silently() {
    server_host_.kill();
    for (auto& [device, client] : std::exchange(connected_, {})) client->connection->up.cut(), client->connection->down.cut();
  }

  bool done() const { return !alice_.inbox.empty(); }
  World& world() { return world_; }
  Client& alice() { return alice_; }
  Client& bob() { return bob_; }
  std::size_t clients_of_server() const { return server_->core().clients(); }

 private:
  void start(Client& client, const std::string& name) {
    client.link = std::make_unique<Driver<RendezvousLink>>(client.host, RendezvousLink{"sim", world_.random(), world_.now()},
                                                           [this, &client](RendezvousLink::Action action) { perform(client, std::move(action)); });
    client.link->feed([&](RendezvousLink& link) { link.request(Register{0, name}, world_.now() + 10min, world_.now()); });
  }

  void break_off(Client& client) {
    auto connection = client.connection;
    if (!connection || !std::exchange(connection->open, false)) return;
    connection->up.cut(), connection->down.cut();
    client.host.in(delay, [this, &client] {
      client.link->feed([&](RendezvousLink& link) {
        link.connection_lost({.code = Errc::unreachable, .doing = "the connection broke"}, world_.now());
      });
    });
  }

  void send_signal(Client& client, const PublicKey& to, const std::string& body) {
    client.link->feed([&](RendezvousLink& link) {
      const auto number = link.request(SendSignal{0, id_of(to), {}, buffer_of(bytes_of(body)), true, {}}, world_.now() + 10min, world_.now());
      client.asked[number] = body;
    });
  }

  void perform(Client& client, RendezvousLink::Action action) {
    if (std::holds_alternative<RendezvousLink::Connect>(action)) {
      client.host.in(delay, [this, &client] { dial(client); });
    } else if (auto* send = std::get_if<RendezvousLink::Send>(&action)) {
      if (!client.connection) return;
      const auto body = encode(send->message);
      client.connection->up.send(body.size(), server_host_.mine([this, connection = client.connection, body] {
        server_->feed([&](Rendezvous& core) { core.received(connection->device, value_or_throw(decode_client_message(body)), wall, world_.now()); });
      }));
    } else if (std::holds_alternative<RendezvousLink::Disconnect>(action)) {
      hang_up(client);
    } else if (auto* answered = std::get_if<RendezvousLink::Answered>(&action)) {
      ++client.answers[answered->request];
      if (const auto* resolved = std::get_if<Resolved>(&answered->reply)) {
        EXPECT_EQ(resolved->key, bob_.key);
        send_signal(alice_, bob_.key, "offer");
      } else if (const auto* fate = std::get_if<SignalFate>(&answered->reply)) {
        fate_known(client, client.asked.extract(answered->request).mapped(), fate->fate);
      }
    } else if (auto* delivered = std::get_if<RendezvousLink::Delivered>(&action)) {
      const std::string body{text_of(delivered->delivery.body)};
      const bool fresh = std::ranges::find(client.inbox, body) == client.inbox.end();
      client.inbox.push_back(body);
      if (&client == &bob_ && fresh) send_signal(bob_, alice_.key, "answer");
    } else if (std::holds_alternative<RendezvousLink::Online>(action)) {
      // What waited at a server which died waits no more: so it is said again. (A second copy does no harm.)
      if (++client.times_online > 1 && client.waits) send_signal(client, client.key == alice_.key ? bob_.key : alice_.key, *client.waits);
    } else if (auto* failed = std::get_if<RendezvousLink::Failed>(&action)) {
      ADD_FAILURE() << client.host.name() << ": " << failed->error.doing;
    } else if (auto* ended = std::get_if<RendezvousLink::Ended>(&action)) {
      ADD_FAILURE() << client.host.name() << ": " << ended->error.doing;
    }
  }

  void fate_known(Client& client, const std::string& body, Fate fate) {
    if (fate == Fate::delivered) client.reported_delivered.push_back(body);
    client.waits = fate == Fate::waiting ? std::optional{body} : std::nullopt;
  }

  void dial(Client& client) {
    if (!server_host_.runs()) {
      client.link->feed([&](RendezvousLink& link) { link.connection_lost({.code = Errc::unreachable, .doing = "refused"}, world_.now()); });
      return;
    }
    const StreamLink::Settings settings{.delay = delay, .rate = {0}};
    client.connection = std::make_shared<Connection>(Connection{world_.add_stream(settings), world_.add_stream(settings), server_run_, {}, true});
    client.connection->device = server_->feed([&](Rendezvous& core) {
      return core.connected(client.key, value_or_throw(Endpoint::parse("192.0.2.7:4000")), world_.now());
    });
    connected_[client.connection->device] = &client;
    auto made = std::make_shared<bool>(false);
    client.connection->down.send(1, client.host.mine([this, &client, made] {
      *made = true;
      client.link->feed([&](RendezvousLink& link) { link.connected(world_.now()); });
    }));
    // The link leaves the patience for dialling to its driver.
    client.host.in(dial_patience, [this, &client, made, connection = client.connection] {
      if (!*made && client.connection == connection) hang_up(client), break_dial(client);
    });
  }

  void break_dial(Client& client) {
    client.link->feed([&](RendezvousLink& link) { link.connection_lost({.code = Errc::timed_out, .doing = "dialling"}, world_.now()); });
  }

  void hang_up(Client& client) {
    auto connection = std::exchange(client.connection, nullptr);
    if (!connection || !std::exchange(connection->open, false)) return;
    connection->up.cut(), connection->down.cut();
    // A server that runs and knows the connection sees its end; one that was started since never had it.
    server_host_.in(delay, [this, connection] {
      if (connection->server_run == server_run_ && connected_.erase(connection->device) != 0)
        server_->feed([&](Rendezvous& core) { core.disconnected(connection->device, world_.now()); });
    });
  }

  void perform(Rendezvous::Action action) {
    if (auto* reply = std::get_if<Rendezvous::Reply>(&action)) {
      const auto found = connected_.find(reply->to);
      if (found == connected_.end()) return;
      auto& client = *found->second;
      const auto body = encode(reply->message);
      client.connection->down.send(body.size(), client.host.mine([this, &client, body] {
        client.link->feed([&](RendezvousLink& link) { link.received(value_or_throw(decode_server_message(body)), world_.now()); });
      }));
    } else if (auto* close = std::get_if<Rendezvous::Close>(&action)) {
      server_host_.in(0s, [this, device = close->device] {
        const auto found = connected_.find(device);
        if (found == connected_.end()) return;
        auto& client = *found->second;
        connected_.erase(found);
        server_->feed([&](Rendezvous& core) { core.disconnected(device, world_.now()); });
        break_off(client);
      });
    }
  }

  World world_;
  Host& server_host_;
  MemoryNameStore names_;
  Client alice_, bob_;
  std::unique_ptr<Driver<Rendezvous>> server_;
  std::map<DeviceId, Client*> connected_;
  int server_run_ = 0;
};

/// Before Alice's offer (so that it is delivered), and long after (so that it waits).
constexpr Duration bob_comes[] = {0s, 3s};

std::uint64_t steps_undisturbed(Duration bob_comes_after) {
  Exchange exchange{Seed{1}, bob_comes_after};
  EXPECT_TRUE(exchange.world().events().run_until([&] { return exchange.done(); }, exchange.world().now() + 1min));
  return exchange.world().events().steps();
}

void expect_all_is_well(Exchange& exchange) {
  EXPECT_EQ(exchange.alice().inbox.front(), "answer");
  ASSERT_FALSE(exchange.bob().inbox.empty());
  EXPECT_EQ(exchange.bob().inbox.front(), "offer");
  for (const auto& [request, answers] : exchange.alice().answers) EXPECT_EQ(answers, 1) << "request " << request.number;
  for (const auto& [request, answers] : exchange.bob().answers) EXPECT_EQ(answers, 1) << "request " << request.number;
}

TEST(SimulatedRendezvous, CarriesAnOfferAndItsAnswerOnceWhetherThePeerIsThereOrComesLater) {
  for (const auto comes : bob_comes) {
    Exchange exchange{Seed{1}, comes};
    ASSERT_TRUE(exchange.world().events().run_until([&] { return exchange.done(); }, exchange.world().now() + 1min));
    expect_all_is_well(exchange);
    EXPECT_EQ(exchange.bob().inbox.size(), 1u);
    EXPECT_EQ(exchange.alice().inbox.size(), 1u);
  }
}

TEST(SimulatedRendezvous, KilledAndStartedAgainAtAnyStepStillCarriesTheExchange) {
  for (const auto comes : bob_comes) {
    const auto steps = steps_undisturbed(comes);
    ASSERT_GT(steps, 15u);
    for (std::uint64_t at = 1; at <= steps; ++at)
      for (const auto pause : {Duration{0}, Duration{500ms}, Duration{20s}}) {
        SCOPED_TRACE("killed after step " + std::to_string(at) + " for " + std::to_string(pause / 1ms) + " ms, seed 1");
        Exchange exchange{Seed{1}, comes};
        auto& events = exchange.world().events();
        while (events.steps() < at && events.step()) {}
        exchange.kill_server();
        events.in(pause, [&] { exchange.start_server(); });
        ASSERT_TRUE(events.run_until([&] { return exchange.done(); }, exchange.world().now() + 3min));
        ASSERT_NO_FATAL_FAILURE(expect_all_is_well(exchange));
        if (HasFailure()) return;
      }
  }
}

TEST(SimulatedRendezvous, GoneWithoutAWordAtAnyStepIsNoticedAndReplaced) {
  for (const auto comes : bob_comes) {
    const auto steps = steps_undisturbed(comes);
    for (std::uint64_t at = 1; at <= steps; ++at) {
      SCOPED_TRACE("gone after step " + std::to_string(at) + ", seed 1");
      Exchange exchange{Seed{1}, comes};
      auto& events = exchange.world().events();
      while (events.steps() < at && events.step()) {}
      exchange.kill_server_silently();
      exchange.start_server();
      ASSERT_TRUE(events.run_until([&] { return exchange.done(); }, exchange.world().now() + 5min));
      ASSERT_NO_FATAL_FAILURE(expect_all_is_well(exchange));
      if (HasFailure()) return;
    }
  }
}

// A kill cuts all lines at once, and these are of one length: so what was said first to the peer is there before the sender is
// told its fate. Over lines of different lengths a server cannot promise that; there an offer's own answer is what counts.
TEST(SimulatedRendezvous, KilledAtAnyStepHasReportedAsDeliveredOnlyWhatArrived) {
  for (const auto comes : bob_comes) {
    const auto steps = steps_undisturbed(comes);
    for (std::uint64_t at = 1; at <= steps; ++at) {
      SCOPED_TRACE("killed after step " + std::to_string(at) + ", seed 1");
      Exchange exchange{Seed{1}, comes};
      auto& events = exchange.world().events();
      while (events.steps() < at && events.step()) {}
      exchange.kill_server();
      for (const auto& body : exchange.alice().reported_delivered)
        EXPECT_NE(std::ranges::find(exchange.bob().inbox, body), exchange.bob().inbox.end());
      for (const auto& body : exchange.bob().reported_delivered)
        EXPECT_NE(std::ranges::find(exchange.alice().inbox, body), exchange.alice().inbox.end());
    }
  }
}

TEST(SimulatedRendezvous, KilledAgainAndAgainIsFoundAgainAndKeepsNoDeadClients) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Exchange exchange{Seed{seed}, 5s};
    auto& world = exchange.world();
    for (int kill = 0; kill < 10 && !exchange.done(); ++kill) {
      world.events().run_until([] { return false; }, world.now() + Duration{1ms} * static_cast<int>(world.random().below(3000)));
      exchange.kill_server();
      exchange.start_server();
    }
    ASSERT_TRUE(world.events().run_until([&] { return exchange.done(); }, world.now() + 5min));
    ASSERT_NO_FATAL_FAILURE(expect_all_is_well(exchange));
    world.events().run_until([] { return false; }, world.now() + 3min);
    EXPECT_EQ(exchange.clients_of_server(), 2u);
  }
}

}  // namespace
}  // namespace pshare::sim
