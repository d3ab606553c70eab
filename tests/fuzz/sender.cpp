// Fuzzes the sending side of a session against a receiver who says what he likes: messages, lanes that come and go, answers about chunks that nobody has, in
// whatever order. An input is a run of steps. Whatever they are, the core keeps its bounds, counts no byte twice, and ends once.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "steps.hpp"
#include "transfer/sender.hpp"

namespace pshare {
namespace {

constexpr TransferId the_transfer{{std::byte{9}}};

class Session {
 public:
  explicit Session(Steps steps) : steps_(steps), stream_((steps_.next() & 1) != 0), manifest_(make(stream_, steps_.next())), sender_(manifest_, the_transfer, stream_, now_) {}

  void run() {
    while (steps_.any() && !ended_) {
      step();
      drain();
      if (ended_) break;
      sender_.expire(now_);
      drain();
      const auto due = sender_.deadline();
      demand(!due || *due > now_ || ended_);  // else its driver would go round in circles
      const auto progress = sender_.progress();
      demand(progress.durable <= progress.stored);
      demand(stream_ || progress.stored <= progress.total);
    }
  }

 private:
  static Manifest make(bool stream, unsigned size) {
    Manifest manifest;
    value_or_throw(manifest.add({.name = "file", .size = stream ? 0 : size * (min_chunk_size / 8)}));
    manifest.seal(min_chunk_size);
    return manifest;
  }

  LaneNumber lane() { return LaneNumber{steps_.next() % 3 + 1u}; }
  bool is_up(LaneNumber lane) const { return std::ranges::find(lanes_, lane) != lanes_.end(); }

  void step() {
    switch (steps_.next() % 13) {
      case 0: {
        const auto it = lane();
        if (is_up(it)) break;
        lanes_.push_back(it);
        sender_.lane_joined(it, now_);
        sender_.lane_free(it, now_), sender_.lane_free(it, now_);
        break;
      }
      case 1: {
        const auto it = lane();
        if (std::erase(lanes_, it) != 0) sender_.lane_lost(it, now_);
        break;
      }
      case 2: {
        const auto type = static_cast<std::uint8_t>(steps_.next());
        const auto body = steps_.some();
        if (const auto message = decode_lane_message({type, static_cast<std::uint32_t>(body.size())}, body)) hear(*message);
        break;
      }
      case 3: have(); break;
      case 4: hear(LaneMessage{Stored{chunks()}}); break;
      case 5: hear(LaneMessage{Durable{chunks()}}); break;
      case 6: hear(LaneMessage{Again{chunks()}}); break;
      case 7: hear(LaneMessage{Verified{{"file"}}}); break;
      case 8: now_ += std::chrono::milliseconds{steps_.next()}; break;
      case 9: now_ += std::chrono::milliseconds{100} * steps_.next(); break;
      case 10:
        if (!checks_.empty()) {
          sender_.checked(checks_.back(), steps_.next() % 2 == 0, now_);
          checks_.pop_back();
        }
        break;
      case 11:
        if (stream_ && !stream_over_) {
          available_ += steps_.next() * (min_chunk_size / 8);
          if (steps_.next() % 8 == 0) stream_over_ = true, sender_.stream_ended(available_, now_);
          else sender_.stream_grew(available_, now_);
        }
        break;
      case 12:
        switch (steps_.next() % 8) {
          case 0: sender_.cancel(now_); break;
          case 1: sender_.source_failed({.code = Errc::local_io, .doing = "reading"}, now_); break;
          case 2: sender_.doubt_lanes(now_); break;
          case 3: hear(LaneMessage{Stop{Errc::cancelled, "enough"}}); break;
          case 4: join_rival(); break;
          case 5: join_successor(); break;
          default: hear(LaneMessage{Beat{}}); break;
        }
        break;
    }
  }

  void join_rival() {
    const auto challenged = sender_.lane_to_challenge();
    const auto it = lane();
    if (!challenged || is_up(it)) return;
    lanes_.push_back(it);
    sender_.rival_joined(it, steps_.next() % 2 == 0 ? it : *challenged, now_);
    sender_.lane_free(it, now_);
  }

  void join_successor() {
    const auto it = lane();
    if (is_up(it) || lanes_.empty()) return;
    lanes_.push_back(it);
    sender_.successor_joined(it, now_);
    sender_.lane_free(it, now_);
  }

  std::vector<ChunkIndex> chunks() {
    const auto count = steps_.next() % 4 + 1;
    std::vector<ChunkIndex> named;
    for (unsigned i = 0; i < count; ++i) named.push_back(ChunkIndex{steps_.next()});
    return named;
  }

  void hear(const LaneMessage& message) {
    if (!lanes_.empty()) sender_.received(lanes_[steps_.next() % lanes_.size()], message, now_);
  }

  /// What an honest receiver says at first, so that what comes behind it is reached.
  void have() {
    if (lanes_.empty()) return;
    const auto on = lanes_[steps_.next() % lanes_.size()];
    const auto how = steps_.next();
    sender_.received(on, LaneMessage{HaveBegin{manifest_.chunks()}}, now_);
    if (how & 1) sender_.received(on, LaneMessage{HavePart{ChunkIndex{0}, {static_cast<std::byte>(steps_.next())}}}, now_);
    if (how & 2) sender_.received(on, LaneMessage{HaveCheck{{{ChunkIndex{steps_.next()}, {}}}}}, now_);
    sender_.received(on, LaneMessage{HaveEnd{}}, now_);
  }

  void drain() {
    for (std::size_t actions = 0; auto action = sender_.take(); ++actions) {
      demand(!ended_ && actions < 10'000);
      if (const auto* say = std::get_if<Sender::Say>(&*action)) {
        const auto bytes = encode(say->message);
        const ByteView view{bytes};
        const auto header = decode_lane_frame_header(view.first<LaneFrameHeader::size>());
        demand(header && decode_lane_message(*header, view.subspan(LaneFrameHeader::size)));  // what the other side can read
      } else if (const auto* chunk = std::get_if<Sender::SendChunk>(&*action)) {
        demand(stream_ ? chunk->chunk.number * min_chunk_size < available_ : chunk->chunk.number < manifest_.chunks());
        demand(is_up(chunk->lane));
        sender_.prepared(chunk->chunk, 1000);
      } else if (const auto* check = std::get_if<Sender::Check>(&*action)) {
        checks_.push_back(check->chunk);
        demand(checks_.size() <= max_checks);
      } else if (const auto* drop = std::get_if<Sender::Drop>(&*action)) {
        if (std::erase(lanes_, drop->lane) != 0) sender_.lane_lost(drop->lane, now_);
      } else if (const auto* retire = std::get_if<Sender::Retire>(&*action)) {
        std::erase(lanes_, retire->lane);
      } else if (std::holds_alternative<Sender::Ended>(*action)) {
        ended_ = true;
      }
      if (!ended_ && Sender::takes_turn(*action) && steps_.any()) {
        const auto* say = std::get_if<Sender::Say>(&*action);
        const auto* chunk = std::get_if<Sender::SendChunk>(&*action);
        const auto on = say ? say->lane : chunk ? chunk->lane : LaneNumber{};
        if (is_up(on)) sender_.lane_free(on, now_);
      }
    }
  }

  Steps steps_;
  TimePoint now_{std::chrono::hours{1}};
  const bool stream_;
  const Manifest manifest_;
  std::vector<LaneNumber> lanes_;
  std::vector<ChunkIndex> checks_;
  std::uint64_t available_ = 0;
  bool stream_over_ = false, ended_ = false;
  Sender sender_;
};

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  pshare::Session{pshare::Steps{std::as_bytes(std::span{data, size})}}.run();
  return 0;
}
