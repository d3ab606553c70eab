#include "transfer/sender.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "transfer/stop_words.hpp"

namespace pshare {

Sender::Sender(const Manifest& manifest, TransferId transfer, bool stream, TimePoint now)
    : manifest_(manifest),
      transfer_(transfer),
      stream_(stream),
      complete_(!stream),
      watch_(now),
      scheduler_(stream ? 0 : manifest.chunks(), manifest.chunk_size(),
                 stream ? Scheduler::Window::until_durable : Scheduler::Window::until_stored),
      same_(stream ? 0 : manifest.chunks()),
      now_(now) {}

bool Sender::takes_turn(const Action& action) {
  const auto* said = std::get_if<Say>(&action);
  return std::holds_alternative<SendChunk>(action) || (said && std::holds_alternative<ManifestPart>(said->message));
}

// --- lanes ----------------------------------------------------------------------------------------------------------

void Sender::lane_joined(LaneNumber lane, TimePoint now) {
  now_ = now;
  if (std::holds_alternative<Over>(state_)) return;
  watch_.joined(lane, now);
  turns_[lane] = 0;
  if (std::holds_alternative<Laneless>(state_)) announce();
  end_if_complete();
}

std::optional<LaneNumber> Sender::lane_to_challenge() const {
  if (contest_ || watch_.count() != 1 || std::holds_alternative<Over>(state_)) return std::nullopt;
  return watch_.lowest();
}

void Sender::rival_joined(LaneNumber rival, LaneNumber preferred, TimePoint now) {
  const auto incumbent = lane_to_challenge();
  if (!incumbent) return lane_joined(rival, now);
  contest_.emplace(LaneContest::Lanes{*incumbent, rival, preferred});
  for (const auto chunk : scheduler_.in_flight(*incumbent)) contest_->sent(*incumbent, chunk, length(chunk));
  lane_joined(rival, now);
  begin_contest();
}

void Sender::successor_joined(LaneNumber successor, TimePoint now) {
  if (lane_to_challenge()) succession_ = true;
  rival_joined(successor, successor, now);
}

void Sender::begin_contest() {
  if (!contest_ || !std::holds_alternative<Sending>(state_)) return;
  if (succession_) {
    contest_->succeed(now_);
    return follow_contest();
  }
  std::uint64_t under_way = 0;
  for (const auto lane : watch_.all())
    for (const auto chunk : scheduler_.in_flight(lane)) under_way += length(chunk);
  const auto left = run() - std::min(run(), stored_bytes_ + under_way);
  contest_->begin(complete_ ? std::optional{left} : std::nullopt, now_);
  follow_contest();
}

void Sender::follow_contest() {
  if (!contest_) return;
  std::vector<LaneNumber> retired;
  while (auto action = contest_->take()) {
    if (const auto* retire = std::get_if<Retire>(&*action)) retired.push_back(retire->lane);
    std::visit([&](const auto& each) { actions_.emplace_back(each); }, *action);
  }
  if (contest_->over()) contest_.reset(), succession_ = false;
  for (const auto lane : retired) lane_lost(lane, now_);
}

void Sender::lane_lost(LaneNumber lane, TimePoint now) {
  now_ = now;
  if (std::holds_alternative<Over>(state_) || !watch_.lost(lane, now)) return;
  turns_.erase(lane);
  if (contest_) contest_->lane_lost(lane, now);
  follow_contest();
  scheduler_.lane_lost(lane);
  // The receiver asks again, on another lane, what was not answered on this one.
  std::erase_if(questions_, [&](const Question& question) { return question.lane == lane; });
  std::erase_if(actions_, [&](const Action& action) {
    const auto* said = std::get_if<Say>(&action);
    return said && said->lane == lane;
  });
  if (end_said_on_ == lane) end_said_on_.reset();
  if (watch_.count() == 0 && end_without_receipt()) return;

  const auto* announcing = std::get_if<Announcing>(&state_);
  const auto* announced = std::get_if<Announced>(&state_);
  if ((announcing && announcing->lane == lane) || (announced && announced->lane == lane)) {
    state_ = Laneless{};
    if (watch_.count() != 0) announce();
  }
  end_if_complete();
}

void Sender::lane_free(LaneNumber lane, TimePoint now) {
  now_ = now;
  if (const auto found = turns_.find(lane); found != turns_.end()) ++found->second;
  watch_.said(lane, now);
}

void Sender::heard(LaneNumber lane, TimePoint now) {
  now_ = now;
  watch_.heard(lane, now);
}

void Sender::announce() {
  const auto lane = *watch_.lowest();
  say(lane, ManifestBegin{transfer_, manifest_.entries(), stream_ ? 0 : manifest_.bytes(), manifest_.chunk_size(), stream_});
  state_ = Announcing{lane, ManifestWriter{manifest_}};
}

void Sender::doubt_lanes(TimePoint now) {
  watch_.doubt();
  expire(now);
}

void Sender::expire(TimePoint now) {
  now_ = now;
  if (std::holds_alternative<Over>(state_)) return;
  for (const auto lane : watch_.silent(now)) {
    lane_lost(lane, now);
    actions_.push_back(Drop{lane});
  }
  if (std::holds_alternative<Over>(state_)) return;
  if (const auto* awaiting = std::get_if<AwaitingReceipt>(&state_); awaiting && now >= awaiting->until) {
    end_without_receipt();
    return;
  }
  if (watch_.abandoned(now)) return end(lost_contact(), {});
  for (const auto lane : watch_.wordless(now)) say(lane, Beat{});
  if (contest_) contest_->expire(now);
  follow_contest();
}

std::optional<TimePoint> Sender::deadline() const {
  if (std::holds_alternative<Over>(state_)) return std::nullopt;
  const auto contest = contest_ ? contest_->deadline() : std::nullopt;
  const auto* awaiting = std::get_if<AwaitingReceipt>(&state_);
  return std::min({watch_.deadline(), contest.value_or(TimePoint::max()), awaiting ? awaiting->until : TimePoint::max()});
}

// --- what the receiver says -----------------------------------------------------------------------------------------

void Sender::received(LaneNumber lane, const LaneMessage& message, TimePoint now) {
  now_ = now;
  if (std::holds_alternative<Over>(state_) || !watch_.has(lane)) return;
  watch_.heard(lane, now);
  std::visit([&](const auto& each) { hear(lane, each); }, message);
}

void Sender::hear(LaneNumber, const HaveBegin& have) {
  if (!announced_once_) return broken("it answered a manifest that it was not sent");
  if (stream_ ? have.chunks > scheduler_.chunks() : have.chunks != manifest_.chunks())
    return broken("it counts " + std::to_string(have.chunks) + " chunks");
  have_open_ = true;
}

void Sender::hear(LaneNumber, const HavePart& have) {
  if (!have_open_) return broken("a HavePart outside a Have");
  if (have.first.number >= scheduler_.chunks()) return broken("it has chunks that there are not");
  const auto last = std::min<std::uint64_t>(have.bits.size() * 8, scheduler_.chunks() - have.first.number);
  for (std::uint64_t i = 0; i < last; ++i) {
    if ((std::to_integer<unsigned>(have.bits[i / 8]) >> (i % 8) & 1) == 0) continue;
    const ChunkIndex chunk{have.first.number + i};
    if (!have_known_ && !scheduler_.is_durable(chunk)) resumed_bytes_ += length(chunk);
    mark_durable(chunk);
  }
}

void Sender::hear(LaneNumber lane, const HaveCheck& have) {
  if (!have_open_ || stream_) return broken("a HaveCheck outside a Have");
  if (have.items.size() > max_checked_chunks) return broken("a HaveCheck of too many chunks");
  Question question{.lane = lane, .chunks = {}};
  for (const auto& [chunk, hash] : have.items) {
    if (chunk.number >= scheduler_.chunks()) return broken("it has chunks that there are not");
    question.chunks.push_back(chunk);
    if (const auto asked = pending_.find(chunk); asked != pending_.end() && asked->second != hash)
      return broken("it asks about one chunk with two hashes");
    // Asked again because the answer was lost with its lane, and decided, or about to be.
    if (scheduler_.is_taken(chunk)) continue;
    pending_[chunk] = hash;
    unchecked_.push_back(chunk);
    scheduler_.hold(chunk);
  }
  questions_.push_back(std::move(question));
  if (questions_.size() > max_chunks / max_checked_chunks) return broken("it asks without end");
  answer_questions();
}

void Sender::hear(LaneNumber, const HaveEnd&) {
  if (!have_open_) return broken("a HaveEnd outside a Have");
  have_open_ = false;
  have_known_ = true;
  if (verified_) return;  // said again on another lane, and the receipt will be
  state_ = Sending{};
  begin_contest();
  end_if_complete();
}

void Sender::hear(LaneNumber, const Stored& stored) {
  if (!in_range(stored.chunks)) return;
  for (const auto chunk : stored.chunks) mark_stored(chunk);
  follow_contest();
}

void Sender::hear(LaneNumber, const Durable& durable) {
  if (!in_range(durable.chunks)) return;
  for (const auto chunk : durable.chunks) mark_durable(chunk);
  follow_contest();
  end_if_complete();
}

void Sender::hear(LaneNumber, const Again& again) {
  if (!in_range(again.chunks)) return;
  for (const auto chunk : again.chunks) {
    if (scheduler_.is_durable(chunk)) continue;
    if (++again_[chunk] > max_again) {
      const Error trouble{.code = Errc::failed,
                          .doing = "a piece of the data arrived damaged " + std::to_string(max_again + 1) + " times",
                          .hint = "one of the two machines may have faulty memory"};
      return stop(trouble, stop_for_protocol(trouble));
    }
    if (scheduler_.is_stored(chunk)) stored_bytes_ -= length(chunk);
    same_.clear(chunk);
    scheduler_.again(chunk);
    if (contest_) contest_->again(chunk);
  }
}

void Sender::hear(LaneNumber lane, const Verified& verified) {
  if (!have_known_ || !complete_ || !scheduler_.all_durable())
    return broken("it verified what it did not have");
  if (verified_) return;
  verified_ = true;
  if (receipt_expected_) {
    state_ = AwaitingReceipt{verified.names, now_ + receipt_patience(run())};
    actions_.push_back(Delivered{verified.names});
    return;
  }
  say(lane, Farewell{});
  end(std::nullopt, verified.names);
}

void Sender::hear(LaneNumber, const Beat&) {}

void Sender::hear(LaneNumber, const Stop& stop) {
  if (!end_without_receipt()) end(error_from(stop), {});
}

void Sender::hear(LaneNumber lane, const Receipt& receipt) {
  auto* awaiting = std::get_if<AwaitingReceipt>(&state_);
  if (!awaiting) return broken("a receipt that was not agreed on, or for what it did not verify");
  if (receipt.signed_receipt.empty()) {
    end_without_receipt();
    return;
  }
  say(lane, Farewell{});
  end(std::nullopt, std::move(awaiting->names), receipt.signed_receipt);
}

template <typename Other>
void Sender::hear(LaneNumber, const Other&) {
  broken("a message out of place");
}

bool Sender::in_range(const std::vector<ChunkIndex>& chunks) {
  if (!have_known_) return broken("it reports on chunks before it said what it has"), false;
  const auto beyond = [&](ChunkIndex chunk) { return chunk.number >= scheduler_.chunks(); };
  if (std::ranges::any_of(chunks, beyond)) return broken("it reports on chunks that there are not"), false;
  return true;
}

void Sender::mark_stored(ChunkIndex chunk) {
  if (!scheduler_.is_stored(chunk)) stored_bytes_ += length(chunk);
  scheduler_.stored(chunk);
  if (contest_) contest_->stored(chunk, now_);
}

void Sender::mark_durable(ChunkIndex chunk) {
  mark_stored(chunk);
  if (!scheduler_.is_durable(chunk)) durable_bytes_ += length(chunk);
  scheduler_.durable(chunk);
}

// --- the source -----------------------------------------------------------------------------------------------------

void Sender::checked(ChunkIndex chunk, bool same, TimePoint now) {
  now_ = now;
  if (std::holds_alternative<Over>(state_) || pending_.erase(chunk) == 0) return;
  --checking_;
  if (same) {
    if (!scheduler_.is_durable(chunk)) resumed_bytes_ += length(chunk);
    same_.set(chunk);
    scheduler_.spare(chunk);
  } else {
    scheduler_.release(chunk);
  }
  answer_questions();
}

void Sender::prepared(ChunkIndex chunk, std::uint64_t wire_bytes) {
  if (contest_) contest_->prepared(chunk, wire_bytes);
}

void Sender::answer_questions() {
  while (!questions_.empty()) {
    auto& question = questions_.front();
    while (question.decided < question.chunks.size() && !pending_.contains(question.chunks[question.decided])) ++question.decided;
    if (question.decided < question.chunks.size()) return;
    CheckResult result;
    for (const auto chunk : question.chunks)
      if (same_.has(chunk)) result.same.push_back(chunk);
    say(question.lane, std::move(result));
    questions_.pop_front();
  }
}

void Sender::stream_grew(std::uint64_t bytes, TimePoint now) {
  now_ = now;
  assert(stream_ && bytes >= available_);
  if (chunks_in(bytes, manifest_.chunk_size()) > max_chunks)
    return source_failed({.code = Errc::limit, .doing = "sending standard input: it is too long for one transfer"}, now);
  available_ = bytes;
  // Only whole chunks: the last one may still grow.
  scheduler_.grow(bytes / manifest_.chunk_size());
}

void Sender::stream_ended(std::uint64_t bytes, TimePoint now) {
  now_ = now;
  assert(stream_ && bytes >= available_);
  available_ = bytes;
  complete_ = true;
  scheduler_.grow(chunks_in(bytes, manifest_.chunk_size()));
  end_if_complete();
}

void Sender::source_failed(Error trouble, TimePoint now) {
  now_ = now;
  const auto told = stop_for(trouble);
  stop(std::move(trouble), told);
}

void Sender::cancel(TimePoint now) {
  source_failed({.code = Errc::interrupted,
                 .doing = "the transfer was called off here",
                 .hint = "run the same command again to go on where it stopped"},
                now);
}

// --- what comes out -------------------------------------------------------------------------------------------------

void Sender::end_if_complete() {
  if (!std::holds_alternative<Sending>(state_) || !complete_ || !scheduler_.all_durable()) return;
  const auto lane = watch_.lowest();
  if (end_said_on_ || !lane) return;
  end_said_on_ = lane;
  say(*lane, End{run()});
}

std::optional<Sender::Action> Sender::take() {
  if (!actions_.empty()) {
    auto action = std::move(actions_.front());
    actions_.pop_front();
    return action;
  }
  if (auto part = next_part()) return part;
  if (auto check = next_check()) return check;
  return next_chunk();
}

std::optional<Sender::Action> Sender::next_part() {
  auto* announcing = std::get_if<Announcing>(&state_);
  if (!announcing) return std::nullopt;
  const auto lane = announcing->lane;
  if (announcing->writer.done()) {
    watch_.said(lane, now_);
    Say last{lane, ManifestEnd{announcing->writer.digest()}};
    state_ = Announced{lane};
    announced_once_ = true;
    return last;
  }
  if (turns_[lane] == 0) return std::nullopt;
  --turns_[lane];
  watch_.said(lane, now_);
  return Say{lane, ManifestPart{*announcing->writer.next()}};
}

std::optional<Sender::Action> Sender::next_check() {
  if (std::holds_alternative<Over>(state_)) return std::nullopt;
  while (!unchecked_.empty() && checking_ < max_checks) {
    const auto chunk = unchecked_.front();
    unchecked_.pop_front();
    ++checking_;
    return Check{chunk, pending_.at(chunk)};
  }
  return std::nullopt;
}

std::optional<Sender::Action> Sender::next_chunk() {
  if (!std::holds_alternative<Sending>(state_) || turns_.empty()) return std::nullopt;
  // The lane with the most turns is the one with the least to do.
  const auto usable = [&](const auto& each) { return !contest_ || contest_->may_carry(each.first) ? each.second : 0; };
  const auto idle = std::ranges::max_element(turns_, {}, usable);
  if (usable(*idle) == 0) return std::nullopt;
  const auto chunk = scheduler_.next(idle->first, contest_ ? send_window + contest_flight : send_window);
  if (!chunk) return std::nullopt;
  --idle->second;
  watch_.said(idle->first, now_);
  if (contest_) contest_->sent(idle->first, *chunk, length(*chunk));
  return SendChunk{idle->first, *chunk};
}

std::uint64_t Sender::length(ChunkIndex chunk) const {
  const auto begin = chunk.number * manifest_.chunk_size();
  return std::min(manifest_.chunk_size(), run() - begin);
}

void Sender::say(LaneNumber lane, LaneMessage message) {
  watch_.said(lane, now_);
  actions_.push_back(Say{lane, std::move(message)});
}

void Sender::broken(std::string what) {
  const Error trouble{.code = Errc::malformed,
                      .doing = "the receiver does not keep to the protocol: " + std::move(what),
                      .hint = "check that both sides run the same version of pshare"};
  stop(trouble, stop_for_protocol(trouble));
}

void Sender::stop(Error trouble, Stop told) {
  if (std::holds_alternative<Over>(state_) || end_without_receipt()) return;
  actions_.clear();  // what was not taken yet is of no use to a receiver that stops
  for (const auto lane : watch_.all()) say(lane, told);
  end(std::move(trouble), {});
}

void Sender::end(std::optional<Error> trouble, std::vector<std::string> names, std::optional<ByteBuffer> receipt) {
  state_ = Over{};
  actions_.push_back(Ended{std::move(trouble), std::move(names), std::move(receipt)});
}

bool Sender::end_without_receipt() {
  auto* awaiting = std::get_if<AwaitingReceipt>(&state_);
  if (!awaiting) return false;
  if (const auto lane = watch_.lowest()) say(*lane, Farewell{});
  end(std::nullopt, std::move(awaiting->names));
  return true;
}

Sender::Progress Sender::progress() const {
  return {.total = complete_ ? run() : 0,
          .durable = durable_bytes_,
          .stored = stored_bytes_,
          .resumed = resumed_bytes_,
          .manifest_sent = announced_once_,
          .have_known = have_known_,
          .verified = verified_,
          .ended = std::holds_alternative<Over>(state_)};
}

}  // namespace pshare
