#include "transfer_sides.hpp"

#include <algorithm>
#include <utility>

#include "transfer/checksum.hpp"

namespace pshare::sim {

using namespace std::chrono_literals;

namespace {

/// Two turns: one chunk is read while another is being written.
constexpr int turns_of_a_lane = 2;

}  // namespace

ChunkHash hash_of_content(Content content) { return hash_of(std::as_bytes(std::span{&content, 1})); }

// --- the disk -------------------------------------------------------------------------------------------------------

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

bool Disk::has_all_of(const std::vector<Content>& source) const {
  for (std::uint64_t i = 0; i < source.size(); ++i) {
    const auto found = delivered.find(ChunkIndex{i});
    if (found == delivered.end() || found->second != source[i]) return false;
  }
  return deliveries > 0;
}

// --- the sender -----------------------------------------------------------------------------------------------------

SendingSide::SendingSide(Host& host, const Manifest& manifest, const std::vector<Content>& source, TransferId transfer, LanesOut& lanes,
                         std::function<void(Sender::Ended)> on_ended)
    : host_(host),
      manifest_(manifest),
      source_(source),
      lanes_(lanes),
      on_ended_(std::move(on_ended)),
      core_(host, Sender{manifest, transfer, false, host.now()}, [this](Sender::Action action) { perform(std::move(action)); }) {}

void SendingSide::join(LaneNumber lane) {
  core_.feed([&](Sender& core) { core.lane_joined(lane, host_.now()); });
  for (int turn = 0; turn < turns_of_a_lane; ++turn) core_.feed([&](Sender& core) { core.lane_free(lane, host_.now()); });
}

void SendingSide::challenge(LaneNumber lane) {
  core_.feed([&](Sender& core) {
    const auto incumbent = core.lane_to_challenge();
    core.rival_joined(lane, incumbent.value_or(lane), host_.now());
  });
  for (int turn = 0; turn < turns_of_a_lane; ++turn) core_.feed([&](Sender& core) { core.lane_free(lane, host_.now()); });
}

void SendingSide::lost(LaneNumber lane) {
  core_.feed([&](Sender& core) { core.lane_lost(lane, host_.now()); });
}

void SendingSide::heard(LaneNumber lane) {
  core_.feed([&](Sender& core) { core.heard(lane, host_.now()); });
}

void SendingSide::received(LaneNumber lane, const LaneMessage& message) {
  core_.feed([&](Sender& core) { core.received(lane, message, host_.now()); });
}

void SendingSide::fail(Error why) {
  core_.feed([&](Sender& core) { core.source_failed(std::move(why), host_.now()); });
}

std::function<void()> SendingSide::free_again(LaneNumber lane) {
  return host_.mine([this, lane] { core_.feed([&](Sender& core) { core.lane_free(lane, host_.now()); }); });
}

void SendingSide::perform(Sender::Action action) {
  const bool takes_turn = Sender::takes_turn(action);
  if (const auto* said = std::get_if<Sender::Say>(&action)) {
    lanes_.say(said->lane, said->message, takes_turn ? free_again(said->lane) : std::function<void()>{});
  } else if (const auto* chunk = std::get_if<Sender::SendChunk>(&action)) {
    send_chunk(chunk->lane, chunk->chunk);
  } else if (const auto* check = std::get_if<Sender::Check>(&action)) {
    host_.in(1ms, [this, asked = *check] {
      const bool same = hash_of_content(source_[asked.chunk.number]) == asked.hash;
      core_.feed([&](Sender& core) { core.checked(asked.chunk, same, host_.now()); });
    });
  } else if (const auto* drop = std::get_if<Sender::Drop>(&action)) {
    lanes_.drop(drop->lane);
  } else if (const auto* chosen = std::get_if<Sender::Chosen>(&action)) {
    chosen_.push_back(chosen->lane);
  } else if (const auto* retired = std::get_if<Sender::Retire>(&action)) {
    retired_.push_back(retired->lane);
    lanes_.retire(retired->lane);
  } else if (auto* ended = std::get_if<Sender::Ended>(&action)) {
    on_ended_(std::move(*ended));
  }
}

void SendingSide::send_chunk(LaneNumber lane, ChunkIndex chunk) {
  const auto length = manifest_.length(chunk);
  const auto content = source_[chunk.number];
  const ChunkHeader header{.chunk = chunk,
                           .raw_length = static_cast<std::uint32_t>(length),
                           .wire_length = static_cast<std::uint32_t>(length),
                           .codec = Codec::stored,
                           .hash = hash_of_content(content)};
  lanes_.send_chunk(lane, header, content, free_again(lane));
}

// --- the receiver ---------------------------------------------------------------------------------------------------

ReceivingSide::ReceivingSide(Host& host, Disk& disk, Times times, TransferId transfer, const Summary& summary, LanesOut& lanes,
                             std::function<void(Receiver::Ended)> on_ended)
    : host_(host),
      disk_(disk),
      times_(times),
      transfer_(transfer),
      lanes_(lanes),
      on_ended_(std::move(on_ended)),
      core_(host, Receiver{transfer, summary, host.now()}, [this](Receiver::Action action) { perform(std::move(action)); }) {}

void ReceivingSide::join(LaneNumber lane) {
  core_.feed([&](Receiver& core) { core.lane_joined(lane, host_.now()); });
}

void ReceivingSide::lost(LaneNumber lane) {
  const auto arriving = arriving_.extract(lane);
  core_.feed([&](Receiver& core) {
    if (arriving) core.chunk_lost(arriving.mapped(), host_.now());
    core.lane_lost(lane, host_.now());
  });
}

void ReceivingSide::heard(LaneNumber lane) {
  core_.feed([&](Receiver& core) { core.heard(lane, host_.now()); });
}

void ReceivingSide::received(LaneNumber lane, const LaneMessage& message) {
  core_.feed([&](Receiver& core) { core.received(lane, message, host_.now()); });
}

bool ReceivingSide::chunk_begins(LaneNumber lane, const ChunkHeader& header) {
  const auto wanted = core_.feed([&](Receiver& core) { return core.chunk_begins(lane, header, host_.now()); });
  if (!wanted) return false;
  if (*wanted) arriving_[lane] = header.chunk;
  return true;
}

void ReceivingSide::chunk_arrived(LaneNumber lane, const ChunkHeader& header, Content content) {
  const auto arriving = arriving_.find(lane);
  if (arriving == arriving_.end() || arriving->second != header.chunk) return;  // not wanted
  arriving_.erase(arriving);
  heard(lane);
  host_.in(times_.write, [this, header, content] {
    if (hash_of_content(content) != header.hash) return core_.feed([&](Receiver& core) { core.wrong(header.chunk, host_.now()); });
    disk_.written[header.chunk] = content;
    journal(JournalRecord::written(header.chunk, header.hash));
    unsynced_.insert(header.chunk);
    core_.feed([&](Receiver& core) { core.stored(header.chunk, host_.now()); });
    plan_sync();
  });
}

void ReceivingSide::perform(Receiver::Action action) {
  if (const auto* said = std::get_if<Receiver::Say>(&action)) {
    lanes_.say(said->lane, said->message, {});
  } else if (auto* opening = std::get_if<Receiver::Open>(&action)) {
    manifest_ = std::move(opening->manifest);
    host_.in(times_.write, [this] { open(); });
  } else if (auto* confirmed = std::get_if<Receiver::Confirm>(&action)) {
    host_.in(times_.write, [this, same = std::move(confirmed->same)] { confirm(same); });
  } else if (std::holds_alternative<Receiver::Finish>(action)) {
    journal(JournalRecord::finishing());
    host_.in(times_.write, [this] { finish(); });
  } else if (std::holds_alternative<Receiver::Forget>(action)) {
    disk_.journal.clear();
    disk_.written.clear();
  } else if (const auto* drop = std::get_if<Receiver::Drop>(&action)) {
    lanes_.drop(drop->lane);
  } else if (auto* ended = std::get_if<Receiver::Ended>(&action)) {
    on_ended_(std::move(*ended));
  }
}

void ReceivingSide::open() {
  auto found = open_disk();
  core_.feed([&](Receiver& core) { core.opened(std::move(found), host_.now()); });
}

Receiver::Found ReceivingSide::open_disk() {
  const auto digest = manifest_->encode([](ByteView) {});
  Receiver::Found found{.durable = ChunkMap{manifest_->chunks()}};
  const auto begin_journal = [&] {
    disk_.journal = JournalRecord::header(transfer_, digest, manifest_->chunk_size());
    disk_.manifest_digest = digest;
  };
  if (disk_.journal.empty()) {
    begin_journal();
    disk_.written.clear();
    return found;
  }
  const auto replay = value_or_throw(JournalReplay::read(disk_.journal, manifest_->chunks()));
  disk_.journal.resize(replay.valid_bytes);
  if (replay.manifest_digest != digest) {
    // Another version of the source: what lies there may still be right, chunk by chunk.
    for (const auto& [chunk, content] : disk_.written) found.checks.push_back({chunk, hash_of_content(content)});
    begin_journal();
    return found;
  }
  for (const auto& [chunk, hash] : replay.hashes) {
    const auto written = disk_.written.find(chunk);
    if (written != disk_.written.end() && hash_of_content(written->second) == hash) found.durable.set(chunk);
  }
  journal(JournalRecord::synced());
  found.finished = replay.phase == JournalReplay::Phase::finished;
  if (found.finished) found.names = names();
  return found;
}

void ReceivingSide::confirm(const std::vector<ChunkIndex>& same) {
  for (const auto chunk : same) {
    journal(JournalRecord::written(chunk, hash_of_content(disk_.written.at(chunk))));
    unsynced_.insert(chunk);
    core_.feed([&](Receiver& core) { core.stored(chunk, host_.now()); });
  }
  plan_sync();
}

void ReceivingSide::finish() {
  disk_.delivered = disk_.written;
  ++disk_.deliveries;
  journal(JournalRecord::finished());
  core_.feed([&](Receiver& core) { core.finished(names(), host_.now()); });
}

void ReceivingSide::plan_sync() {
  if (sync_planned_ || unsynced_.empty()) return;
  sync_planned_ = true;
  host_.in(times_.sync, [this] {
    sync_planned_ = false;
    const std::vector<ChunkIndex> chunks{unsynced_.begin(), unsynced_.end()};
    unsynced_.clear();
    journal(JournalRecord::synced());
    core_.feed([&](Receiver& core) { core.synced(chunks, host_.now()); });
  });
}

std::vector<std::string> ReceivingSide::names() const {
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < manifest_->entries(); ++i)
    if (const auto entry = manifest_->entry(EntryIndex{i}); !entry.parent) names.emplace_back(entry.name);
  return names;
}

void ReceivingSide::journal(const ByteBuffer& record) { disk_.journal.insert(disk_.journal.end(), record.begin(), record.end()); }

}  // namespace pshare::sim
