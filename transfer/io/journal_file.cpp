#include "transfer/io/journal_file.hpp"

#include <algorithm>
#include <cassert>

#include "transfer/disk/file.hpp"

namespace pshare {

Result<ByteBuffer> read_whole(const Handle& folder, const std::string& name) {
  const auto file = open_beneath(folder, name, {.access = Access::read});
  if (!file) return Unexpected{file.error()};
  const auto facts = facts_of(*file);
  if (!facts) return Unexpected{facts.error()};
  ByteBuffer bytes(static_cast<std::size_t>(facts->size));
  const auto got = read_at(*file, bytes.data(), bytes.size(), 0);
  if (!got) return Unexpected{got.error()};
  bytes.resize(*got);
  return bytes;
}

Result<JournalReplay> JournalFile::replay(const Handle& folder, std::uint64_t chunks) {
  auto bytes = read_whole(folder, name);
  if (!bytes) return Unexpected{std::move(bytes).error()};
  auto first = JournalReplay::read(*bytes, chunks);
  const auto next = read_whole(folder, during_sync);
  if (!first || !next || next->empty()) return first;
  const auto valid_bytes = first->valid_bytes;
  bytes->resize(valid_bytes);
  bytes->insert(bytes->end(), next->begin(), next->end());
  auto both = JournalReplay::read(*bytes, chunks);
  if (both) both->valid_bytes = valid_bytes;  // of the first file, where its torn end is to be cut off
  return both;
}

Result<JournalFile> JournalFile::append_to(const Handle& folder, std::uint64_t valid_bytes) {
  auto first = open_beneath(folder, name, {.access = Access::append});
  if (!first) return Unexpected{std::move(first).error()};
  if (auto cut = set_size(*first, valid_bytes); !cut) return Unexpected{std::move(cut).error()};
  if (const auto kept = read_whole(folder, during_sync))
    if (auto taken_over = append(*first, *kept); !taken_over) return Unexpected{std::move(taken_over).error()};
  auto second = open_beneath(folder, during_sync, {.access = Access::append, .create = true, .empty = true});
  if (!second) return Unexpected{std::move(second).error()};
  return JournalFile{*std::move(first), *std::move(second)};
}

Result<void> JournalFile::written(ChunkIndex chunk, const ChunkHash& hash) {
  const auto record = JournalRecord::written(chunk, hash);
  const std::lock_guard lock{mutex_};
  if (!syncing_) return append(first_, record);
  held_apart_.insert(held_apart_.end(), record.begin(), record.end());
  return append(second_, record);
}

void JournalFile::sync_begins() {
  const std::lock_guard lock{mutex_};
  assert(!syncing_);
  syncing_ = true;
}

Result<void> JournalFile::sync_ended() {
  {
    const std::lock_guard lock{mutex_};
    assert(syncing_);
    auto records = JournalRecord::synced();
    records.insert(records.end(), held_apart_.begin(), held_apart_.end());
    if (auto appended = append(first_, records); !appended) return appended;
    if (!held_apart_.empty())
      if (auto emptied = set_size(second_, 0); !emptied) return emptied;
    held_apart_.clear();
    syncing_ = false;
  }
  return sync_data(first_);
}

Result<void> JournalFile::mark(ByteView record) {
  {
    const std::lock_guard lock{mutex_};
    assert(!syncing_);
    if (auto appended = append(first_, record); !appended) return appended;
  }
  return sync_data(first_);
}

JournalFile::JournalFile(JournalFile&& other) noexcept : first_(std::move(other.first_)), second_(std::move(other.second_)) {}

}  // namespace pshare
