// The hidden folder that holds a transfer until it is complete (see transfer/io/file_sink.hpp for what lies in it): made, locked,
// and its state (manifest and journal) replaced so that a kill at any moment leaves the old state or the new one.
//
// Manifest and journal are two files, so they cannot be replaced in one step. Both name the manifest's digest; the order is
//   manifest.new, journal.new written and synced | manifest.new -> manifest | journal.new -> journal
// and a journal that does not belong to the manifest is completed from journal.new, which then does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "transfer/disk/folder.hpp"
#include "transfer/io/journal_file.hpp"
#include "transfer/journal.hpp"
#include "transfer/kept_state.hpp"
#include "transfer/manifest.hpp"
#include "wire/result.hpp"

namespace pshare {

class PartialFolder {
 public:
  /// What tells one state from another.
  struct Identity {
    ChunkHash digest{};
    std::uint64_t chunk_size = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
  };

  /// Finds or makes it, with its lock. `shown`: the destination's path, for words. Errors: busy, local_io.
  static Result<PartialFolder> open(const Handle& destination, const std::string& shown, const TransferId& transfer);

  struct Kept {
    Identity identity;
    JournalReplay journal;
  };
  /// Nothing when there is no state, or none that can be understood.
  Result<std::optional<Kept>> load() const;
  Result<Manifest> load_manifest() const;
  /// Chunks to compare with the sender, noted when the state of this digest was written.
  std::vector<ChunkIndex> load_checks(const ChunkHash& digest) const;

  /// A new state: `durable` chunks and nothing else. Their hashes need not be kept: nobody asks for those of a durable chunk.
  Result<void> replace_state(const Manifest& manifest, const Identity& identity, const ChunkMap& durable, const std::vector<ChunkIndex>& checks);
  /// The journal alone, without what turned out not to hold.
  Result<void> replace_journal(const Identity& identity, const ChunkMap& durable);
  Result<JournalFile> append_to_journal(std::uint64_t valid_bytes) const;

  Result<void> save_names(const std::vector<FinalName>& names);
  Result<std::vector<FinalName>> load_names() const;

  /// The directory `data`, made if need be.
  Result<Handle> data() const;
  /// Removes it all. Nothing can be done with it afterwards.
  Result<void> remove(const Handle& destination);

  const std::string& shown() const { return shown_; }

 private:
  PartialFolder(Handle folder, Handle lock, std::string name, std::string shown, TransferId transfer)
      : folder_(std::move(folder)), lock_(std::move(lock)), name_(std::move(name)), shown_(std::move(shown)), transfer_(transfer) {}

  Result<void> write_new(const std::string& name, ByteView bytes) const;
  Result<void> put_in_place(const std::string& name) const;
  Unexpected trouble(std::string_view doing, std::error_code cause) const;

  Handle folder_, lock_;
  std::string name_, shown_;
  TransferId transfer_;
};

}  // namespace pshare
