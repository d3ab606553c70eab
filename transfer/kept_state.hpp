// What a partial folder keeps beside its journal, as bytes (transfer/io/partial_folder.hpp has the files): the manifest, the final names, and the
// chunks that are to be compared with the sender. A crash or a bad disk may have left anything in them, so that reading them fails, or gives what is
// within the limits.
//
//   manifest: "pshare manifest 1\n"  transfer 16  entries 8  bytes 8  chunk size 8  stream 1  digest 16, then its parts, each with its length (4) in front
//   names:    how 1  length 2  name, for each top-level entry in order
//   checks:   manifest's digest 16, then chunk numbers of 8
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "transfer/manifest.hpp"
#include "wire/bytes.hpp"
#include "wire/lane_messages.hpp"
#include "wire/result.hpp"

namespace pshare {

struct KeptManifest {
  ManifestBegin begin;
  ChunkHash digest{};

  static ByteBuffer encode(const TransferId& transfer, const Manifest& manifest, const ChunkHash& digest);
  /// The head alone. Nothing for what is no such file, or speaks of a transfer that nobody could have taken (check_announcement): how many chunks there
  /// are decides how much memory is asked for.
  static std::optional<KeptManifest> head(ByteView file);
  /// Errors: malformed, limit.
  static Result<Manifest> decode(ByteView file);
};

/// What becomes of one top-level entry, in the order of the manifest's top-level entries.
struct FinalName {
  enum class How : std::uint8_t { fresh, replace, dropped };  // replace: or merge, for directories
  How how = How::fresh;
  std::string name;
  friend bool operator==(const FinalName&, const FinalName&) = default;
};

ByteBuffer encode_final_names(const std::vector<FinalName>& names);
/// Nothing for what is no such file, or holds what is no name.
std::optional<std::vector<FinalName>> decode_final_names(ByteView file);

ByteBuffer encode_kept_checks(const ChunkHash& digest, const std::vector<ChunkIndex>& chunks);
/// None if they belong to another manifest than that of `digest`. They may lie beyond its chunks.
std::vector<ChunkIndex> decode_kept_checks(ByteView file, const ChunkHash& digest);

}  // namespace pshare
