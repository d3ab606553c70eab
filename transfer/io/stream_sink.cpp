#include "transfer/io/stream_sink.hpp"

#include <map>
#include <mutex>

#include "transfer/io/disk_trouble.hpp"
#include "transfer/io/standard_stream.hpp"

namespace pshare {

namespace {
constexpr auto doing = "writing to standard output";
}

struct StreamSink::State {
  explicit State(Handle::Native given) : output(given) {}

  Result<void> write_out(ByteView bytes);
  Result<std::vector<ChunkIndex>> take(ChunkIndex chunk, ByteView raw);

  OutputStream output;
  std::string name;
  const std::vector<std::string> remarks;

  std::mutex mutex;  // guards what follows
  ChunkIndex next;
  std::map<ChunkIndex, ByteBuffer> waiting;
  std::uint64_t waiting_bytes = 0, written_bytes = 0;
  std::vector<ChunkIndex> unsynced;
};

Result<void> StreamSink::State::write_out(ByteView bytes) {
  if (const auto written = output.write(bytes); !written) {
    const auto& error = written.error();
    if (error.code == Errc::interrupted) return Unexpected{{.code = Errc::interrupted, .doing = doing}};
    if (error.cause == std::errc::broken_pipe)
      return Unexpected{{.code = Errc::local_io, .doing = doing, .cause = error.cause, .hint = "the program that was reading it has ended"}};
    return Unexpected{disk_trouble(doing, error.cause)};
  }
  written_bytes += bytes.size();
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

StreamSink::StreamSink(Handle::Native native) : state_(std::make_unique<State>(native)) {}
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
void StreamSink::interrupt() { state_->output.interrupt(); }

}  // namespace pshare
