// Fuzzes the receiving side of a session against a sender who says what he likes, and a disk that does what it likes: messages, chunks, lanes that come and
// go, in whatever order. An input is a run of steps. Whatever they are, the core keeps its bounds, counts no byte twice, and ends once.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "steps.hpp"
#include "transfer/receiver.hpp"

namespace pshare {
namespace {

constexpr TransferId the_transfer{{std::byte{9}}};

class Session {
 public:
  explicit Session(Steps steps) : steps_(steps), receiver_(the_transfer, summary(), now_) {}

  void run() {
    while (steps_.any() && !ended_) {
      step();
      drain();
      if (ended_) break;
      receiver_.expire(now_);
      drain();
      const auto due = receiver_.deadline();
      demand(!due || *due > now_ || ended_);  // else its driver would go round in circles
      const auto progress = receiver_.progress();
      demand(progress.durable <= progress.stored && progress.resumed <= progress.stored);
      demand(!progress.manifest_known || stream_ || progress.stored <= progress.total);
    }
  }

 private:
  static Summary summary() { return {.files = 3, .entries = 4, .bytes = 10 * min_chunk_size, .names = {"tree"}, .text = {}}; }

  LaneNumber lane() { return LaneNumber{steps_.next() % 3 + 1u}; }
  bool is_up(LaneNumber lane) const { return std::ranges::find(lanes_, lane) != lanes_.end(); }

  void step() {
    switch (steps_.next() % 12) {
      case 0: {
        const auto it = lane();
        if (!is_up(it)) lanes_.push_back(it), receiver_.lane_joined(it, now_);
        break;
      }
      case 1: {
        const auto it = lane();
        if (std::erase(lanes_, it) != 0) receiver_.lane_lost(it, now_);
        break;
      }
      case 2: say_anything(); break;
      case 3: announce(); break;
      case 4: begin_chunk(); break;
      case 5: end_chunk(); break;
      case 6: sync(); break;
      case 7: now_ += std::chrono::milliseconds{steps_.next()}; break;
      case 8: now_ += std::chrono::milliseconds{100} * steps_.next(); break;
      case 9: hear(LaneMessage{End{steps_.next() * (min_chunk_size / 4)}}); break;
      case 10: hear(LaneMessage{CheckResult{{ChunkIndex{steps_.next()}, ChunkIndex{steps_.next()}}}}); break;
      case 11:
        switch (steps_.next() % 8) {
          case 0: receiver_.cancel(now_); break;
          case 1: receiver_.disk_failed({.code = Errc::local_io, .doing = "writing"}, now_); break;
          case 2: receiver_.doubt_lanes(now_); break;
          case 3: hear(LaneMessage{Stop{Errc::cancelled, "enough"}}); break;
          default: hear(LaneMessage{Farewell{}}); break;
        }
        break;
    }
  }

  void hear(const LaneMessage& message) {
    if (lanes_.empty()) return;
    receiver_.received(lanes_[steps_.next() % lanes_.size()], message, now_);
  }

  void say_anything() {
    const auto type = static_cast<std::uint8_t>(steps_.next());
    const auto body = steps_.some();
    const auto message = decode_lane_message({type, static_cast<std::uint32_t>(body.size())}, body);
    if (message && !std::holds_alternative<ChunkHeader>(*message)) hear(*message);
  }

  /// A manifest that holds, so that what comes behind it is reached.
  void announce() {
    const auto how = steps_.next();
    Manifest manifest;
    const bool stream = (how & 1) != 0;
    if (stream) {
      value_or_throw(manifest.add({.name = "stream"}));
    } else {
      const auto tree = value_or_throw(manifest.add({.type = EntryType::directory, .name = "tree"}));
      for (const auto* name : {"a", "b"}) value_or_throw(manifest.add({.parent = tree, .name = name, .size = steps_.next() * (min_chunk_size / 64)}));
    }
    manifest.seal(min_chunk_size);
    std::vector<LaneMessage> said{ManifestBegin{the_transfer, manifest.entries(), manifest.bytes(), min_chunk_size, stream}};
    const auto digest = manifest.encode([&](ByteView part) { said.push_back(ManifestPart{buffer_of(part)}); });
    said.push_back(ManifestEnd{digest});
    if (lanes_.empty()) return;
    const auto on = lanes_[steps_.next() % lanes_.size()];
    for (const auto& each : said) receiver_.received(on, each, now_);
  }

  void begin_chunk() {
    if (lanes_.empty()) return;
    const ChunkIndex chunk{steps_.next()};
    const auto how = steps_.next();
    auto length = manifest_ && !stream_ ? manifest_->length(chunk) : min_chunk_size;
    if (how & 1) length = how * 256u + 1;
    if (length == 0) length = 1;
    const ChunkHeader header{chunk, static_cast<std::uint32_t>(length), static_cast<std::uint32_t>(length), Codec::stored, {}};
    const auto wanted = receiver_.chunk_begins(lanes_[how / 2 % lanes_.size()], header, now_);
    if (wanted && *wanted) arriving_.push_back(chunk);
  }

  void end_chunk() {
    if (arriving_.empty()) return;
    const auto which = arriving_.begin() + steps_.next() % static_cast<std::ptrdiff_t>(arriving_.size());
    const auto chunk = *which;
    arriving_.erase(which);
    switch (steps_.next() % 4) {
      case 0: receiver_.chunk_lost(chunk, now_); break;
      case 1: receiver_.wrong(chunk, now_); break;
      default: receiver_.stored(chunk, now_), unsynced_.push_back(chunk); break;
    }
  }

  void sync() { receiver_.synced(std::exchange(unsynced_, {}), now_); }

  void drain() {
    for (std::size_t actions = 0; auto action = receiver_.take(); ++actions) {
      demand(!ended_ && actions < 10'000);
      if (const auto* say = std::get_if<Receiver::Say>(&*action)) {
        const auto bytes = encode(say->message);
        const ByteView view{bytes};
        const auto header = decode_lane_frame_header(view.first<LaneFrameHeader::size>());
        demand(header && decode_lane_message(*header, view.subspan(LaneFrameHeader::size)));  // what the other side can read
      } else if (auto* open = std::get_if<Receiver::Open>(&*action)) {
        manifest_ = open->manifest, stream_ = open->stream;
        opening_ = true;
      } else if (auto* confirm = std::get_if<Receiver::Confirm>(&*action)) {
        for (const auto chunk : confirm->same) receiver_.stored(chunk, now_), unsynced_.push_back(chunk);
      } else if (std::holds_alternative<Receiver::Finish>(*action)) {
        demand(unsynced_.empty() || stream_ || receiver_.progress().durable == receiver_.progress().total);
        finishing_ = true;
      } else if (auto* drop = std::get_if<Receiver::Drop>(&*action)) {
        if (std::erase(lanes_, drop->lane) != 0) receiver_.lane_lost(drop->lane, now_);
      } else if (std::holds_alternative<Receiver::Ended>(*action)) {
        ended_ = true;
      }
    }
    if (std::exchange(opening_, false)) open();
    if (std::exchange(finishing_, false)) receiver_.finished({"tree (1)"}, now_), drain();
  }

  /// What the sink found, honest about lengths: it is ours.
  void open() {
    const auto how = steps_.next();
    Receiver::Found found{.durable = ChunkMap{manifest_->chunks()}, .checks = {}, .finished = how == 255, .names = {}};
    for (unsigned bit = 0; bit < 6; ++bit)
      if ((how >> bit & 1) != 0 && bit < found.durable.size()) found.durable.set(ChunkIndex{bit});
    if ((how & 64) != 0) found.checks.push_back({ChunkIndex{how & 3u}, {}});
    receiver_.opened(std::move(found), now_);
    drain();
  }

  Steps steps_;
  TimePoint now_{std::chrono::hours{1}};
  std::vector<LaneNumber> lanes_;
  std::vector<ChunkIndex> arriving_, unsynced_;
  std::shared_ptr<const Manifest> manifest_;
  bool stream_ = false, opening_ = false, finishing_ = false, ended_ = false;
  Receiver receiver_;
};

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  pshare::Session{pshare::Steps{std::as_bytes(std::span{data, size})}}.run();
  return 0;
}
