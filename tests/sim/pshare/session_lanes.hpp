// The lanes of one session on one side: what its core says goes out on them, and what comes in goes to the core. As
// transfer/io/session_lanes, without the waiting.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "pshare/lane_stream.hpp"

namespace pshare::sim {

class SessionLanes final : public LanesOut {
 public:
  struct User {
    std::function<void(LaneNumber)> joined{};
    std::function<void(LaneNumber, const LaneMessage&)> message{};
    std::function<void(LaneNumber, const ChunkHeader&, Content)> chunk{};
    std::function<void(LaneNumber)> heard{};
    std::function<void(LaneNumber, const Error& why)> lost{};
  };

  /// `host` lives longer.
  SessionLanes(Host& host, User user) : host_(host), user_(std::move(user)) {}

  /// Lives longer. After the end it is closed at once.
  void add(LaneStream& lane);
  std::size_t count() const { return lanes_.size(); }
  std::uint64_t sent() const { return sent_; }  // payload of chunks, as handed to the lanes
  /// What was said is still written, and the peer is heard out, as far as that takes no long time. Nothing is told any more.
  void end();

  void say(LaneNumber lane, const LaneMessage& message, std::function<void()> written) override;
  void send_chunk(LaneNumber lane, const ChunkHeader& header, Content content, std::function<void()> written) override;
  void drop(LaneNumber lane) override;

 private:
  void lost(LaneNumber number, const Error& why);

  Host& host_;
  User user_;
  std::map<LaneNumber, LaneStream*> lanes_;
  std::uint32_t next_number_ = 0;
  std::uint64_t sent_ = 0;
  bool over_ = false;
};

}  // namespace pshare::sim
