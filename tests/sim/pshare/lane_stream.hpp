// A lane on a simulated connection: takes its frames apart, and puts chunks together. Payloads are as long as they are in reality, and
// made of the number that stands for their content.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "pshare/secured_stream.hpp"
#include "transfer_sides.hpp"
#include "traversal/path.hpp"
#include "wire/lane_messages.hpp"

namespace pshare::sim {

class LaneStream {
 public:
  struct Events {
    std::function<void(const LaneMessage&)> message{};                           // of a chunk, its header
    std::function<void(const ChunkHeader&, Content)> chunk{};                    // and this when its payload is there
    std::function<void()> heard{};                                               // bytes
    std::function<void(const Error&)> ended{};                                   // the last
  };

  LaneStream(Host& host, TcpSocket socket, SecuredStream::Role role, const PublicKey& own, SecuredStream::Check check, std::function<void()> ready);

  /// Whom it is for now: first the greeting, then the session.
  void listen(Events events);
  /// What comes from now on waits for the next listen().
  void hold() { events_.reset(); }

  void say(const LaneMessage& message, std::function<void()> written = {}) { stream_.write(encode(message), std::move(written)); }
  void send_chunk(const ChunkHeader& header, Content content, std::function<void()> written);
  void finish() { stream_.finish(); }
  void close();

  PeerId peer() const { return stream_.peer(); }
  Endpoint local() const { return stream_.local(); }
  Endpoint remote() const { return stream_.remote(); }

 private:
  void take();
  bool take_one();
  void end(const Error& why);

  std::shared_ptr<const Events> events_;  // shared with a call that is going on, so that it may set others
  ByteBuffer unread_;
  std::size_t read_ = 0;
  std::optional<ChunkHeader> arriving_;
  std::optional<Error> ended_;
  bool closed_ = false, taking_ = false;
  SecuredStream stream_;  // the last: it calls back
};

}  // namespace pshare::sim
