// Standard input as the source of a transfer: its length is not known until it ends, and what was read can be read only once. So each
// chunk is kept in memory until the other side has it on disk; reading waits while stream_window bytes are kept.
#pragma once

#include <memory>
#include <string>

#include "transfer/disk/handle.hpp"
#include "transfer/io/chunk_reader.hpp"
#include "transfer/manifest.hpp"

namespace pshare {

class StreamSource final : public ChunkReader {
 public:
  /// `native` stays the caller's and lives longer. `name` is what the file is called on the other side. Nothing is read before start().
  /// Errors: malformed (the name), local_io.
  static Result<StreamSource> from(Handle::Native native, const std::string& name, std::uint64_t chunk_size = default_chunk_size);

  const Manifest& manifest() const override;
  std::uint64_t length(ChunkIndex chunk) const override;
  Result<void> read(ChunkIndex chunk, std::span<std::byte> out) const override;

  bool stream() const override { return true; }
  void start(std::function<void()> changed) override;
  Growth growth() const override;  // bytes: in whole chunks until it has ended
  void release_before(ChunkIndex chunk) override;

  StreamSource(StreamSource&&) noexcept;
  ~StreamSource() override;  // ends its thread, even while it waits for input

 private:
  struct State;
  std::unique_ptr<State> state_;
  explicit StreamSource(std::unique_ptr<State> state);
};

}  // namespace pshare
