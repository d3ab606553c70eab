#include "transfer/io/stream_source.hpp"

#include <algorithm>
#include <cassert>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "transfer/io/disk_trouble.hpp"
#include "transfer/io/standard_stream.hpp"
#include "transfer/sender.hpp"

namespace pshare {

namespace {
constexpr auto doing = "reading standard input";
}

struct StreamSource::State {
  explicit State(Handle::Native native) : input(native) {}

  /// Reads until the end, a fault, or stop.
  void read_ahead(const std::function<void()>& changed);
  /// Fills `out`; fewer bytes only at the end of the stream. Errors: as InputStream::read.
  Result<std::size_t> fill(std::span<std::byte> out);
  bool wait_for_room();

  InputStream input;
  Manifest manifest;
  std::uint64_t chunk_size = 0;

  mutable std::mutex mutex;                // guards what follows
  std::condition_variable room;
  bool stopping = false;
  std::uint64_t first_kept = 0;            // the chunk in kept.front()
  std::deque<ByteBuffer> kept;
  Growth growth;
  std::thread thread;
};

Result<std::size_t> StreamSource::State::fill(std::span<std::byte> out) {
  std::size_t got = 0;
  while (got < out.size()) {
    const auto count = input.read(out.subspan(got));
    if (!count) return count;
    if (*count == 0) break;
    got += *count;
  }
  return got;
}

bool StreamSource::State::wait_for_room() {
  const auto most = std::max<std::size_t>(1, static_cast<std::size_t>(stream_window / chunk_size));
  std::unique_lock lock{mutex};
  room.wait(lock, [&] { return stopping || kept.size() < most; });
  return !stopping;
}

void StreamSource::State::read_ahead(const std::function<void()>& changed) {
  for (bool ended = false; !ended && wait_for_room();) {
    ByteBuffer chunk(chunk_size);
    const auto got = fill(chunk);
    if (!got && got.error().code == Errc::interrupted) return;
    {
      const std::lock_guard lock{mutex};
      if (!got) {
        growth.trouble = source_trouble(doing, got.error().cause);
        ended = true;
      } else {
        ended = *got < chunk.size();
        chunk.resize(*got);
        growth.bytes += *got;
        growth.ended = ended;
        if (*got > 0) kept.push_back(std::move(chunk));
      }
    }
    changed();
  }
}

Result<StreamSource> StreamSource::from(Handle::Native native, const std::string& name, std::uint64_t chunk_size) {
  auto state = std::make_unique<State>(native);
  state->chunk_size = chunk_size;
  constexpr std::uint16_t mode = 0644;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  Entry entry;
  entry.name = name;
  entry.mtime = std::chrono::nanoseconds{now}.count();
  entry.mode = mode;
  const auto added = state->manifest.add(entry);
  if (!added) return Unexpected{added.error()};
  state->manifest.seal(chunk_size);
  return StreamSource{std::move(state)};
}

const Manifest& StreamSource::manifest() const { return state_->manifest; }

std::uint64_t StreamSource::length(ChunkIndex chunk) const {
  const std::lock_guard lock{state_->mutex};
  assert(chunk.number * state_->chunk_size < state_->growth.bytes);
  return std::min(state_->chunk_size, state_->growth.bytes - chunk.number * state_->chunk_size);
}

Result<void> StreamSource::read(ChunkIndex chunk, std::span<std::byte> out) const {
  const std::lock_guard lock{state_->mutex};
  if (chunk.number < state_->first_kept || chunk.number - state_->first_kept >= state_->kept.size())
    return Unexpected{{.code = Errc::failed, .doing = "reading standard input a second time, which cannot be"}};
  std::ranges::copy(state_->kept[chunk.number - state_->first_kept], out.begin());
  return {};
}

void StreamSource::start(std::function<void()> changed) {
  assert(!state_->thread.joinable());
  state_->thread = std::thread{[state = state_.get(), tell = std::move(changed)] { state->read_ahead(tell); }};
}

ChunkReader::Growth StreamSource::growth() const {
  const std::lock_guard lock{state_->mutex};
  return state_->growth;
}

void StreamSource::release_before(ChunkIndex chunk) {
  const std::lock_guard lock{state_->mutex};
  while (!state_->kept.empty() && state_->first_kept < chunk.number) {
    state_->kept.pop_front();
    ++state_->first_kept;
  }
  state_->room.notify_one();
}

StreamSource::StreamSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
StreamSource::StreamSource(StreamSource&&) noexcept = default;

StreamSource::~StreamSource() {
  if (!state_ || !state_->thread.joinable()) return;
  {
    const std::lock_guard lock{state_->mutex};
    state_->stopping = true;
  }
  state_->room.notify_one();
  state_->input.interrupt();
  state_->thread.join();
}

}  // namespace pshare
