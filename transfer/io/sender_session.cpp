#include "transfer/io/sender_session.hpp"

#include <cassert>

#include "transfer/checksum.hpp"
#include "transfer/sample.hpp"

namespace pshare {

namespace {

/// Chunks given to a lane at once: one is being written, the others are being made ready.
constexpr int turns_of_a_lane = 3;

/// Chunks in memory: the window bounds those that are sent and unanswered, this those that are read.
constexpr std::size_t most_buffers = 2 * max_lanes;

struct Read {
  Result<void> done;
  ChunkHash hash{};
  Sample sample{};
  std::optional<Sha256Digest> leaf{};  // if asked for
  Duration reading{}, computing{};
};

Read read_chunk(const ChunkReader& source, ChunkIndex chunk, ByteBuffer& raw, Tools& tools, bool with_leaf) {
  const auto begun = Clock::now();
  raw.resize(source.length(chunk));
  Read read{.done = source.read(chunk, raw)};
  const auto have = Clock::now();
  read.reading = have - begun;
  if (!read.done) return read;
  read.hash = hash_of(raw);
  if (with_leaf) read.leaf = content_leaf(raw);
  read.sample = sample_of(raw, tools.compressor, tools.scratch);
  read.computing = Clock::now() - have;
  return read;
}

}  // namespace

SenderSession::SenderSession(asio::any_io_executor executor, WorkerPool& pool, ChunkReader& source, TransferId transfer, Settings settings)
    : executor_(std::move(executor)), pool_(pool), source_(source), settings_(std::move(settings)),
      core_(source.manifest(), transfer, source.stream(), Clock::now()), level_(settings_.level, pool.size()), meter_(Clock::now()),
      buffers_(executor_, most_buffers), lanes_(executor_, *this, settings_.limit), news_(executor_), sent_known_(executor_), alive_(std::make_shared<int>()) {
  if (settings_.contents) core_.expect_receipt();
}

SenderSession::~SenderSession() = default;

void SenderSession::add_lane(LanePtr lane) {
  if (lanes_.count() >= max_lanes) return lane->close();
  lanes_.add(std::move(lane));
}

void SenderSession::add_rival(LanePtr lane) {
  if (lanes_.count() == 0) return add_lane(std::move(lane));
  // The core knows no lane before run(), and a retired one no more.
  if (settings_.limit || lanes_.count() > 1 || (tasks_ && !core_.lane_to_challenge())) return lane->close();
  lanes_.add(std::move(lane), LaneRole::rival);
}

void SenderSession::move_to(LanePtr lane) { lanes_.add(std::move(lane), LaneRole::successor); }

/// Whichever way work() ends, nothing is started any more in a group that is about to go.
struct SenderSession::ScopeEnd {
  SenderSession& session;
  ~ScopeEnd() {
    session.tasks_ = nullptr;
    session.lanes_.shut();
  }
};

awaitable<SendOutcome> SenderSession::run() {
  const auto body = [this](TaskGroup& tasks) { return work(tasks); };
  co_return co_await with_tasks<SendOutcome>(body);
}

awaitable<SendOutcome> SenderSession::work(TaskGroup& tasks) {
  tasks_ = &tasks;
  const ScopeEnd end{*this};
  lanes_.begin(tasks);
  if (source_.stream()) {
    auto changed = [this, executor = executor_, alive = std::weak_ptr{alive_}] {
      asio::post(executor, [this, alive] {
        if (!alive.expired()) source_grew();
      });
    };
    source_.start(std::move(changed));
  }
  drain();
  while (!outcome_) {
    armed_ = core_.deadline();
    co_await news_.wait(armed_);
    const auto now = Clock::now();
    if (const auto deadline = core_.deadline(); deadline && *deadline <= now) core_.expire(now);
    drain();
  }
  co_await lanes_.end(Clock::now() + last_words_patience);
  if (outcome_->receipt) {
    while (!sent_) co_await sent_known_.wait();
    outcome_->receipt->sent = *std::move(sent_);
  }
  co_return *std::move(outcome_);
}

void SenderSession::doubt_lanes() {
  core_.doubt_lanes(Clock::now());
  drain();
}

void SenderSession::bear_without_lanes(TimePoint until) {
  core_.bear_without_lanes(until);
  drain();
}

void SenderSession::cancel() {
  core_.cancel(Clock::now());
  drain();
}

void SenderSession::fail(Error trouble) {
  core_.source_failed(std::move(trouble), Clock::now());
  drain();
}

// --- facts in -------------------------------------------------------------------------------------------------------

void SenderSession::joined(SessionLane& lane) {
  const auto now = Clock::now();
  join_core(lane, now);
  for (int turn = 0; turn < turns_of_a_lane; ++turn) core_.lane_free(lane.number(), now);
  if (lane.role() == LaneRole::member) level_.lanes(lanes_.count());  // a rival never carries beside the other
  drain();
}

void SenderSession::join_core(const SessionLane& lane, TimePoint now) {
  if (lane.role() == LaneRole::successor) return core_.successor_joined(lane.number(), now);
  const auto challenged = lane.role() == LaneRole::rival ? core_.lane_to_challenge() : std::nullopt;
  const auto incumbent = challenged ? lanes_.find(*challenged) : nullptr;
  if (!incumbent) return core_.lane_joined(lane.number(), now);
  const bool rival_is_cheaper = lane.path().transport == Transport::tcp && incumbent->path().transport != Transport::tcp;
  core_.rival_joined(lane.number(), rival_is_cheaper ? lane.number() : incumbent->number(), now);
}

void SenderSession::lost(LaneNumber lane, const Path& path, const Error& why) {
  core_.lane_lost(lane, Clock::now());
  if (lanes_.count() > 0) level_.lanes(lanes_.count());
  drain();
  if (outcome_) return;
  settings_.lane_lost(path, why);
  if (const auto left = lanes_.paths(); !left.empty()) settings_.lanes_left(left);
}

void SenderSession::heard(LaneNumber lane) { core_.heard(lane, Clock::now()); }

awaitable<void> SenderSession::take(SessionLane& lane, LaneMessage message) {
  const auto now = Clock::now();
  if (std::holds_alternative<ChunkHeader>(message))  // its payload would be taken for frames
    throw Failure{{.code = Errc::malformed, .doing = "a receiver that sends chunks"}};
  core_.received(lane.number(), message, now);
  meter_.done(core_.progress().stored, now);
  if (source_.stream())
    source_.release_before(core_.durable_prefix());
  else
    files_done_.advance(source_.manifest(), core_.durable_prefix());
  drain();
  co_return;
}

void SenderSession::written(SessionLane& lane, const Outgoing& outgoing, Duration idle, Duration busy, Duration limited) {
  const auto now = Clock::now();
  if (outgoing.payload) {
    level_.wrote(outgoing.frame.size() + outgoing.payload_length, busy);
    meter_.waited(Meter::Bottleneck::network, busy - limited, now);
    if (limited > Duration::zero()) meter_.waited(Meter::Bottleneck::limit, limited, now);
    // The writer was idle until the core wanted a chunk sent, and from then on for the disk or for the processor.
    const auto preparing = std::min(idle, std::max(now - busy - outgoing.asked_at, Duration::zero()));
    meter_.waited(Meter::Bottleneck::other_side, idle - preparing, now);
    const auto both = outgoing.reading + outgoing.computing;
    const auto disk = both > Duration::zero() ? preparing * outgoing.reading.count() / both.count() : Duration::zero();
    meter_.waited(Meter::Bottleneck::disk, disk, now);
    meter_.waited(Meter::Bottleneck::cpu, preparing - disk, now);
  }
  if (outgoing.takes_turn) core_.lane_free(lane.number(), now);
  drain();
}

void SenderSession::source_grew() {
  const auto now = Clock::now();
  auto growth = source_.growth();
  if (core_.progress().ended) return;
  if (growth.trouble)
    core_.source_failed(*std::move(growth.trouble), now);
  else if (growth.ended)
    core_.stream_ended(growth.bytes, now);
  else
    core_.stream_grew(growth.bytes, now);
  drain();
}

// --- actions out ----------------------------------------------------------------------------------------------------

void SenderSession::drain() {
  if (!tasks_) return;  // before run(), or after
  while (auto action = core_.take()) perform(*std::move(action));
  const auto deadline = core_.deadline();
  if (outcome_ || (deadline && (!armed_ || *deadline < *armed_))) news_.ring();
}

void SenderSession::perform(Sender::Action action) {
  const bool takes_turn = Sender::takes_turn(action);
  if (auto* say = std::get_if<Sender::Say>(&action)) {
    Outgoing outgoing;
    outgoing.frame = encode(say->message);
    outgoing.takes_turn = takes_turn;
    lanes_.queue(say->lane, std::move(outgoing));
  } else if (const auto* chunk = std::get_if<Sender::SendChunk>(&action)) {
    tasks_->start(send(chunk->lane, chunk->chunk));
  } else if (const auto* asked = std::get_if<Sender::Check>(&action)) {
    tasks_->start(check(asked->chunk, asked->hash));
  } else if (const auto* drop = std::get_if<Sender::Drop>(&action)) {
    lanes_.close(drop->lane);
  } else if (const auto* chosen = std::get_if<Sender::Chosen>(&action)) {
    if (const auto lane = lanes_.find(chosen->lane)) settings_.lane_chosen(lane->path(), words(chosen->finding));
  } else if (const auto* retired = std::get_if<Sender::Retire>(&action)) {
    if (const auto lane = lanes_.find(retired->lane)) {
      lanes_.retire(retired->lane);
      settings_.lane_retired(lane->path(), words(retired->finding));
    }
  } else if (std::holds_alternative<Sender::Delivered>(action)) {
    tasks_->start(complete_contents());
    settings_.delivered();
  } else if (auto* ended = std::get_if<Sender::Ended>(&action)) {
    outcome_ = SendOutcome{std::move(ended->trouble), std::move(ended->names)};
    if (ended->receipt) outcome_->receipt = SendOutcome::Receipted{*std::move(ended->receipt), ContentFacts{}};
  }
}

awaitable<void> SenderSession::send(LaneNumber lane, ChunkIndex chunk) {
  Outgoing outgoing;
  outgoing.takes_turn = outgoing.droppable = true;
  outgoing.asked_at = Clock::now();
  outgoing.payload = co_await buffers_.take();
  auto& bytes = *outgoing.payload;
  const bool with_leaf = settings_.contents && !settings_.contents->has(chunk);
  const auto work_of_reading = [&] {
    Workbench::Loan tools{bench_};
    return read_chunk(source_, chunk, bytes, *tools, with_leaf);
  };
  const auto read = co_await pool_.run(work_of_reading);
  if (!read.done) {
    unreadable(lane, chunk, read.done.error());
    co_return;
  }
  if (read.leaf) settings_.contents->add(chunk, *read.leaf);
  outgoing.reading = read.reading;
  outgoing.computing = read.computing;

  ChunkHeader header{.chunk = chunk, .raw_length = static_cast<std::uint32_t>(bytes.size()), .wire_length = 0, .codec = Codec::stored, .hash = read.hash};
  const auto choice = level_.next(read.sample);
  if (choice.how == LevelChoice::Choice::How::zstd) {
    bool smaller = false;
    const auto begun = Clock::now();
    const auto work_of_compressing = [&] {
      const auto started = Clock::now();
      Workbench::Loan tools{bench_};
      smaller = tools->compressor.compress(choice.level, bytes, tools->other);
      if (smaller) std::swap(bytes, tools->other);
      return Clock::now() - started;
    };
    const auto took = co_await pool_.run(work_of_compressing);
    level_.compressed(choice.level, header.raw_length, smaller ? bytes.size() : header.raw_length, took);
    outgoing.computing += Clock::now() - begun;
    if (smaller) header.codec = Codec::zstd;
  }
  if (choice.how == LevelChoice::Choice::How::zeros) {
    header.codec = Codec::zeros;
    outgoing.payload = {};
  } else {
    outgoing.payload_length = bytes.size();
    header.wire_length = static_cast<std::uint32_t>(bytes.size());
  }
  core_.prepared(chunk, header.wire_length);
  outgoing.frame = encode(LaneMessage{header});
  lanes_.queue(lane, std::move(outgoing));
}

void SenderSession::unreadable(LaneNumber lane, ChunkIndex chunk, Error trouble) {
  const auto now = Clock::now();
  if (source_.stream() && chunk < core_.durable_prefix())
    core_.lane_free(lane, now);
  else if (!core_.progress().ended)
    core_.source_failed(std::move(trouble), now);
  drain();
}

awaitable<void> SenderSession::check(ChunkIndex chunk, ChunkHash hash) {
  auto buffer = co_await buffers_.take();
  std::optional<Sha256Digest> leaf;
  const auto work_of_reading = [&] {
    buffer->resize(source_.length(chunk));
    const auto done = source_.read(chunk, *buffer);
    if (done && settings_.contents) leaf = content_leaf(*buffer);
    return done ? Result<bool>{hash_of(*buffer) == hash} : Result<bool>{Unexpected{done.error()}};
  };
  const auto same = co_await pool_.run(work_of_reading);
  const auto now = Clock::now();
  if (leaf) settings_.contents->add(chunk, *leaf);
  if (same)
    core_.checked(chunk, *same, now);
  else if (!core_.progress().ended)
    core_.source_failed(same.error(), now);
  drain();
}

/// What the receiver had before was not read here: now it is, while the receiver makes its receipt.
awaitable<void> SenderSession::complete_contents() {
  const auto bytes = core_.progress().total;
  const auto& manifest = source_.manifest();
  const auto chunks = chunks_in(bytes, manifest.chunk_size());
  for (auto missing = settings_.contents->next_missing(ChunkIndex{0}, chunks); missing; missing = settings_.contents->next_missing(*missing, chunks)) {
    auto buffer = co_await buffers_.take();
    const auto reading = [&]() -> Result<Sha256Digest> {
      buffer->resize(source_.length(*missing));
      if (auto read = source_.read(*missing, *buffer); !read) return Unexpected{std::move(read).error()};
      return content_leaf(*buffer);
    };
    auto leaf = co_await pool_.run(reading);
    if (!leaf) {
      sent_ = Result<ContentFacts>{Unexpected{std::move(leaf).error()}};
      sent_known_.ring();
      co_return;
    }
    settings_.contents->add(*missing, *leaf);
  }
  const auto counting = [&] { return content_facts(manifest, *settings_.contents, source_.stream(), bytes); };
  sent_ = Result<ContentFacts>{co_await pool_.run(counting)};
  sent_known_.ring();
}

}  // namespace pshare
