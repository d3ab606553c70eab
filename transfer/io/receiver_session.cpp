#include "transfer/io/receiver_session.hpp"

#include <algorithm>

#include "transfer/checksum.hpp"
#include "transfer/io/sender_session.hpp"

namespace pshare {

namespace {

/// Chunks in memory, being read from a lane or being stored. One for each lane, so that none waits for the others' to arrive, and as
/// many again for those that are being stored.
constexpr std::size_t most_buffers = 2 * max_lanes;

/// A chunk header's body in bytes (wire/lane_messages.hpp): index 8, lengths 4 and 4, codec 1, hash 16.
constexpr std::size_t chunk_header_body = 33;

struct Taken {
  Result<std::vector<ChunkIndex>> stored = std::vector<ChunkIndex>{};
  bool wrong = false;  // not what was sent
  std::optional<Sha256Digest> leaf{};  // if asked for
  Duration computing{}, writing{};
};

/// Decompresses, checks, hands over to the sink. In a worker thread.
Taken take_in(Sink& sink, const ChunkHeader& header, const ByteBuffer* payload, Tools& tools, bool with_leaf) {
  Taken taken;
  const auto begun = Clock::now();
  ByteView raw;
  if (header.codec == Codec::stored) {
    raw = *payload;
  } else {
    tools.other.resize(header.raw_length);
    if (header.codec == Codec::zeros)
      std::fill(tools.other.begin(), tools.other.end(), std::byte{0});
    else
      taken.wrong = !tools.decompressor.decompress(*payload, tools.other);
    raw = tools.other;
  }
  taken.wrong = taken.wrong || hash_of(raw) != header.hash;
  if (with_leaf && !taken.wrong) taken.leaf = content_leaf(raw);
  const auto checked = Clock::now();
  taken.computing = checked - begun;
  if (taken.wrong) return taken;
  taken.stored = header.codec == Codec::zeros ? sink.store_zeros(header.chunk, header.hash, header.raw_length)
                                              : sink.store(header.chunk, header.hash, raw);
  taken.writing = Clock::now() - checked;
  return taken;
}

}  // namespace

ReceiverSession::ReceiverSession(asio::any_io_executor executor, WorkerPool& pool, Sink& sink, TransferId transfer, const Summary& summary,
                                 Settings settings)
    : executor_(std::move(executor)), pool_(pool), sink_(sink), settings_(std::move(settings)), transfer_(transfer), core_(transfer, summary, Clock::now()),
      meter_(Clock::now()), buffers_(executor_, most_buffers), lanes_(executor_, *this, std::nullopt), news_(executor_), stored_(executor_), idle_(executor_) {
  if (settings_.sign) core_.promise_receipt();
}

ReceiverSession::~ReceiverSession() = default;

/// Whichever way work() ends, nothing is started any more in a group that is about to go, and no thread stays stuck in the sink.
struct ReceiverSession::ScopeEnd {
  ReceiverSession& session;
  ~ScopeEnd() {
    session.tasks_ = nullptr;
    session.lanes_.shut();
    session.sink_.interrupt();
  }
};

void ReceiverSession::add_lane(LanePtr lane) {
  if (lanes_.count() >= max_lanes) return lane->close();
  lanes_.add(std::move(lane));
}

awaitable<ReceiveOutcome> ReceiverSession::run() {
  const auto body = [this](TaskGroup& tasks) { return work(tasks); };
  co_return co_await with_tasks<ReceiveOutcome>(body);
}

awaitable<ReceiveOutcome> ReceiverSession::work(TaskGroup& tasks) {
  tasks_ = &tasks;
  const ScopeEnd end{*this};
  tasks.start(keep_syncing());
  lanes_.begin(tasks);
  drain();
  while (!outcome_) {
    armed_ = core_.deadline();
    co_await news_.wait(armed_);
    const auto now = Clock::now();
    if (const auto deadline = core_.deadline(); deadline && *deadline <= now) core_.expire(now);
    drain();
  }
  co_await lanes_.end(Clock::now() + last_words_patience);
  if (forget_) co_await forget();
  outcome_->names = std::move(names_);
  outcome_->remarks.insert(outcome_->remarks.begin(), sink_.remarks().begin(), sink_.remarks().end());
  outcome_->remarks.insert(outcome_->remarks.end(), remarks_.begin(), remarks_.end());
  co_return *std::move(outcome_);
}

void ReceiverSession::doubt_lanes() {
  core_.doubt_lanes(Clock::now());
  drain();
}

void ReceiverSession::bear_without_lanes(TimePoint until) {
  core_.bear_without_lanes(until);
  drain();
}

void ReceiverSession::cancel() {
  core_.cancel(Clock::now());
  drain();
}

// --- facts in -------------------------------------------------------------------------------------------------------

void ReceiverSession::joined(SessionLane& lane) {
  core_.lane_joined(lane.number(), Clock::now());
  drain();
}

void ReceiverSession::lost(LaneNumber lane, const Path& path, const Error& why) {
  core_.lane_lost(lane, Clock::now());
  drain();
  if (outcome_) return;
  const bool retired = why.code == Errc::closed && lanes_.count() > 0;
  settings_.lane_lost(path, retired ? Error{.code = Errc::closed, .doing = "the sender ended it in order, and goes on over another lane"} : why);
}

void ReceiverSession::heard(LaneNumber lane) { core_.heard(lane, Clock::now()); }

void ReceiverSession::note_speaker(const SessionLane& lane) {
  if (speaker_ == lane.number()) return;
  speaker_ = lane.number();
  settings_.lane_speaks(lane.path());
}

awaitable<void> ReceiverSession::take(SessionLane& lane, LaneMessage message) {
  if (!std::holds_alternative<Beat>(message)) note_speaker(lane);
  if (const auto* header = std::get_if<ChunkHeader>(&message)) {
    co_await take_chunk(lane, *header);
    co_return;
  }
  core_.received(lane.number(), message, Clock::now());
  drain();
}

awaitable<void> ReceiverSession::take_chunk(SessionLane& lane, ChunkHeader header) {
  /// Tells the core of a chunk whose lane ended in the middle of it.
  struct Arriving {
    Receiver& core;
    ChunkIndex chunk;
    bool arrived = false;
    ~Arriving() {
      if (!arrived) core.chunk_lost(chunk, Clock::now());
    }
  };
  const auto begun = Clock::now();
  auto wanted = core_.chunk_begins(lane.number(), header, begun);
  drain();
  if (!wanted) throw Failure{std::move(wanted).error()};
  if (!*wanted) {
    co_await lane.skip(header.wire_length);
    co_return;
  }
  Arriving arriving{core_, header.chunk};
  BufferPool::Lease payload;
  if (header.wire_length > 0) {
    payload = co_await buffers_.take();
    const auto reading_since = Clock::now();
    meter_.waited(Meter::Bottleneck::disk, reading_since - begun, reading_since);
    payload->resize(header.wire_length);
    co_await lane.read_exactly(*payload);
    const auto now = Clock::now();
    meter_.waited(Meter::Bottleneck::network, now - reading_since, now);
  }
  bytes_taken_ += LaneFrameHeader::size + chunk_header_body + header.wire_length;
  arriving.arrived = true;
  if (!tasks_) co_return;
  ++storing_;
  tasks_->start(store(header, std::move(payload)));
}

// --- actions out ----------------------------------------------------------------------------------------------------

void ReceiverSession::drain() {
  if (!tasks_) return;  // before run(), or after
  while (auto action = core_.take()) perform(*std::move(action));
  const auto deadline = core_.deadline();
  if (outcome_ || (deadline && (!armed_ || *deadline < *armed_))) news_.ring();
}

void ReceiverSession::perform(Receiver::Action action) {
  if (auto* say = std::get_if<Receiver::Say>(&action)) {
    Outgoing outgoing;
    outgoing.frame = encode(say->message);
    lanes_.queue(say->lane, std::move(outgoing));
  } else if (auto* opening = std::get_if<Receiver::Open>(&action)) {
    tasks_->start(open(std::move(*opening)));
  } else if (auto* confirmed = std::get_if<Receiver::Confirm>(&action)) {
    tasks_->start(confirm(std::move(confirmed->same)));
  } else if (const auto* finishing = std::get_if<Receiver::Finish>(&action)) {
    tasks_->start(finish(finishing->bytes));
  } else if (const auto* attesting = std::get_if<Receiver::Attest>(&action)) {
    tasks_->start(attest(attesting->bytes));
  } else if (std::holds_alternative<Receiver::Forget>(action)) {
    forget_ = true;
  } else if (const auto* drop = std::get_if<Receiver::Drop>(&action)) {
    lanes_.close(drop->lane);
  } else if (auto* ended = std::get_if<Receiver::Ended>(&action)) {
    if (ended->trouble) sink_.interrupt();
    outcome_ = ReceiveOutcome{.trouble = std::move(ended->trouble), .names = {}, .remarks = {}};
  }
}

void ReceiverSession::disk_failed(const Error& trouble) {
  core_.disk_failed(trouble, Clock::now());
  drain();
}

awaitable<void> ReceiverSession::open(Receiver::Open opening) {
  manifest_ = opening.manifest;
  stream_ = opening.stream;
  const auto opening_sink = [&] { return sink_.open(settings_.partial.value_or(transfer_), opening.manifest, opening.stream); };
  auto found = co_await disk_.run(opening_sink);
  if (!found) {
    disk_failed(found.error());
    co_return;
  }
  if (!opening.stream) {
    durable_ = ChunkMap{manifest_->chunks()};
    std::vector<ChunkIndex> here;
    for (ChunkIndex chunk; chunk.number < manifest_->chunks(); ++chunk.number)
      if (found->finished || found->durable.has(chunk)) here.push_back(chunk);
    count_durable(here);
  }
  if (found->finished) names_ = found->names;
  const auto now = Clock::now();
  core_.opened(*std::move(found), now);
  meter_.done(core_.progress().stored, now);
  drain();
}

awaitable<void> ReceiverSession::store(ChunkHeader header, BufferPool::Lease payload) {
  const bool with_leaf = settings_.sign && !contents_.has(header.chunk);
  const auto work = [&] {
    Workbench::Loan tools{bench_};
    return take_in(sink_, header, payload ? &*payload : nullptr, *tools, with_leaf);
  };
  auto taken = co_await pool_.run(work);
  payload = {};
  if (taken.leaf && taken.stored) contents_.add(header.chunk, *taken.leaf);
  if (--storing_ == 0) idle_.ring();
  const auto now = Clock::now();
  if (taken.wrong)
    core_.wrong(header.chunk, now);
  else if (!taken.stored)
    core_.disk_failed(taken.stored.error(), now);
  else
    for (const auto chunk : *taken.stored) core_.stored(chunk, now);
  meter_.waited(Meter::Bottleneck::cpu, taken.computing / static_cast<int>(pool_.size()), now);
  meter_.waited(Meter::Bottleneck::disk, taken.writing / static_cast<int>(pool_.size()), now);
  meter_.done(core_.progress().stored, now);
  stored_.ring();
  drain();
}

awaitable<void> ReceiverSession::keep_syncing() {
  TimePoint next{};
  for (;;) {
    const auto progress = core_.progress();
    if (!progress.unsynced) {
      co_await stored_.wait();
      continue;
    }
    if (!progress.complete && Clock::now() < next) {
      co_await stored_.wait(next);
      continue;
    }
    const auto syncing = [this] { return sink_.sync(); };
    const auto chunks = co_await disk_.run(syncing);
    if (!chunks) {
      disk_failed(chunks.error());
      co_return;
    }
    next = Clock::now() + sync_pause;
    count_durable(*chunks);
    core_.synced(*chunks, Clock::now());
    drain();
    // What counts as unsynced for the core may not have come to the sink's hands yet; its coming rings.
    if (chunks->empty()) co_await stored_.wait(next);
  }
}

void ReceiverSession::count_durable(const std::vector<ChunkIndex>& chunks) {
  if (durable_.size() == 0) return;
  for (const auto chunk : chunks) durable_.set(chunk);
  durable_prefix_ = durable_.next_missing(durable_prefix_).value_or(ChunkIndex{durable_.size()});
  files_done_.advance(*manifest_, durable_prefix_);
}

awaitable<void> ReceiverSession::confirm(std::vector<ChunkIndex> same) {
  const auto confirming = [&] { return sink_.confirm(same); };
  const auto confirmed = co_await disk_.run(confirming);
  if (!confirmed) {
    disk_failed(confirmed.error());
    co_return;
  }
  for (const auto chunk : same) core_.stored(chunk, Clock::now());
  stored_.ring();
  drain();
}

awaitable<void> ReceiverSession::finish(std::uint64_t bytes) {
  // A chunk that came on two lanes may still be written a second time, which would spoil the file's time.
  while (storing_ > 0) co_await idle_.wait();
  const auto finishing = [&] { return sink_.finish(bytes); };
  auto names = co_await disk_.run(finishing);
  if (!names) {
    disk_failed(names.error());
    co_return;
  }
  names_ = *std::move(names);
  core_.finished(names_, Clock::now());
  drain();
}

/// What came in this session has been digested on its way to the disk. What was here before is read from where it lies now.
awaitable<Result<ContentFacts>> ReceiverSession::held(std::uint64_t bytes) {
  std::size_t tops = 0;
  for (EntryIndex index; index.number < manifest_->entries(); ++index.number) tops += manifest_->entry(index).parent ? 0 : 1;
  if (names_.size() < tops) co_return Unexpected{{.code = Errc::failed, .doing = "not everything was kept, since a name was taken"}};
  const auto chunks = chunks_in(bytes, manifest_->chunk_size());
  ByteBuffer raw;
  for (auto missing = contents_.next_missing(ChunkIndex{0}, chunks); missing; missing = contents_.next_missing(*missing, chunks)) {
    const auto reading = [&]() -> Result<Sha256Digest> {
      raw.resize(manifest_->length(*missing));
      if (auto read = sink_.read_delivered(*missing, raw); !read) return Unexpected{std::move(read).error()};
      return content_leaf(raw);
    };
    const auto leaf = co_await disk_.run(reading);
    if (!leaf) co_return Unexpected{leaf.error()};
    contents_.add(*missing, *leaf);
  }
  const auto counting = [&] { return content_facts(*manifest_, contents_, stream_, bytes); };
  co_return co_await disk_.run(counting);
}

awaitable<void> ReceiverSession::attest(std::uint64_t bytes) {
  while (storing_ > 0) co_await idle_.wait();  // a chunk that came twice
  const auto facts = co_await held(bytes);
  if (!facts) remarks_.push_back("no receipt was given: " + facts.error().message());
  core_.attested(facts ? settings_.sign(*facts) : ByteBuffer{}, Clock::now());
  drain();
}

awaitable<void> ReceiverSession::forget() {
  const auto forgetting = [this] { return sink_.forget(); };
  const auto forgotten = co_await disk_.run(forgetting);
  if (!forgotten) outcome_->remarks.push_back("everything is here, but " + forgotten.error().message());  // no reason to fail
}

}  // namespace pshare
