// Where the receiving session puts its bytes: files (file_sink.hpp) or a descriptor such as standard output (stream_sink.hpp).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "transfer/manifest.hpp"
#include "transfer/receiver.hpp"
#include "wire/ids.hpp"
#include "wire/result.hpp"

namespace pshare {

/// All calls block, so they belong in a worker pool. store() and store_zeros() may be called from several threads at once, and
/// while sync() runs; the others one at a time.
class Sink {
 public:
  virtual ~Sink() = default;

  /// Room for `bytes` more? Errors: local_io, "needs 1.2 GB, 300 MB are free in ...".
  virtual Result<void> check_space(std::uint64_t bytes) const = 0;

  /// Prepares to take this transfer. Gives what is here already.
  virtual Result<Receiver::Found> open(const TransferId& transfer, std::shared_ptr<const Manifest> manifest, bool stream) = 0;

  /// Takes the raw bytes of a chunk. Gives the chunks that count as stored by now: this one, or none, or with it others that had to
  /// wait for it (a sink that needs them in order).
  virtual Result<std::vector<ChunkIndex>> store(ChunkIndex chunk, const ChunkHash& hash, ByteView raw) = 0;
  /// The same for a chunk of `length` zeros.
  virtual Result<std::vector<ChunkIndex>> store_zeros(ChunkIndex chunk, const ChunkHash& hash, std::uint64_t length) = 0;
  /// Makes durable all that had been given as stored when this was called; gives those chunks.
  virtual Result<std::vector<ChunkIndex>> sync() = 0;
  /// Chunks of which the sender said that its source holds the same as lies here. Others than were found are ignored.
  virtual Result<void> confirm(const std::vector<ChunkIndex>& same) = 0;

  /// All is durable: brings it into its final form. Can be interrupted anywhere and called again. Gives the final top-level names.
  /// `bytes`: for a stream, its length.
  virtual Result<std::vector<std::string>> finish(std::uint64_t bytes) = 0;
  /// The sender knows that all has arrived: nothing need be kept.
  virtual Result<void> forget() = 0;

  /// What lies here now of a chunk, after finish(), for a receipt. One call at a time. Errors: unsupported (what is written is not to be read
  /// again), local_io, failed (it was left out, or is shorter by now).
  virtual Result<void> read_delivered(ChunkIndex chunk, std::span<std::byte> out) {
    (void)chunk, (void)out;
    return Unexpected{{.code = Errc::unsupported, .doing = "reading again what was received"}};
  }

  /// What is to be told to the user: names that were changed, modes that could not be set.
  virtual const std::vector<std::string>& remarks() const = 0;

  /// Has calls that wait for somebody else (the reader of a pipe) return soon, with an error. From any thread.
  virtual void interrupt() {}
};

}  // namespace pshare
