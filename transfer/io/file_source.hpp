// The sender's files: walks what the user named into a manifest, then reads chunks of it, noticing every change meanwhile.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "transfer/io/chunk_reader.hpp"
#include "transfer/manifest.hpp"
#include "wire/result.hpp"

namespace pshare {

/// Something named by the user or found in a tree that does not travel, and why ("a link that leads outside", "a device").
struct Skipped {
  std::string path, why;
};

class FileSource final : public ChunkReader {
 public:
  struct Settings {
    std::vector<std::filesystem::path> paths;   // files or directories; a link that was named itself is followed
    std::vector<std::string> excludes;          // patterns of transfer/exclusion.hpp
    std::uint64_t chunk_size = 0;               // 0: chosen by the size of the transfer
  };
  /// Walks the tree; opens nothing but directories, and checks that every file could be opened. Blocking: give it to the worker pool.
  /// Errors: local_io with the path (not there, not readable), usage (two things of one name, nothing left to send), limit.
  static Result<FileSource> walk(const Settings& settings);

  const Manifest& manifest() const override;
  const std::vector<Skipped>& skipped() const;

  std::uint64_t length(ChunkIndex chunk) const override;
  /// Errors: source_changed (shrunk, grown, replaced, rewritten since the walk: its version differs before or after reading), local_io.
  Result<void> read(ChunkIndex chunk, std::span<std::byte> out) const override;

  FileSource(FileSource&&) noexcept;
  ~FileSource() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
  explicit FileSource(std::unique_ptr<State> state);
};

}  // namespace pshare
