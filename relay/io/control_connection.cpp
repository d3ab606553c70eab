#include "relay/io/control_connection.hpp"

#include <array>
#include <utility>

#include "io/deadline.hpp"

namespace pshare {

ControlConnection::ControlConnection(asio::any_io_executor executor, TlsStream stream)
    : stream_(std::move(stream)), news_(executor), leaving_(executor) {}

awaitable<ByteBuffer> ControlConnection::next_body() {
  std::array<std::byte, 16 * 1024> piece;
  for (;;) {
    auto body = value_or_throw(frames_.next());
    if (body) co_return *std::move(body);
    const auto count = co_await stream_.read_some(piece);
    frames_.feed(ByteView{piece}.first(count));
  }
}

awaitable<void> ControlConnection::send() {
  for (;;) {
    while (!queue_.empty()) {
      const auto framed = std::move(queue_.front());
      queue_.pop_front();
      co_await stream_.write(ByteView{framed});
      unsent_ -= framed.size();
    }
    co_await news_.wait();
  }
}

awaitable<void> ControlConnection::farewell() {
  co_await leaving_.wait();
  co_await sleep_until(Clock::now() + farewell_patience);
}

bool ControlConnection::say(const ServerMessage& message) {
  auto framed = frame(encode(message));
  if (unsent_ + framed.size() > max_unsent) return false;
  unsent_ += framed.size();
  queue_.push_back(std::move(framed));
  news_.ring();
  return true;
}

}  // namespace pshare
