#include "transfer/receiver.hpp"

#include <algorithm>
#include <utility>

#include "transfer/stop_words.hpp"

namespace pshare {

namespace {

/// So many bytes of bits go into one HavePart: 256 Ki chunks.
constexpr std::size_t have_part_bytes = 32 * 1024;
static_assert(have_part_bytes + 8 <= max_lane_body);

Error malformed(std::string what) {
  return {.code = Errc::malformed,
          .doing = "the sender does not keep to the protocol: " + std::move(what),
          .hint = "check that both sides run the same version of pshare"};
}

}  // namespace

Receiver::Receiver(TransferId transfer, const Summary& summary, TimePoint now)
    : transfer_(transfer), agreed_entries_(summary.entries), agreed_bytes_(summary.bytes), watch_(now), now_(now) {}

// --- lanes ----------------------------------------------------------------------------------------------------------

void Receiver::lane_joined(LaneNumber lane, TimePoint now) {
  now_ = now;
  if (phase_ == Phase::over) return;
  watch_.joined(lane, now);
  if (voice_) return;
  voice_ = lane;
  if (phase_ == Phase::verified && receipt_promised_ && !receipt_) farewell_by_.reset();  // somebody waits for it again
  if (opened_already()) say_have();
}

void Receiver::lane_lost(LaneNumber lane, TimePoint now) {
  now_ = now;
  if (phase_ == Phase::over || !watch_.lost(lane, now)) return;
  std::erase_if(actions_, [&](const Action& action) {
    const auto* said = std::get_if<Say>(&action);
    return said && said->lane == lane;
  });
  if (reading_ && reading_->lane == lane) reading_.reset();
  unheeded_.erase(lane);
  if (watch_.count() == 0 && phase_ == Phase::verified) farewell_by_ = std::min(farewell_by_.value_or(TimePoint::max()), now + farewell_patience_laneless);
  if (voice_ != lane) return;
  voice_ = watch_.lowest();
  if (voice_ && opened_already()) say_have();
}

void Receiver::heard(LaneNumber lane, TimePoint now) {
  now_ = now;
  watch_.heard(lane, now);
}

void Receiver::doubt_lanes(TimePoint now) {
  watch_.doubt();
  expire(now);
}

void Receiver::expire(TimePoint now) {
  now_ = now;
  if (phase_ == Phase::over) return;
  for (const auto lane : watch_.silent(now)) {
    lane_lost(lane, now);
    actions_.push_back(Drop{lane});
  }
  if (farewell_by_ && now >= *farewell_by_) return end(std::nullopt);
  if (watch_.abandoned(now)) return end(lost_contact());
  if (report_at_ && now >= *report_at_) flush_stored();
  for (const auto lane : watch_.wordless(now)) {
    watch_.said(lane, now);
    actions_.push_back(Say{lane, Beat{}});
  }
}

std::optional<TimePoint> Receiver::deadline() const {
  if (phase_ == Phase::over) return std::nullopt;
  auto earliest = watch_.deadline();
  if (report_at_) earliest = std::min(earliest, *report_at_);
  if (farewell_by_) earliest = std::min(earliest, *farewell_by_);
  return earliest;
}

// --- the manifest ---------------------------------------------------------------------------------------------------

void Receiver::received(LaneNumber lane, const LaneMessage& message, TimePoint now) {
  now_ = now;
  if (phase_ == Phase::over || !watch_.has(lane)) return;
  watch_.heard(lane, now);
  std::visit([&](const auto& each) { hear(lane, each); }, message);
}

Result<void> Receiver::check_begin(const ManifestBegin& begin) const {
  if (begin.transfer != transfer_) return Unexpected{malformed("it began another transfer than the one that was agreed to")};
  if (auto checked = check_announcement(begin); !checked) return checked;
  if (begin.stream != !agreed_bytes_) return Unexpected{malformed("a stream instead of files, or files instead of a stream")};
  if (begin.entries > agreed_entries_ || begin.bytes > agreed_bytes_.value_or(0))
    return Unexpected{{.code = Errc::limit,
                       .doing = "the sender began to send more than was agreed to",
                       .hint = "nothing was written; let the sender offer it again"}};
  return {};
}

void Receiver::hear(LaneNumber lane, const ManifestBegin& begin) {
  if (auto checked = check_begin(begin); !checked) return broken(std::move(checked).error());
  if (unheeded_.contains(lane) || (reading_ && reading_->lane == lane)) return broken(malformed("two manifests at once"));
  // Said again, because the sender lost the lane of the first, or what we answered. (We may not have noticed that loss yet.)
  if (manifest_) {
    unheeded_.insert(lane);
    return;
  }
  if (reading_) unheeded_.insert(reading_->lane);
  stream_ = begin.stream;
  reading_.emplace(Reading{lane, ManifestReader{begin}});
}

void Receiver::hear(LaneNumber lane, const ManifestPart& part) {
  if (unheeded_.contains(lane)) return;
  if (!reading_ || reading_->lane != lane) return broken(malformed("a part of no manifest"));
  if (auto taken = reading_->reader.part(part.encoded); !taken) broken(std::move(taken).error());
}

void Receiver::hear(LaneNumber lane, const ManifestEnd& end) {
  if (unheeded_.erase(lane) != 0) {
    if (manifest_ && end.digest != digest_) return broken(malformed("two manifests that differ"));
    if (opened_already()) say_have();
    return;
  }
  if (!reading_ || reading_->lane != lane) return broken(malformed("the end of no manifest"));
  auto manifest = std::move(reading_->reader).end(end);
  reading_.reset();
  if (!manifest) return broken(std::move(manifest).error());
  manifest_ = std::make_shared<const Manifest>(*std::move(manifest));
  digest_ = end.digest;
  phase_ = Phase::opening;
  actions_.push_back(Open{manifest_, stream_});
}

void Receiver::opened(Found found, TimePoint now) {
  now_ = now;
  if (phase_ != Phase::opening) return;
  phase_ = Phase::receiving;
  // What an older stream left belongs to other bytes: a stream begins anew in every session.
  const auto chunks = stream_ ? 0 : manifest_->chunks();
  stored_ = durable_ = ChunkMap{chunks};
  if (!stream_) {
    for (std::uint64_t i = 0; i < chunks; ++i) {
      if (!found.finished && !found.durable.has(ChunkIndex{i})) continue;
      stored_.set(ChunkIndex{i});
      durable_.set(ChunkIndex{i});
      resumed_bytes_ += length(ChunkIndex{i});
    }
    for (const auto& [chunk, hash] : found.checks)
      if (chunk.number < chunks && !durable_.has(chunk)) checks_[chunk] = hash;
    stored_bytes_ = durable_bytes_ = resumed_bytes_;
  }
  if (found.finished && !stream_) phase_ = Phase::finishing;
  if (voice_) say_have();
  if (phase_ == Phase::finishing) return finished(std::move(found.names), now);
  finish_if_complete();
}

void Receiver::say_have() {
  if (!voice_) return;
  say(HaveBegin{durable_.size()});
  for (std::uint64_t first = 0; first < durable_.size(); first += have_part_bytes * 8) {
    const auto left = (durable_.size() - first + 7) / 8;
    auto bits = durable_.bits(ChunkIndex{first}, static_cast<std::size_t>(std::min<std::uint64_t>(left, have_part_bytes)));
    const auto none = [](std::byte byte) { return byte == std::byte{0}; };
    if (!std::ranges::all_of(bits, none)) say(HavePart{ChunkIndex{first}, std::move(bits)});
  }
  HaveCheck check;
  for (const auto& [chunk, hash] : checks_) {
    check.items.push_back({chunk, hash});
    if (check.items.size() == max_checked_chunks) say(std::exchange(check, {}));
  }
  if (!check.items.empty()) say(std::move(check));
  say(HaveEnd{});

  std::vector<ChunkIndex> only_stored;
  if (stored_.count() != durable_.count()) {
    for (std::uint64_t i = 0; i < stored_.size(); ++i)
      if (stored_.has(ChunkIndex{i}) && !durable_.has(ChunkIndex{i})) only_stored.push_back(ChunkIndex{i});
  }
  unreported_.clear(), unreported_bytes_ = 0, report_at_.reset();
  say_chunks(only_stored, [](std::vector<ChunkIndex> chunks) -> LaneMessage { return Stored{std::move(chunks)}; });
  say_chunks({asked_again_.begin(), asked_again_.end()},
             [](std::vector<ChunkIndex> chunks) -> LaneMessage { return Again{std::move(chunks)}; });
  if (phase_ == Phase::verified) say(Verified{names_});
  if (receipt_) say(Receipt{*receipt_});
}

void Receiver::hear(LaneNumber, const CheckResult& result) {
  if (!opened_already()) return broken(malformed("an answer to what was not asked"));
  std::vector<ChunkIndex> same;
  for (const auto chunk : result.same) {
    if (chunk.number >= stored_.size()) return broken(malformed("an answer about a chunk that there is not"));
    // One that is not among them was answered twice, because it was asked twice.
    if (checks_.erase(chunk) != 0) same.push_back(chunk);
  }
  if (!same.empty()) actions_.push_back(Confirm{std::move(same)});
}

// --- chunks ---------------------------------------------------------------------------------------------------------

Result<void> Receiver::check_header(const ChunkHeader& header) {
  if (!opened_already()) return Unexpected{malformed("a chunk before it knew which are needed")};
  const auto chunk = header.chunk;
  if (!stream_) {
    if (header.raw_length == manifest_->length(chunk) && header.raw_length != 0) return {};
    return Unexpected{malformed("a chunk that there is not, or of a wrong length")};
  }
  const auto first_missing = durable_.next_missing(ChunkIndex{0}).value_or(ChunkIndex{durable_.size()});
  if (chunk.number >= first_missing.number + stream_window_chunks(manifest_->chunk_size()) || chunk.number >= max_chunks)
    return Unexpected{malformed("a chunk too far ahead in a stream")};
  if (header.raw_length == 0 || header.raw_length > manifest_->chunk_size()) return Unexpected{malformed("a chunk of a wrong length")};
  if (end_ && chunk.number >= chunks_in(*end_, manifest_->chunk_size())) return Unexpected{malformed("a chunk behind the end")};
  const bool is_short = header.raw_length < manifest_->chunk_size();
  if (tail_ && (chunk > tail_->chunk || (chunk == tail_->chunk) != is_short || (is_short && header.raw_length != tail_->length)))
    return Unexpected{malformed("a short chunk in the middle of a stream")};
  if (is_short && chunk.number + 1 < stored_.size()) return Unexpected{malformed("a short chunk in the middle of a stream")};
  if (is_short) tail_ = Tail{chunk, header.raw_length};
  stored_.grow(chunk.number + 1);
  durable_.grow(chunk.number + 1);
  return {};
}

Result<bool> Receiver::chunk_begins(LaneNumber lane, const ChunkHeader& header, TimePoint now) {
  now_ = now;
  if (phase_ == Phase::over) return false;
  watch_.heard(lane, now);
  if (auto checked = check_header(header); !checked) {
    broken(checked.error());
    return Unexpected{std::move(checked).error()};
  }
  if (stored_.has(header.chunk)) return false;
  checks_.erase(header.chunk);
  asked_again_.erase(header.chunk);
  ++arriving_[header.chunk];
  return true;
}

void Receiver::chunk_lost(ChunkIndex chunk, TimePoint now) {
  now_ = now;
  if (const auto found = arriving_.find(chunk); found != arriving_.end() && --found->second == 0) arriving_.erase(found);
}

void Receiver::wrong(ChunkIndex chunk, TimePoint now) {
  chunk_lost(chunk, now);
  if (phase_ != Phase::receiving || stored_.has(chunk)) return;
  if (++wrong_[chunk] > max_again) {
    const Error trouble{.code = Errc::failed,
                        .doing = "a piece of the data arrived damaged " + std::to_string(max_again + 1) + " times",
                        .hint = "one of the two machines may have faulty memory"};
    return stop(trouble, stop_for_protocol(trouble));
  }
  asked_again_.insert(chunk);
  say(Again{{chunk}});
}

void Receiver::mark_stored(ChunkIndex chunk) {
  stored_.set(chunk);
  stored_bytes_ += length(chunk);
  asked_again_.erase(chunk);
}

void Receiver::stored(ChunkIndex chunk, TimePoint now) {
  chunk_lost(chunk, now);
  if (phase_ != Phase::receiving || chunk.number >= stored_.size() || stored_.has(chunk)) return;
  mark_stored(chunk);
  unreported_.push_back(chunk);
  unreported_bytes_ += length(chunk);
  if (!report_at_) report_at_ = now + stored_delay;
  if (unreported_bytes_ >= stored_batch) flush_stored();
}

void Receiver::flush_stored() {
  say_chunks(unreported_, [](std::vector<ChunkIndex> chunks) -> LaneMessage { return Stored{std::move(chunks)}; });
  unreported_.clear(), unreported_bytes_ = 0, report_at_.reset();
}

void Receiver::synced(const std::vector<ChunkIndex>& chunks, TimePoint now) {
  now_ = now;
  if (phase_ != Phase::receiving) return;
  std::vector<ChunkIndex> fresh;
  for (const auto chunk : chunks) {
    if (chunk.number >= stored_.size() || durable_.has(chunk)) continue;
    // The sink may know of a chunk, through another thread, before stored() tells us.
    if (!stored_.has(chunk)) mark_stored(chunk);
    durable_.set(chunk);
    durable_bytes_ += length(chunk);
    fresh.push_back(chunk);
  }
  // Durable says all that Stored does.
  std::erase_if(unreported_, [&](ChunkIndex chunk) { return durable_.has(chunk); });
  flush_stored();
  say_chunks(fresh, [](std::vector<ChunkIndex> named) -> LaneMessage { return Durable{std::move(named)}; });
  finish_if_complete();
}

std::uint64_t Receiver::length(ChunkIndex chunk) const {
  if (!stream_) return manifest_->length(chunk);
  return tail_ && tail_->chunk == chunk ? tail_->length : manifest_->chunk_size();
}

// --- the end --------------------------------------------------------------------------------------------------------

bool Receiver::all_durable() const { return stream_ ? end_ && stream_complete(*end_) : durable_.full(); }

bool Receiver::stream_complete(std::uint64_t bytes) const {
  return durable_.full() && durable_.size() == chunks_in(bytes, manifest_->chunk_size()) && durable_bytes_ == bytes;
}

void Receiver::finish_if_complete() {
  if (phase_ != Phase::receiving || !all_durable()) return;
  phase_ = Phase::finishing;
  actions_.push_back(Finish{stream_ ? *end_ : manifest_->bytes()});
}

void Receiver::hear(LaneNumber, const End& end) {
  if (!opened_already()) return broken(malformed("the end before the beginning"));
  if (end_ && *end_ != end.bytes) return broken(malformed("two ends that differ"));
  if (stream_ ? !stream_complete(end.bytes) : end.bytes != manifest_->bytes() || !durable_.full())
    return broken(malformed("the end before everything was there"));
  end_ = end.bytes;
  finish_if_complete();
}

void Receiver::finished(std::vector<std::string> names, TimePoint now) {
  now_ = now;
  if (phase_ != Phase::finishing) return;
  phase_ = Phase::verified;
  names.resize(std::min(names.size(), max_offered_names));
  names_ = std::move(names);
  if (!voice_ || !receipt_promised_) farewell_by_ = now + (voice_ ? farewell_patience : farewell_patience_laneless);
  say(Verified{names_});
  if (receipt_promised_) actions_.push_back(Attest{stream_ ? *end_ : manifest_->bytes()});
}

void Receiver::attested(ByteBuffer signed_receipt, TimePoint now) {
  now_ = now;
  if (phase_ != Phase::verified || receipt_) return;
  receipt_ = Receipt{std::move(signed_receipt)};
  if (voice_) farewell_by_ = now + farewell_patience;
  say(*receipt_);
}

void Receiver::hear(LaneNumber, const Farewell&) {
  if (phase_ != Phase::verified) return broken(malformed("a farewell before everything was verified"));
  actions_.push_back(Forget{});
  end(std::nullopt);
}

void Receiver::hear(LaneNumber, const Beat&) {}

void Receiver::hear(LaneNumber, const Stop& stop) {
  // What is delivered is delivered, whatever the sender makes of it.
  if (phase_ == Phase::verified) return end(std::nullopt);
  end(error_from(stop));
}

template <typename Other>
void Receiver::hear(LaneNumber, const Other&) {
  broken(malformed("a message out of place"));
}

void Receiver::disk_failed(Error trouble, TimePoint now) {
  now_ = now;
  const auto told = stop_for(trouble);
  stop(std::move(trouble), told);
}

void Receiver::cancel(TimePoint now) {
  now_ = now;
  if (phase_ == Phase::verified) return end(std::nullopt);
  disk_failed({.code = Errc::interrupted,
               .doing = "the transfer was called off here",
               .hint = "run the same command again to go on where it stopped"},
              now);
}

// --- what comes out -------------------------------------------------------------------------------------------------

void Receiver::say(LaneMessage message) {
  if (!voice_) return;  // said with the Have on the next lane
  watch_.said(*voice_, now_);
  actions_.push_back(Say{*voice_, std::move(message)});
}

void Receiver::say_chunks(const std::vector<ChunkIndex>& chunks, LaneMessage (*make)(std::vector<ChunkIndex>)) {
  for (std::size_t at = 0; at < chunks.size(); at += max_named_chunks) {
    const auto from = chunks.begin() + static_cast<std::ptrdiff_t>(at);
    say(make({from, from + static_cast<std::ptrdiff_t>(std::min(max_named_chunks, chunks.size() - at))}));
  }
}

void Receiver::broken(Error trouble) {
  const auto told = stop_for_protocol(trouble);
  stop(std::move(trouble), told);
}

void Receiver::stop(Error trouble, Stop told) {
  if (phase_ == Phase::over) return;
  actions_.clear();
  for (const auto lane : watch_.all()) actions_.push_back(Say{lane, told});
  end(std::move(trouble));
}

void Receiver::end(std::optional<Error> trouble) {
  phase_ = Phase::over;
  actions_.push_back(Ended{std::move(trouble)});
}

std::optional<Receiver::Action> Receiver::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

Receiver::Progress Receiver::progress() const {
  const bool known = manifest_ != nullptr && phase_ != Phase::opening;
  return {.total = stream_ ? end_.value_or(0) : manifest_ ? manifest_->bytes() : 0,
          .stored = stored_bytes_,
          .durable = durable_bytes_,
          .resumed = resumed_bytes_,
          .manifest_known = manifest_ != nullptr,
          .finishing = phase_ == Phase::finishing,
          .ended = phase_ == Phase::over,
          .unsynced = known && stored_.count() != durable_.count(),
          .complete = known && stored_.full()};
}

}  // namespace pshare
