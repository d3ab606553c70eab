// The STUN server on loopback sockets: that answers leave from the address and port that they should.
#include "relay/io/stun_responder.hpp"

#include <gmock/gmock.h>

#include "io/deadline.hpp"
#include "io/task_group.hpp"
#include "io/tcp_stream.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using asio::ip::udp;

const IpAddress one = *IpAddress::parse("127.0.0.1"), other = *IpAddress::parse("127.0.0.2");

ByteBuffer question(std::optional<ChangeRequest> change = std::nullopt) {
  SeededRandom random{1};
  return encode(StunMessage{.id = TransactionId::random(random), .change_request = change, .padding = 100});
}

class StunResponderTest : public testing::Test {
 protected:
  StunResponder responder(UdpPorts primary, UdpPorts alternate, std::optional<std::pair<IpAddress, IpAddress>> addresses) {
    port = primary.port(), alternate_port = alternate.port();
    return {StunServer{{.port = port, .alternate_port = alternate_port, .addresses = addresses}}, std::move(primary), std::move(alternate)};
  }
  /// Runs the story beside the responder.
  template <typename Story>
  void tell(StunResponder& responder, Story story) {
    std::exception_ptr trouble;
    const auto both = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(responder.run());
      co_await story();
    };
    const auto bounded = [&]() -> awaitable<void> {
      auto work = with_tasks<void>(both);
      co_await with_deadline(std::move(work), Clock::now() + 20s, "the test's story");
    };
    asio::co_spawn(loop, bounded, [&](std::exception_ptr thrown) { trouble = thrown; });
    loop.run();
    if (trouble) std::rethrow_exception(trouble);
  }
  /// Asks there, and gives where the answer came from.
  awaitable<Endpoint> ask(Endpoint at, std::optional<ChangeRequest> change = std::nullopt) {
    const auto there = to_asio(at);
    udp::socket socket{loop, at.address.is_v4() ? udp::v4() : udp::v6()};
    co_await socket.async_send_to(asio::buffer(question(change)), udp::endpoint{there.address(), there.port()}, use_awaitable);
    std::array<std::byte, 512> buffer;
    udp::endpoint from;
    const auto count = co_await socket.async_receive_from(asio::buffer(buffer), from, use_awaitable);
    const auto answer = decode_stun(ByteView{buffer}.first(count)).value();
    const auto heard_from = from_asio({from.address(), from.port()});
    EXPECT_EQ(answer.message.response_origin, heard_from);
    EXPECT_EQ(answer.message.xor_mapped_address->port.number, socket.local_endpoint().port());
    co_return heard_from;
  }

  asio::io_context loop;
  const asio::any_io_executor executor = loop.get_executor();
  Port port, alternate_port;
};

TEST_F(StunResponderTest, AnswersFromTheAddressAndPortThatAreWished) {
  auto responding = responder(UdpPorts::on(executor, {one, other}, Port{0}), UdpPorts::on(executor, {one, other}, Port{0}), std::pair{one, other});
  tell(responding, [&]() -> awaitable<void> {
    const Endpoint at{one, port}, beside{one, alternate_port}, opposite{other, alternate_port}, across{other, port};
    EXPECT_EQ(co_await ask(at), at);
    EXPECT_EQ(co_await ask(opposite), opposite);
    const ChangeRequest to_port{false, true}, to_address{true, false}, to_both{true, true};
    EXPECT_EQ(co_await ask(at, to_port), beside);
    EXPECT_EQ(co_await ask(at, to_address), across);
    EXPECT_EQ(co_await ask(at, to_both), opposite);
    EXPECT_EQ(co_await ask(opposite, to_both), at);
  });
}

TEST_F(StunResponderTest, OnEveryAddressAnswersFromTheOneThatWasAsked) {
  auto responding = responder(UdpPorts::on(executor, Port{0}), UdpPorts::on(executor, Port{0}), std::pair{one, other});
  tell(responding, [&]() -> awaitable<void> {
    for (const auto* text : {"127.0.0.1", "127.0.0.2", "127.0.0.77", "::1"}) {
      const Endpoint at{*IpAddress::parse(text), port};
      const ChangeRequest to_port{false, true};
      EXPECT_EQ(co_await ask(at), at);
      EXPECT_EQ(co_await ask(at, to_port), (Endpoint{at.address, alternate_port}));
    }
    const Endpoint at{one, port}, opposite{other, alternate_port};
    const ChangeRequest to_both{true, true};
    EXPECT_EQ(co_await ask(at, to_both), opposite);
  });
}

TEST_F(StunResponderTest, GoesOnWhenAnAnswerCannotBeDelivered) {
  auto responding = responder(UdpPorts::on(executor, {one}, Port{0}), UdpPorts::on(executor, {one}, Port{0}), std::nullopt);
  tell(responding, [&]() -> awaitable<void> {
    for (std::size_t i = 0; i < 2 * stun_questions_at_once; ++i) {  // whoever asked is gone: each answer meets a "port unreachable"
      udp::socket gone{loop, udp::v4()};
      gone.send_to(asio::buffer(question()), udp::endpoint{asio::ip::address_v4::loopback(), port.number});
    }
    const Endpoint at{one, port};
    EXPECT_EQ(co_await ask(at), at);
  });
}

TEST_F(StunResponderTest, IsDeafToWhatIsNoQuestion) {
  auto responding = responder(UdpPorts::on(executor, {one}, Port{0}), UdpPorts::on(executor, {one}, Port{0}), std::nullopt);
  tell(responding, [&]() -> awaitable<void> {
    udp::socket socket{loop, udp::v4()};
    const udp::endpoint there{asio::ip::address_v4::loopback(), port.number};
    const ByteBuffer giant(max_stun_message + 500), nothing, garbage(100, std::byte{0xFF});
    for (const auto* each : {&giant, &nothing, &garbage}) socket.send_to(asio::buffer(*each), there);
    const Endpoint at{one, port};
    EXPECT_EQ(co_await ask(at), at);  // which came later
    EXPECT_EQ(socket.available(), 0u);
  });
}

TEST_F(StunResponderTest, SaysThatAPortIsTaken) {
  const auto taken = UdpPorts::on(executor, Port{0});
  for (const auto* where : {"any", "127.0.0.1"}) {
    try {
      if (where == std::string_view{"any"}) UdpPorts::on(executor, taken.port());
      else UdpPorts::on(executor, {one}, taken.port());
      ADD_FAILURE() << "bound to it as well";
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.error().code, Errc::busy);
      EXPECT_THAT(failure.error().message(), testing::HasSubstr(std::to_string(taken.port().number)));
    }
  }
}

}  // namespace
}  // namespace pshare
