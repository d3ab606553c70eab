#include "transfer/io/stream_source.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "transfer/disk/handle.hpp"
#include "transfer/disk/posix/failure.hpp"
#include "transfer/io/disk_trouble.hpp"
#include "transfer/sender.hpp"

namespace pshare {

namespace {
constexpr int no_limit = -1;  // poll(2)
}

struct StreamSource::State {
  /// Reads until the end, a fault, or stop.
  void read_ahead(const std::function<void()>& changed);
  /// Fills `out`; fewer bytes only at the end of the stream. Nothing: asked to stop. `failed` is set by a fault.
  std::optional<std::size_t> fill(std::span<std::byte> out, std::error_code& failed) const;
  bool wait_for_room();

  int input = 0;
  Handle stop;  // an eventfd, readable when the thread is to end
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

std::optional<std::size_t> StreamSource::State::fill(std::span<std::byte> out, std::error_code& failed) const {
  std::size_t got = 0;
  while (got < out.size()) {
    std::array<pollfd, 2> waiting{pollfd{input, POLLIN, 0}, pollfd{stop.native(), POLLIN, 0}};
    if (::poll(waiting.data(), waiting.size(), no_limit) < 0 && errno != EINTR) return failed = last_system_error(), std::nullopt;
    if (waiting[1].revents != 0) return std::nullopt;
    if (waiting[0].revents == 0) continue;
    const auto count = ::read(input, out.data() + got, out.size() - got);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) return failed = last_system_error(), std::nullopt;
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
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
    std::error_code failed;
    const auto got = fill(chunk, failed);
    if (!got && !failed) return;
    {
      const std::lock_guard lock{mutex};
      if (failed) {
        growth.trouble = source_trouble("reading standard input", failed);
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

Result<StreamSource> StreamSource::from(int fd, const std::string& name, std::uint64_t chunk_size) {
  auto state = std::make_unique<State>();
  state->input = fd;
  state->chunk_size = chunk_size;
  state->stop = Handle{::eventfd(0, EFD_CLOEXEC)};
  if (!state->stop) return Unexpected{source_trouble("reading standard input", last_system_error())};
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
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto told = ::write(state_->stop.native(), &one, sizeof one);
  state_->thread.join();
}

}  // namespace pshare
