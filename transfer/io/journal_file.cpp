#include "transfer/io/journal_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>

namespace pshare {

namespace {

constexpr mode_t private_file = 0600;

Unexpected failed() { return Unexpected{{.code = Errc::local_io, .doing = "writing the journal", .cause = last_system_error()}}; }

Result<void> to_disk(const Handle& file) {
  if (::fdatasync(file.fd()) != 0) return failed();
  return {};
}

}  // namespace

Result<void> append(const Handle& file, ByteView bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(file.fd(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failed();
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<ByteBuffer> read_whole(int folder, const char* name) {
  const auto file = open_beneath(folder, name, O_RDONLY);
  if (!file) return Unexpected{file.error()};
  struct stat status {};
  if (::fstat(file->fd(), &status) != 0) return failed();
  ByteBuffer bytes(static_cast<std::size_t>(status.st_size));
  const auto got = read_at(file->fd(), bytes.data(), bytes.size(), 0);
  if (!got) return Unexpected{got.error()};
  bytes.resize(*got);
  return bytes;
}

Result<JournalReplay> JournalFile::replay(int folder, std::uint64_t chunks) {
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

Result<JournalFile> JournalFile::append_to(int folder, std::uint64_t valid_bytes) {
  auto first = open_beneath(folder, name, O_WRONLY | O_APPEND);
  if (!first) return Unexpected{std::move(first).error()};
  if (::ftruncate(first->fd(), static_cast<off_t>(valid_bytes)) != 0) return failed();
  if (const auto kept = read_whole(folder, during_sync))
    if (auto taken_over = append(*first, *kept); !taken_over) return Unexpected{std::move(taken_over).error()};
  auto second = open_beneath(folder, during_sync, O_WRONLY | O_APPEND | O_CREAT | O_TRUNC, private_file);
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
    if (!held_apart_.empty() && ::ftruncate(second_.fd(), 0) != 0) return failed();
    held_apart_.clear();
    syncing_ = false;
  }
  return to_disk(first_);
}

Result<void> JournalFile::mark(ByteView record) {
  {
    const std::lock_guard lock{mutex_};
    assert(!syncing_);
    if (auto appended = append(first_, record); !appended) return appended;
  }
  return to_disk(first_);
}

JournalFile::JournalFile(JournalFile&& other) noexcept : first_(std::move(other.first_)), second_(std::move(other.second_)) {}

}  // namespace pshare
