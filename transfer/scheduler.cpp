#include "transfer/scheduler.hpp"

#include <algorithm>

namespace pshare {

Scheduler::Scheduler(std::uint64_t chunks, std::uint64_t chunk_size, Window window)
    : chunk_size_(chunk_size), window_(window), taken_(chunks), stored_(chunks), durable_(chunks) {}

bool Scheduler::within_window(ChunkIndex chunk, std::uint64_t window) const {
  if (window_ == Window::until_durable) return chunk.number - prefix_.number < stream_window_chunks(chunk_size_);
  return (flight_.size() + 1) * chunk_size_ <= window;
}

std::optional<ChunkIndex> Scheduler::next(LaneNumber lane, std::uint64_t window) {
  const auto chunk = taken_.next_missing(cursor_);
  cursor_ = chunk.value_or(ChunkIndex{taken_.size()});
  if (!chunk || !within_window(*chunk, window)) return std::nullopt;
  taken_.set(*chunk);
  flight_[*chunk] = lane;
  return chunk;
}

std::vector<ChunkIndex> Scheduler::in_flight(LaneNumber lane) const {
  std::vector<ChunkIndex> out;
  for (const auto& [chunk, on] : flight_)
    if (on == lane) out.push_back(chunk);
  return out;
}

void Scheduler::grow(std::uint64_t chunks) {
  for (auto* map : {&taken_, &stored_, &durable_}) map->grow(chunks);
}

void Scheduler::hold(ChunkIndex chunk) {
  if (taken_.has(chunk)) return;
  taken_.set(chunk);
  held_.insert(chunk);
}

void Scheduler::release(ChunkIndex chunk) {
  if (held_.erase(chunk) != 0) need(chunk);
}

void Scheduler::spare(ChunkIndex chunk) {
  held_.erase(chunk);
  taken_.set(chunk);
}

void Scheduler::stored(ChunkIndex chunk) {
  flight_.erase(chunk);
  held_.erase(chunk);
  taken_.set(chunk);
  stored_.set(chunk);
}

void Scheduler::durable(ChunkIndex chunk) {
  stored(chunk);
  durable_.set(chunk);
  if (chunk == prefix_) prefix_ = durable_.next_missing(prefix_).value_or(ChunkIndex{durable_.size()});
}

void Scheduler::again(ChunkIndex chunk) {
  if (durable_.has(chunk)) return;
  flight_.erase(chunk);
  stored_.clear(chunk);
  need(chunk);
}

void Scheduler::lane_lost(LaneNumber lane) {
  for (auto each = flight_.begin(); each != flight_.end();) {
    const auto chunk = each->first;
    const bool on_it = each->second == lane;
    each = on_it ? flight_.erase(each) : std::next(each);
    if (on_it) need(chunk);
  }
}

void Scheduler::need(ChunkIndex chunk) {
  taken_.clear(chunk);
  cursor_ = std::min(cursor_, chunk);
}

}  // namespace pshare
