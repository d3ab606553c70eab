// The client against the real server: that both sides of control understand each other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/deadline.hpp"
#include "io/task_group.hpp"
#include "person.hpp"
#include "relay/io/server.hpp"
#include "relay/rendezvous.hpp"
#include "relay/store.hpp"
#include "traversal/io/rendezvous_client.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using testing::error_of;
using testing::here;
using testing::Person;
using testing::run;

using Whom = std::variant<std::string, PeerId>;

TEST(RendezvousClientAndServer, IntroduceTwoPeopleToEachOther) {
  asio::io_context loop;
  SeededRandom random{1};
  Person operators, alice, bob;
  MemoryNameStore names;
  Rendezvous rendezvous{names, {.max_clients = 10, .agent = "test", .notice = "welcome, both"}};
  auto listener = Listener::on(loop.get_executor(), {here(), Port{0}});
  const auto port = listener.port();
  Server server{loop.get_executor(), operators.tls, rendezvous, std::move(listener)};
  const ServerAddress address{.host = "127.0.0.1", .port = port, .key = operators.id()};
  RendezvousClient alices{loop.get_executor(), alice.tls, address, random};
  RendezvousClient bobs{loop.get_executor(), bob.tls, address, random};
  std::vector<std::string> notices;
  alices.set_on_notice([&](std::string words) { notices.push_back(std::move(words)); });

  auto story = [&]() -> awaitable<void> {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(server.run());
      const auto until = Clock::now() + 20s;
      EXPECT_EQ(co_await learn_server_key("127.0.0.1", port, alice.tls, until), operators.id());
      tasks.start(alices.run());
      EXPECT_EQ((co_await alices.welcome(until)).observed.address, here());
      EXPECT_EQ(co_await alices.register_name("Alice", until), "alice");

      const Whom bob_by_name{"bob"}, alice_by_name{"alice"}, bob_by_id{bob.id()};
      EXPECT_EQ((co_await error_of(alices.resolve(bob_by_name, until))).value().code, Errc::unknown_peer);
      tasks.start(bobs.run());
      EXPECT_EQ(co_await bobs.register_name("bob", until), "bob");
      EXPECT_EQ((co_await error_of(bobs.register_name("alice", until))).value().code, Errc::refused);
      EXPECT_EQ((co_await bobs.resolve(alice_by_name, until)).key, alice.identity.public_key());
      EXPECT_EQ((co_await alices.resolve(bob_by_id, until)).name, "bob");
      const std::vector<PeerId> both{bob.id(), operators.id()};
      EXPECT_THAT(co_await alices.who(both, until), ElementsAre(bob.id()));

      const auto session = SessionId::random(random);
      auto sealed = buffer_of(bytes_of("sealed"));
      EXPECT_EQ(co_await alices.signal(bob.id(), DeviceId{}, std::move(sealed), false, session, until), Fate::delivered);
      const auto delivery = co_await bobs.next_delivery();
      EXPECT_EQ(delivery.from, alice.id());
      EXPECT_EQ(text_of(delivery.body), "sealed");
      co_await alices.withdraw(bob.id(), session, until);
    };
    co_await with_tasks(std::move(body));
  };
  run(loop, story());
  EXPECT_THAT(notices, ElementsAre("welcome, both"));
}

}  // namespace
}  // namespace pshare
