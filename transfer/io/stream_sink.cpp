#include "transfer/io/stream_sink.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>

#include "transfer/disk/handle.hpp"
#include "transfer/disk/posix/failure.hpp"
#include "transfer/io/disk_trouble.hpp"

namespace pshare {

namespace {

/// How long one look at a full pipe lasts before we look whether we are still wanted.
constexpr int patience_ms = 100;

/// A pipe may stay full for as long as its reader likes, and a thread that is stuck in write(2) cannot be called back. So a pipe is
/// opened anew, non-blocking, which leaves the caller's description as it is.
Handle own_description_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) return Handle{};
  return Handle{::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)};
}

}  // namespace

struct StreamSink::State {
  explicit State(int given) : own(own_description_of(given)), output(own ? own.native() : given) {}

  Result<void> write_out(ByteView bytes);
  Result<std::vector<ChunkIndex>> take(ChunkIndex chunk, ByteView raw);

  const Handle own;
  const int output;
  std::atomic<bool> interrupted = false;
  std::string name;
  const std::vector<std::string> remarks;

  std::mutex mutex;  // guards what follows
  ChunkIndex next;
  std::map<ChunkIndex, ByteBuffer> waiting;
  std::uint64_t waiting_bytes = 0, written_bytes = 0;
  std::vector<ChunkIndex> unsynced;
};

Result<void> StreamSink::State::write_out(ByteView bytes) {
  while (!bytes.empty()) {
    if (interrupted) return Unexpected{{.code = Errc::interrupted, .doing = "writing to standard output"}};
    const auto count = ::write(output, bytes.data(), bytes.size());
    if (count >= 0) {
      written_bytes += static_cast<std::uint64_t>(count);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      pollfd waits{output, POLLOUT, 0};
      ::poll(&waits, 1, patience_ms);
    } else if (errno == EPIPE) {
      return Unexpected{{.code = Errc::local_io, .doing = "writing to standard output", .cause = last_system_error(),
                         .hint = "the program that was reading it has ended"}};
    } else if (errno != EINTR) {
      return Unexpected{disk_trouble("writing to standard output", last_system_error())};
    }
  }
  return {};
}

Result<std::vector<ChunkIndex>> StreamSink::State::take(ChunkIndex chunk, ByteView raw) {
  const std::lock_guard lock{mutex};
  std::vector<ChunkIndex> stored;
  // A chunk that was on a lost lane is sent again, while the first copy may still be on its way through our workers.
  if (chunk < next || waiting.contains(chunk)) return stored;
  if (chunk != next) {
    if (waiting_bytes + raw.size() > most_reordered)
      return Unexpected{{.code = Errc::limit, .doing = "putting the stream in order: the sender went too far ahead"}};
    waiting_bytes += raw.size();
    waiting.emplace(chunk, buffer_of(raw));
    return stored;
  }
  if (auto written = write_out(raw); !written) return Unexpected{std::move(written).error()};
  stored.push_back(next);
  ++next.number;
  for (auto first = waiting.begin(); first != waiting.end() && first->first == next; first = waiting.begin()) {
    if (auto written = write_out(first->second); !written) return Unexpected{std::move(written).error()};
    stored.push_back(next);
    ++next.number;
    waiting_bytes -= first->second.size();
    waiting.erase(first);
  }
  unsynced.insert(unsynced.end(), stored.begin(), stored.end());
  return stored;
}

StreamSink::StreamSink(int fd) : state_(std::make_unique<State>(fd)) {}
StreamSink::StreamSink(StreamSink&&) noexcept = default;
StreamSink::~StreamSink() = default;

Result<Receiver::Found> StreamSink::open(const TransferId&, std::shared_ptr<const Manifest> manifest, bool stream) {
  if (manifest->entries() != 1 || manifest->files() != 1)
    return Unexpected{{.code = Errc::unsupported, .doing = "writing to standard output, which takes exactly one file",
                       .hint = "receive into a folder, without --stdout"}};
  state_->name = manifest->entry({0}).name;
  return Receiver::Found{.durable = ChunkMap{stream ? 0 : manifest->chunks()}, .checks = {}, .finished = false, .names = {}};
}

Result<std::vector<ChunkIndex>> StreamSink::store(ChunkIndex chunk, const ChunkHash&, ByteView raw) { return state_->take(chunk, raw); }

Result<std::vector<ChunkIndex>> StreamSink::store_zeros(ChunkIndex chunk, const ChunkHash&, std::uint64_t length) {
  return state_->take(chunk, ByteBuffer(length));
}

Result<std::vector<ChunkIndex>> StreamSink::sync() {
  const std::lock_guard lock{state_->mutex};
  return std::exchange(state_->unsynced, {});
}

Result<std::vector<std::string>> StreamSink::finish(std::uint64_t bytes) {
  const std::lock_guard lock{state_->mutex};
  if (state_->written_bytes != bytes)
    return Unexpected{{.code = Errc::failed, .doing = "writing to standard output: " + std::to_string(state_->written_bytes) + " of " +
                                                      std::to_string(bytes) + " bytes came"}};
  return std::vector<std::string>{state_->name};
}

const std::vector<std::string>& StreamSink::remarks() const { return state_->remarks; }
void StreamSink::interrupt() { state_->interrupted = true; }

}  // namespace pshare
