#include "transfer_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "transfer/checksum.hpp"

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

ChunkHash hash_of_content(Content content) { return hash_of(std::as_bytes(std::span{&content, 1})); }

void Disk::lose_power() {
  if (journal.empty()) return;
  const auto replay = value_or_throw(JournalReplay::read(journal, 0));
  std::erase_if(written, [&](const auto& each) { return !replay.durable.has(each.first); });
  // Of the journal, what stands behind the last mark may be there or not; a piece of a record is the worst of both.
  // (Every mark is itself synced, so the last record that is none of written() ends what is sure.)
  const auto tag_of_written = JournalRecord::written(ChunkIndex{0}, {}).front();
  auto end = journal.size();
  while (end > JournalRecord::header_size && journal[end - JournalRecord::size] == tag_of_written) end -= JournalRecord::size;
  journal.resize(std::min(journal.size(), end + JournalRecord::size / 2));
}

/// One lane: its numbers on both sides are the same here, and its two directions end together.
struct TransferWorld::Lane {
  LaneNumber number;
  StreamLink& to_bob;
  StreamLink& to_alice;
  bool up = true;
  std::optional<ChunkIndex> arriving;  // bob has seen the header of this one, and wants it
};

TransferWorld::TransferWorld(Seed seed, Plan plan)
    : world_(seed), plan_(std::move(plan)), alice_(world_.add_host("alice")), bob_(world_.add_host("bob")) {
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

bool TransferWorld::delivered_right() const {
  for (std::uint64_t i = 0; i < manifest_->chunks(); ++i) {
    const auto found = disk_.delivered.find(ChunkIndex{i});
    if (found == disk_.delivered.end() || found->second != source_[i]) return false;
  }
  return disk_.deliveries > 0;
}

void TransferWorld::change_source(ChunkIndex chunk) {
  source_[chunk.number] = world_.random()();
  for (const auto& segment : manifest_->segments(chunk)) ++versions_[segment.entry.number - 1];
}

// --- sessions -------------------------------------------------------------------------------------------------------

void TransferWorld::begin_session() {
  ASSERT_TRUE(idle());
  alice_.start(), bob_.start();
  make_manifest();
  sender_end.reset(), receiver_end.reset();
  lanes_.clear(), unsynced_.clear();
  sync_planned_ = false;
  sender_ = std::make_unique<Driver<Sender>>(alice_, Sender{*manifest_, the_transfer, false, world_.now()},
                                             [this](Sender::Action action) { perform_for_sender(std::move(action)); });
  const Summary summary{.files = manifest_->files(), .entries = manifest_->entries(), .bytes = manifest_->bytes(), .names = {}, .text = {}};
  receiver_ = std::make_unique<Driver<Receiver>>(bob_, Receiver{the_transfer, summary, world_.now()},
                                                 [this](Receiver::Action action) { perform_for_receiver(std::move(action)); });
  for (std::size_t i = 0; i < plan_.lanes; ++i) join_lane();
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

void TransferWorld::join_lane() {
  const LaneNumber number{next_lane_++};
  const StreamLink::Settings settings{.delay = plan_.delay, .rate = plan_.rate};
  lanes_.push_back(std::make_unique<Lane>(Lane{number, world_.add_stream(settings), world_.add_stream(settings), true, {}}));
  receiver_->feed([&](Receiver& core) { core.lane_joined(number, world_.now()); });
  sender_->feed([&](Sender& core) { core.lane_joined(number, world_.now()); });
  // Two turns: one chunk is read while another is being written.
  for (int turn = 0; turn < 2; ++turn) sender_->feed([&](Sender& core) { core.lane_free(number, world_.now()); });
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
  alice_.in(plan_.delay, [this, number = lane.number] { sender_->feed([&](Sender& core) { core.lane_lost(number, world_.now()); }); });
  bob_.in(plan_.delay * 2, [this, number = lane.number, chunk = lane.arriving] {
    receiver_->feed([&](Receiver& core) {
      if (chunk) core.chunk_lost(*chunk, world_.now());
      core.lane_lost(number, world_.now());
    });
  });
  if (!plan_.reconnect) return;
  alice_.in(1s, [this] {
    if (bob_.runs() && lanes_up() < plan_.lanes) join_lane();
  });
}

void TransferWorld::send(StreamLink& link, const LaneMessage& message, std::function<void(const LaneMessage&)> heard,
                         std::function<void()> written) {
  link.send(encode(message).size(), [heard = std::move(heard), message = travelled(message)] { heard(message); }, std::move(written));
}

// --- the sender's driver --------------------------------------------------------------------------------------------

void TransferWorld::perform_for_sender(Sender::Action action) {
  const bool takes_turn = Sender::takes_turn(action);
  if (const auto* said = std::get_if<Sender::Say>(&action)) {
    auto* lane = lane_at(said->lane);
    if (!lane) return;
    const auto number = said->lane;
    const auto written = alice_.mine([this, number] { sender_->feed([&](Sender& core) { core.lane_free(number, world_.now()); }); });
    send(lane->to_bob, said->message,
         [this, number](const LaneMessage& message) {
           if (bob_.runs()) receiver_->feed([&](Receiver& core) { core.received(number, message, world_.now()); });
         },
         takes_turn ? written : std::function<void()>{});
  } else if (const auto* chunk = std::get_if<Sender::SendChunk>(&action)) {
    if (auto* lane = lane_at(chunk->lane)) send_chunk(*lane, chunk->chunk);
  } else if (const auto* check = std::get_if<Sender::Check>(&action)) {
    alice_.in(1ms, [this, asked = *check] {
      const bool same = hash_of_content(source_[asked.chunk.number]) == asked.hash;
      sender_->feed([&](Sender& core) { core.checked(asked.chunk, same, world_.now()); });
    });
  } else if (const auto* drop = std::get_if<Sender::Drop>(&action)) {
    if (auto* lane = lane_at(drop->lane)) lane_down(*lane);
  } else if (auto* ended = std::get_if<Sender::Ended>(&action)) {
    resumed = sender_->core().progress().resumed;
    sender_end = std::move(*ended);
    // What was said last is still written; then the process exits, which the receiver sees as lost lanes.
    alice_.in(plan_.delay * 3, [this] { kill_sender(); });
  }
}

void TransferWorld::send_chunk(Lane& lane, ChunkIndex chunk) {
  const auto length = manifest_->length(chunk);
  sent_ += length;
  const auto content = source_[chunk.number];
  const ChunkHeader header{.chunk = chunk,
                           .raw_length = static_cast<std::uint32_t>(length),
                           .wire_length = static_cast<std::uint32_t>(length),
                           .codec = Codec::stored,
                           .hash = hash_of_content(content)};
  lane.to_bob.send(encode(header).size(), [this, &lane, header] {
    if (!bob_.runs()) return;
    const auto wanted = receiver_->feed([&](Receiver& core) { return core.chunk_begins(lane.number, header, world_.now()); });
    ASSERT_TRUE(wanted) << wanted.error().doing;
    if (*wanted) lane.arriving = header.chunk;
  });
  lane.to_bob.send(length,
                   [this, &lane, chunk, content, hash = header.hash] {
                     if (bob_.runs()) chunk_arrived(lane, chunk, content, hash);
                   },
                   alice_.mine([this, number = lane.number] {
                     sender_->feed([&](Sender& core) { core.lane_free(number, world_.now()); });
                   }));
}

// --- the receiver's driver ------------------------------------------------------------------------------------------

void TransferWorld::journal(const ByteBuffer& record) { disk_.journal.insert(disk_.journal.end(), record.begin(), record.end()); }

void TransferWorld::chunk_arrived(Lane& lane, ChunkIndex chunk, Content content, const ChunkHash& hash) {
  if (lane.arriving != chunk) return;  // not wanted
  lane.arriving.reset();
  receiver_->feed([&](Receiver& core) { core.heard(lane.number, world_.now()); });
  bob_.in(plan_.write_time, [this, chunk, content, hash] {
    disk_.written[chunk] = content;
    journal(JournalRecord::written(chunk, hash));
    unsynced_.insert(chunk);
    receiver_->feed([&](Receiver& core) { core.stored(chunk, world_.now()); });
    plan_sync();
  });
}

void TransferWorld::plan_sync() {
  if (sync_planned_ || unsynced_.empty()) return;
  sync_planned_ = true;
  bob_.in(plan_.sync_time, [this] {
    sync_planned_ = false;
    const std::vector<ChunkIndex> chunks{unsynced_.begin(), unsynced_.end()};
    unsynced_.clear();
    journal(JournalRecord::synced());
    receiver_->feed([&](Receiver& core) { core.synced(chunks, world_.now()); });
  });
}

Receiver::Found TransferWorld::open_disk(const Manifest& manifest) {
  const auto digest = manifest.encode([](ByteView) {});
  Receiver::Found found{.durable = ChunkMap{manifest.chunks()}};
  if (disk_.journal.empty()) {
    disk_.journal = JournalRecord::header(the_transfer, digest, manifest.chunk_size());
    disk_.manifest_digest = digest;
    disk_.written.clear();
    return found;
  }
  const auto replay = value_or_throw(JournalReplay::read(disk_.journal, manifest.chunks()));
  disk_.journal.resize(replay.valid_bytes);
  if (replay.manifest_digest != digest) {
    // Another version of the source: what lies there may still be right, chunk by chunk.
    for (const auto& [chunk, content] : disk_.written) found.checks.push_back({chunk, hash_of_content(content)});
    disk_.journal = JournalRecord::header(the_transfer, digest, manifest.chunk_size());
    disk_.manifest_digest = digest;
    return found;
  }
  for (const auto& [chunk, hash] : replay.hashes) {
    const auto written = disk_.written.find(chunk);
    if (written != disk_.written.end() && hash_of_content(written->second) == hash) found.durable.set(chunk);
  }
  journal(JournalRecord::synced());
  found.finished = replay.phase == JournalReplay::Phase::finished;
  if (found.finished) found.names = {"tree"};
  return found;
}

void TransferWorld::perform_for_receiver(Receiver::Action action) {
  const auto feed = [this](auto input) { receiver_->feed(input); };
  if (const auto* said = std::get_if<Receiver::Say>(&action)) {
    if (auto* lane = lane_at(said->lane))
      send(lane->to_alice, said->message, [this, number = said->lane](const LaneMessage& message) {
        if (alice_.runs()) sender_->feed([&](Sender& core) { core.received(number, message, world_.now()); });
      });
  } else if (const auto* open = std::get_if<Receiver::Open>(&action)) {
    received_manifest_ = open->manifest;
    bob_.in(plan_.write_time, [this, feed] {
      auto found = open_disk(*received_manifest_);
      feed([&](Receiver& core) { core.opened(std::move(found), world_.now()); });
    });
  } else if (const auto* confirm = std::get_if<Receiver::Confirm>(&action)) {
    bob_.in(plan_.write_time, [this, feed, same = confirm->same] {
      for (const auto chunk : same) {
        journal(JournalRecord::written(chunk, hash_of_content(disk_.written.at(chunk))));
        unsynced_.insert(chunk);
        feed([&](Receiver& core) { core.stored(chunk, world_.now()); });
      }
      plan_sync();
    });
  } else if (std::holds_alternative<Receiver::Finish>(action)) {
    journal(JournalRecord::finishing());
    bob_.in(plan_.write_time, [this, feed] {
      disk_.delivered = disk_.written;
      ++disk_.deliveries;
      journal(JournalRecord::finished());
      feed([&](Receiver& core) { core.finished({"tree"}, world_.now()); });
    });
  } else if (std::holds_alternative<Receiver::Forget>(action)) {
    disk_.journal.clear();
    disk_.written.clear();
  } else if (const auto* drop = std::get_if<Receiver::Drop>(&action)) {
    if (auto* lane = lane_at(drop->lane)) lane_down(*lane);
  } else if (auto* ended = std::get_if<Receiver::Ended>(&action)) {
    receiver_end = std::move(*ended);
    bob_.in(plan_.delay * 3, [this] { kill_receiver(); });
  }
}

}  // namespace pshare::sim
