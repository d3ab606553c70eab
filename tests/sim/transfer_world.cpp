#include "transfer_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace pshare::sim {

using namespace std::chrono_literals;

namespace {

const TransferId the_transfer{{std::byte{42}}};

/// Through the codec and back, so that the run tests what really travels.
LaneMessage travelled(const LaneMessage& message) {
  const auto frame = encode(message);
  const auto header = value_or_throw(decode_lane_frame_header(std::span{frame}.first<LaneFrameHeader::size>()));
  return value_or_throw(decode_lane_message(header, ByteView{frame}.subspan(LaneFrameHeader::size)));
}

}  // namespace

/// One lane: its numbers on both sides are the same here, and its two directions end together.
struct TransferWorld::Lane {
  LaneNumber number;
  StreamLink& to_bob;
  StreamLink& to_alice;
  bool up = true;
};

class TransferWorld::SendersLanes final : public LanesOut {
 public:
  explicit SendersLanes(TransferWorld& world) : world_(world) {}

  void say(LaneNumber number, const LaneMessage& message, std::function<void()> written) override {
    auto* lane = world_.lane_at(number);
    if (!lane) return;
    auto arrived = world_.bob_.mine([this, number, heard = travelled(message)] { world_.receiver_->received(number, heard); });
    lane->to_bob.send(encode(message).size(), std::move(arrived), std::move(written));
  }

  void send_chunk(LaneNumber number, const ChunkHeader& header, Content content, std::function<void()> written) override {
    auto* lane = world_.lane_at(number);
    if (!lane) return;
    world_.sent_ += header.raw_length;
    auto begins = world_.bob_.mine([this, number, header] { ASSERT_TRUE(world_.receiver_->chunk_begins(number, header)); });
    auto arrived = world_.bob_.mine([this, number, header, content] { world_.receiver_->chunk_arrived(number, header, content); });
    lane->to_bob.send(encode(header).size(), std::move(begins));
    lane->to_bob.send(header.wire_length, std::move(arrived), std::move(written));
  }

  void drop(LaneNumber number) override {
    if (auto* lane = world_.lane_at(number)) world_.lane_down(*lane);
  }

 private:
  TransferWorld& world_;
};

class TransferWorld::ReceiversLanes final : public LanesOut {
 public:
  explicit ReceiversLanes(TransferWorld& world) : world_(world) {}

  void say(LaneNumber number, const LaneMessage& message, std::function<void()> written) override {
    auto* lane = world_.lane_at(number);
    if (!lane) return;
    auto arrived = world_.alice_.mine([this, number, heard = travelled(message)] { world_.sender_->received(number, heard); });
    lane->to_alice.send(encode(message).size(), std::move(arrived), std::move(written));
  }
  void send_chunk(LaneNumber, const ChunkHeader&, Content, std::function<void()>) override { ADD_FAILURE() << "a receiver sends no chunks"; }
  void drop(LaneNumber number) override {
    if (auto* lane = world_.lane_at(number)) world_.lane_down(*lane);
  }

 private:
  TransferWorld& world_;
};

TransferWorld::TransferWorld(Seed seed, Plan plan)
    : world_(seed),
      plan_(std::move(plan)),
      alice_(world_.add_host("alice")),
      bob_(world_.add_host("bob")),
      senders_lanes_(std::make_unique<SendersLanes>(*this)),
      receivers_lanes_(std::make_unique<ReceiversLanes>(*this)) {
  alice_.kill(), bob_.kill();
  versions_.assign(plan_.files.size(), 1);
  make_manifest();
  for (std::uint64_t i = 0; i < manifest_->chunks(); ++i) source_.push_back(world_.random()());
}

TransferWorld::~TransferWorld() = default;

void TransferWorld::make_manifest() {
  manifest_ = std::make_unique<Manifest>();
  const auto tree = value_or_throw(manifest_->add({.type = EntryType::directory, .name = "tree"}));
  for (std::size_t i = 0; i < plan_.files.size(); ++i)
    value_or_throw(manifest_->add({.parent = tree, .name = "file " + std::to_string(i), .size = plan_.files[i], .version = versions_[i]}));
  manifest_->seal(plan_.chunk_size);
}

std::uint64_t TransferWorld::run() const { return manifest_->bytes(); }

bool TransferWorld::delivered_right() const { return disk_.has_all_of(source_); }

void TransferWorld::change_source(ChunkIndex chunk) {
  source_[chunk.number] = world_.random()();
  for (const auto& segment : manifest_->segments(chunk)) ++versions_[segment.entry.number - 1];
}

// --- sessions -------------------------------------------------------------------------------------------------------

void TransferWorld::begin_session() {
  ASSERT_TRUE(idle());
  alice_.start(), bob_.start();
  sender_.reset(), receiver_.reset();
  make_manifest();
  sender_end.reset(), receiver_end.reset();
  lanes_.clear();
  // What was said last is still written; then the process exits, which the other side sees as lost lanes.
  sender_ = std::make_unique<SendingSide>(alice_, *manifest_, source_, the_transfer, *senders_lanes_, [this](Sender::Ended ended) {
    resumed = sender_->progress().resumed;
    sender_end = std::move(ended);
    alice_.in(plan_.delay * 3, [this] { kill_sender(); });
  });
  const Summary summary{.files = manifest_->files(), .entries = manifest_->entries(), .bytes = manifest_->bytes(), .names = {}, .text = {}};
  receiver_ = std::make_unique<ReceivingSide>(bob_, disk_, plan_.disk, the_transfer, summary, *receivers_lanes_, [this](Receiver::Ended ended) {
    receiver_end = std::move(ended);
    bob_.in(plan_.delay * 3, [this] { kill_receiver(); });
  });
  for (std::size_t i = 0; i < plan_.lanes; ++i) join_lane();
  if (plan_.rival) challenge(*plan_.rival);
}

bool TransferWorld::idle() const { return !alice_.runs() && !bob_.runs(); }

bool TransferWorld::run_session() {
  return world_.events().run_until([this] { return idle(); }, world_.now() + 5min);
}

void TransferWorld::kill_sender() {
  if (!alice_.runs()) return;
  alice_.kill();
  for (auto& lane : lanes_) lane_down(*lane);
}

void TransferWorld::kill_receiver() {
  if (!bob_.runs()) return;
  bob_.kill();
  for (auto& lane : lanes_) lane_down(*lane);
}

// --- lanes ----------------------------------------------------------------------------------------------------------

LaneNumber TransferWorld::add_lane(BytesPerSecond rate) {
  const LaneNumber number{next_lane_++};
  const StreamLink::Settings settings{.delay = plan_.delay, .rate = rate};
  lanes_.push_back(std::make_unique<Lane>(Lane{number, world_.add_stream(settings), world_.add_stream(settings)}));
  receiver_->join(number);
  return number;
}

void TransferWorld::join_lane() { sender_->join(add_lane(plan_.rate)); }

void TransferWorld::challenge(BytesPerSecond rate) { sender_->challenge(add_lane(rate)); }

void TransferWorld::slow_down(std::size_t which, BytesPerSecond rate) {
  for (auto& lane : lanes_)
    if (lane->up && which-- == 0) return lane->to_bob.change_rate(rate);
}

TransferWorld::Lane* TransferWorld::lane_at(LaneNumber number) {
  for (auto& lane : lanes_)
    if (lane->number == number && lane->up) return lane.get();
  return nullptr;
}

std::size_t TransferWorld::lanes_up() const {
  return static_cast<std::size_t>(std::ranges::count_if(lanes_, [](const auto& lane) { return lane->up; }));
}

void TransferWorld::cut_lane(std::size_t which) {
  for (auto& lane : lanes_) {
    if (!lane->up || which-- != 0) continue;
    lane_down(*lane);
    return;
  }
}

void TransferWorld::mute_lane(std::size_t which) {
  for (auto& lane : lanes_) {
    if (!lane->up || which-- != 0) continue;
    lane->to_bob.cut(), lane->to_alice.cut();
    return;
  }
}

void TransferWorld::lane_down(Lane& lane) {
  if (!lane.up) return;
  lane.up = false;
  lane.to_bob.cut(), lane.to_alice.cut();
  // Each side notices on its own; the receiver somewhat later, so that both orders of everything occur.
  alice_.in(plan_.delay, [this, number = lane.number] { sender_->lost(number); });
  bob_.in(plan_.delay * 2, [this, number = lane.number] { receiver_->lost(number); });
  if (!plan_.reconnect) return;
  alice_.in(1s, [this] {
    if (bob_.runs() && lanes_up() < plan_.lanes) join_lane();
  });
}

}  // namespace pshare::sim
