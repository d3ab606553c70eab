#include "transfer/io/partial_folder.hpp"

#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "transfer/io/disk_trouble.hpp"
#include "transfer/safe_name.hpp"

namespace pshare {

namespace {

constexpr mode_t private_file = 0600;
constexpr mode_t private_folder = 0700;

/// How often the folder may vanish between its making and its locking, because the transfer's last process just removes it.
constexpr int most_vanishings = 8;

constexpr const char* lock_name = "lock";
constexpr const char* manifest_name = "manifest";
constexpr const char* names_name = "names";
constexpr const char* checks_name = "checks";
constexpr const char* data_name = "data";
constexpr std::string_view new_suffix = ".new";

ByteBuffer journal_of(const TransferId& transfer, const PartialFolder::Identity& identity, const ChunkMap& durable) {
  auto bytes = JournalRecord::header(transfer, identity.digest, identity.chunk_size);
  const auto add = [&](const ByteBuffer& record) { bytes.insert(bytes.end(), record.begin(), record.end()); };
  for (ChunkIndex chunk; chunk.number < durable.size(); ++chunk.number)
    if (durable.has(chunk)) add(JournalRecord::written(chunk, ChunkHash{}));
  if (durable.count() > 0) add(JournalRecord::synced());
  return bytes;
}

}  // namespace

Unexpected PartialFolder::trouble(std::string_view doing) const {
  return Unexpected{disk_trouble(std::string{doing} + " in " + shown_, last_system_error())};
}

Result<PartialFolder> PartialFolder::open(int destination, const std::string& shown_destination, const TransferId& transfer) {
  const auto name = std::string{partial_prefix} + "-" + transfer.text();
  const auto shown = shown_destination + "/" + name;
  const auto failed = [&](std::error_code cause) { return Unexpected{disk_trouble("making the folder " + shown, cause)}; };
  for (int vanished = 0; vanished < most_vanishings; ++vanished) {
    if (::mkdirat(destination, name.c_str(), private_folder) != 0 && errno != EEXIST) return failed(last_system_error());
    auto folder = open_beneath(destination, name, O_RDONLY | O_DIRECTORY);
    if (!folder && folder.error().cause.value() == ENOENT) continue;
    if (!folder) return failed(folder.error().cause);
    struct stat status {};
    if (::fstat(folder->fd(), &status) != 0) return failed(last_system_error());
    if (status.st_uid != ::geteuid())
      return Unexpected{{.code = Errc::local_io, .doing = shown + " belongs to somebody else", .hint = "choose another folder with --dir"}};
    if ((status.st_mode & 0777) != private_folder && ::fchmod(folder->fd(), private_folder) != 0) return failed(last_system_error());
    auto lock = open_beneath(folder->fd(), lock_name, O_RDWR | O_CREAT, private_file);
    if (!lock && lock.error().cause.value() == ENOENT) continue;
    if (!lock) return failed(lock.error().cause);
    if (::flock(lock->fd(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return failed(last_system_error());
      return Unexpected{{.code = Errc::busy, .doing = "another pshare is receiving this very transfer into " + shown_destination,
                         .hint = "wait until it has ended, or end it"}};
    }
    if (::fstat(lock->fd(), &status) != 0) return failed(last_system_error());
    if (status.st_nlink == 0) continue;  // locked, but removed meanwhile by the one who held it
    return PartialFolder{*std::move(folder), *std::move(lock), name, shown, transfer};
  }
  return failed(std::make_error_code(std::errc::device_or_resource_busy));
}

Result<std::optional<PartialFolder::Kept>> PartialFolder::load() const {
  const auto none = std::optional<Kept>{};
  const auto manifest = read_whole(folder_.fd(), manifest_name);
  if (!manifest) {
    if (manifest.error().cause.value() == ENOENT) return none;
    return Unexpected{disk_trouble("reading the manifest in " + shown_, manifest.error().cause)};
  }
  const auto head = KeptManifest::head(*manifest);
  if (!head) return none;
  const auto& begin = head->begin;
  const auto chunks = chunks_in(begin.bytes, begin.chunk_size);
  const Identity identity{head->digest, begin.chunk_size};
  const auto belongs = [&](const Result<JournalReplay>& journal) {
    return journal && Identity{journal->manifest_digest, journal->chunk_size} == identity;
  };
  auto journal = JournalFile::replay(folder_.fd(), chunks);
  if (!belongs(journal)) {  // killed between the two renames?
    const auto waiting = read_whole(folder_.fd(), (std::string{JournalFile::name} + std::string{new_suffix}).c_str());
    if (!waiting || !belongs(JournalReplay::read(*waiting, chunks))) return none;
    if (auto placed = put_in_place(JournalFile::name); !placed) return Unexpected{std::move(placed).error()};
    ::unlinkat(folder_.fd(), JournalFile::during_sync, 0);
    journal = JournalFile::replay(folder_.fd(), chunks);
    if (!belongs(journal)) return none;
  }
  return std::optional{Kept{identity, *std::move(journal)}};
}

Result<Manifest> PartialFolder::load_manifest() const {
  const auto bytes = read_whole(folder_.fd(), manifest_name);
  if (!bytes) return Unexpected{disk_trouble("reading the manifest in " + shown_, bytes.error().cause)};
  auto decoded = KeptManifest::decode(*bytes);
  if (!decoded) {
    auto error = std::move(decoded).error();
    error.doing += " in " + shown_;
    return Unexpected{std::move(error)};
  }
  return decoded;
}

std::vector<ChunkIndex> PartialFolder::load_checks(const ChunkHash& digest) const {
  const auto bytes = read_whole(folder_.fd(), checks_name);
  return bytes ? decode_kept_checks(*bytes, digest) : std::vector<ChunkIndex>{};
}

Result<void> PartialFolder::write_new(const std::string& name, ByteView bytes) const {
  const auto file = open_beneath(folder_.fd(), name + std::string{new_suffix}, O_WRONLY | O_CREAT | O_TRUNC, private_file);
  if (!file) return Unexpected{disk_trouble("writing " + name + " in " + shown_, file.error().cause)};
  if (auto written = write_at(file->fd(), bytes.data(), bytes.size(), 0); !written)
    return Unexpected{disk_trouble("writing " + name + " in " + shown_, written.error().cause)};
  if (::fsync(file->fd()) != 0) return trouble("writing " + name);
  return {};
}

Result<void> PartialFolder::put_in_place(const std::string& name) const {
  const auto from = name + std::string{new_suffix};
  if (::renameat(folder_.fd(), from.c_str(), folder_.fd(), name.c_str()) != 0 || ::fsync(folder_.fd()) != 0)
    return trouble("writing " + name);
  return {};
}

Result<void> PartialFolder::replace_state(const Manifest& manifest, const Identity& identity, const ChunkMap& durable,
                                          const std::vector<ChunkIndex>& checks) {
  if (auto written = write_new(checks_name, encode_kept_checks(identity.digest, checks)); !written) return written;
  if (auto placed = put_in_place(checks_name); !placed) return placed;
  if (auto written = write_new(manifest_name, KeptManifest::encode(transfer_, manifest, identity.digest)); !written) return written;
  if (auto written = write_new(JournalFile::name, journal_of(transfer_, identity, durable)); !written) return written;
  if (auto placed = put_in_place(manifest_name); !placed) return placed;
  if (auto placed = put_in_place(JournalFile::name); !placed) return placed;
  ::unlinkat(folder_.fd(), JournalFile::during_sync, 0);
  ::unlinkat(folder_.fd(), names_name, 0);
  return {};
}

Result<void> PartialFolder::replace_journal(const Identity& identity, const ChunkMap& durable) {
  if (auto written = write_new(JournalFile::name, journal_of(transfer_, identity, durable)); !written) return written;
  if (auto placed = put_in_place(JournalFile::name); !placed) return placed;
  ::unlinkat(folder_.fd(), JournalFile::during_sync, 0);
  return {};
}

Result<JournalFile> PartialFolder::append_to_journal(std::uint64_t valid_bytes) const {
  auto journal = JournalFile::append_to(folder_.fd(), valid_bytes);
  if (!journal) return Unexpected{disk_trouble("writing the journal in " + shown_, journal.error().cause)};
  return journal;
}

Result<void> PartialFolder::save_names(const std::vector<FinalName>& names) {
  if (auto written = write_new(names_name, encode_final_names(names)); !written) return written;
  return put_in_place(names_name);
}

Result<std::vector<FinalName>> PartialFolder::load_names() const {
  const auto bytes = read_whole(folder_.fd(), names_name);
  if (!bytes) return Unexpected{disk_trouble("reading the names in " + shown_, bytes.error().cause)};
  auto names = decode_final_names(*bytes);
  if (!names) return Unexpected{{.code = Errc::malformed, .doing = "reading the names in " + shown_}};
  return *std::move(names);
}

Result<Handle> PartialFolder::data() const {
  if (::mkdirat(folder_.fd(), data_name, private_folder) != 0 && errno != EEXIST) return trouble("making data");
  auto opened = open_beneath(folder_.fd(), data_name, O_RDONLY | O_DIRECTORY);
  if (!opened) return Unexpected{disk_trouble("opening data in " + shown_, opened.error().cause)};
  return opened;
}

Result<void> PartialFolder::remove(int destination) const {
  // The journal goes after the data it speaks of, and before all else: without it the folder is an empty one.
  for (const auto* name : {data_name, JournalFile::name})
    if (auto removed = remove_tree(folder_.fd(), name); !removed)
      return Unexpected{disk_trouble("removing " + shown_, removed.error().cause)};
  if (auto removed = remove_tree(destination, name_); !removed)
    return Unexpected{disk_trouble("removing " + shown_, removed.error().cause)};
  return {};
}

}  // namespace pshare
