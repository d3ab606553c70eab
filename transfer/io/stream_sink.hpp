// The one file of a transfer written to a stream such as standard output, in order. Chunks that come early wait in memory for
// those before them. Nothing is kept: a stream that breaks begins anew.
#pragma once

#include <memory>
#include <string>

#include "transfer/disk/handle.hpp"
#include "transfer/io/sink.hpp"
#include "wire/units.hpp"

namespace pshare {

/// What may wait for an earlier chunk. A sender that keeps to its windows (transfer/sender.hpp) never comes near.
inline constexpr std::uint64_t most_reordered = 64 * MiB;

class StreamSink final : public Sink {
 public:
  /// `native` stays the caller's and lives longer.
  explicit StreamSink(Handle::Native native);

  Result<void> check_space(std::uint64_t) const override { return {}; }
  /// Errors: unsupported (more than one file, or none).
  Result<Receiver::Found> open(const TransferId& transfer, std::shared_ptr<const Manifest> manifest, bool stream) override;
  /// Gives the chunks that are written by now. Errors: limit (most_reordered), local_io (whoever reads has gone), interrupted.
  Result<std::vector<ChunkIndex>> store(ChunkIndex chunk, const ChunkHash& hash, ByteView raw) override;
  Result<std::vector<ChunkIndex>> store_zeros(ChunkIndex chunk, const ChunkHash& hash, std::uint64_t length) override;
  /// Written is all that can be asked of a pipe.
  Result<std::vector<ChunkIndex>> sync() override;
  Result<void> confirm(const std::vector<ChunkIndex>&) override { return {}; }
  /// Errors: failed when fewer bytes came than were announced.
  Result<std::vector<std::string>> finish(std::uint64_t bytes) override;
  Result<void> forget() override { return {}; }
  const std::vector<std::string>& remarks() const override;
  void interrupt() override;

  StreamSink(StreamSink&&) noexcept;
  ~StreamSink() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pshare
