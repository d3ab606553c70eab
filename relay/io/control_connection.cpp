#include "relay/io/control_connection.hpp"

#include "relay/io/server.hpp"

namespace pshare {

ControlConnection::ControlConnection(asio::any_io_executor executor, TlsStream stream) : stream_(std::move(stream)), news_(executor) {}

awaitable<ByteBuffer> ControlConnection::next_body() {
  std::array<std::byte, 16 * 1024> piece;
  for (;;) {
    auto body = value_or_throw(frames_.next());
    if (body) co_return *std::move(body);
    const auto count = co_await stream_.read_some(piece);
    frames_.feed(ByteView{piece}.first(count));
  }
}

bool ControlConnection::say(const ServerMessage& message) {
  auto framed = frame(encode(message));
  if (queued_bytes_ + framed.size() > max_unsent) return false;
  queued_bytes_ += framed.size();
  queue_.push_back(std::move(framed));
  news_.ring();
  return true;
}

void ControlConnection::close_when_sent() {
  closing_ = true;
  news_.ring();
}

awaitable<void> ControlConnection::send() {
  for (;;) {
    while (!queue_.empty()) {
      const auto framed = std::move(queue_.front());
      queue_.pop_front();
      sending_ = true;
      co_await stream_.write(ByteView{framed});
      sending_ = false;
      queued_bytes_ -= framed.size();
    }
    if (closing_) co_return;
    co_await news_.wait();
  }
}

}  // namespace pshare
