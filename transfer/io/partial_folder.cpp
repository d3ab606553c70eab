#include "transfer/io/partial_folder.hpp"

#include <array>
#include <tuple>

#include "transfer/io/disk_trouble.hpp"
#include "transfer/safe_name.hpp"

namespace pshare {

namespace {

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

Unexpected PartialFolder::trouble(std::string_view doing, std::error_code cause) const {
  return Unexpected{disk_trouble(std::string{doing} + " in " + shown_, cause)};
}

Result<PartialFolder> PartialFolder::open(const Handle& destination, const std::string& shown_destination, const TransferId& transfer) {
  const auto name = std::string{partial_prefix} + "-" + transfer.text();
  const auto shown = shown_destination + "/" + name;
  const auto failed = [&](std::error_code cause) { return Unexpected{disk_trouble("making the folder " + shown, cause)}; };
  for (int vanished = 0; vanished < most_vanishings; ++vanished) {
    if (auto made = make_folder(destination, name); !made) return failed(made.error().cause);
    auto folder = open_beneath(destination, name, {.access = Access::list});
    if (!folder && folder.error().cause == std::errc::no_such_file_or_directory) continue;
    if (!folder) return failed(folder.error().cause);
    const auto ours = is_ours(*folder);
    if (!ours) return failed(ours.error().cause);
    if (!*ours)
      return Unexpected{{.code = Errc::local_io, .doing = shown + " belongs to somebody else", .hint = "choose another folder with --dir"}};
    if (auto opened = reopen(*folder); !opened) return failed(opened.error().cause);
    auto lock = open_beneath(*folder, lock_name, {.access = Access::read_write, .create = true});
    if (!lock && lock.error().cause == std::errc::no_such_file_or_directory) continue;
    if (!lock) return failed(lock.error().cause);
    const auto locked = try_lock(*lock);
    if (!locked) return failed(locked.error().cause);
    if (!*locked)
      return Unexpected{{.code = Errc::busy, .doing = "another pshare is receiving this very transfer into " + shown_destination,
                         .hint = "wait until it has ended, or end it"}};
    const auto still_there = has_a_name(*lock);
    if (!still_there) return failed(still_there.error().cause);
    if (!*still_there) continue;  // locked, but removed meanwhile by the one who held it
    return PartialFolder{*std::move(folder), *std::move(lock), name, shown, transfer};
  }
  return failed(std::make_error_code(std::errc::device_or_resource_busy));
}

Result<std::optional<PartialFolder::Kept>> PartialFolder::load() const {
  const auto none = std::optional<Kept>{};
  const auto manifest = read_whole(folder_, manifest_name);
  if (!manifest) {
    if (manifest.error().cause == std::errc::no_such_file_or_directory) return none;
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
  auto journal = JournalFile::replay(folder_, chunks);
  if (!belongs(journal)) {  // killed between the two renames?
    const auto waiting = read_whole(folder_, JournalFile::name + std::string{new_suffix});
    if (!waiting || !belongs(JournalReplay::read(*waiting, chunks))) return none;
    if (auto placed = put_in_place(JournalFile::name); !placed) return Unexpected{std::move(placed).error()};
    std::ignore = remove_name(folder_, JournalFile::during_sync);
    journal = JournalFile::replay(folder_, chunks);
    if (!belongs(journal)) return none;
  }
  return std::optional{Kept{identity, *std::move(journal)}};
}

Result<Manifest> PartialFolder::load_manifest() const {
  const auto bytes = read_whole(folder_, manifest_name);
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
  const auto bytes = read_whole(folder_, checks_name);
  return bytes ? decode_kept_checks(*bytes, digest) : std::vector<ChunkIndex>{};
}

Result<void> PartialFolder::write_new(const std::string& name, ByteView bytes) const {
  const auto file = open_beneath(folder_, name + std::string{new_suffix}, {.access = Access::write, .create = true, .empty = true});
  if (!file) return Unexpected{disk_trouble("writing " + name + " in " + shown_, file.error().cause)};
  if (auto written = write_at(*file, bytes.data(), bytes.size(), 0); !written)
    return Unexpected{disk_trouble("writing " + name + " in " + shown_, written.error().cause)};
  if (auto synced = sync(*file); !synced) return trouble("writing " + name, synced.error().cause);
  return {};
}

Result<void> PartialFolder::put_in_place(const std::string& name) const {
  const auto from = place_beneath(folder_, name + std::string{new_suffix}), to = place_beneath(folder_, name);
  if (!from) return trouble("writing " + name, from.error().cause);
  if (!to) return trouble("writing " + name, to.error().cause);
  if (auto renamed = rename_over(*from, *to); !renamed) return trouble("writing " + name, renamed.error().cause);
  if (auto synced = sync(folder_); !synced) return trouble("writing " + name, synced.error().cause);
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
  std::ignore = remove_name(folder_, JournalFile::during_sync);
  std::ignore = remove_name(folder_, names_name);
  return {};
}

Result<void> PartialFolder::replace_journal(const Identity& identity, const ChunkMap& durable) {
  if (auto written = write_new(JournalFile::name, journal_of(transfer_, identity, durable)); !written) return written;
  if (auto placed = put_in_place(JournalFile::name); !placed) return placed;
  std::ignore = remove_name(folder_, JournalFile::during_sync);
  return {};
}

Result<JournalFile> PartialFolder::append_to_journal(std::uint64_t valid_bytes) const {
  auto journal = JournalFile::append_to(folder_, valid_bytes);
  if (!journal) return Unexpected{disk_trouble("writing the journal in " + shown_, journal.error().cause)};
  return journal;
}

Result<void> PartialFolder::save_names(const std::vector<FinalName>& names) {
  if (auto written = write_new(names_name, encode_final_names(names)); !written) return written;
  return put_in_place(names_name);
}

Result<std::vector<FinalName>> PartialFolder::load_names() const {
  const auto bytes = read_whole(folder_, names_name);
  if (!bytes) return Unexpected{disk_trouble("reading the names in " + shown_, bytes.error().cause)};
  auto names = decode_final_names(*bytes);
  if (!names) return Unexpected{{.code = Errc::malformed, .doing = "reading the names in " + shown_}};
  return *std::move(names);
}

Result<Handle> PartialFolder::data() const {
  if (auto made = make_folder(folder_, data_name); !made) return trouble("making data", made.error().cause);
  auto opened = open_beneath(folder_, data_name, {.access = Access::list});
  if (!opened) return Unexpected{disk_trouble("opening data in " + shown_, opened.error().cause)};
  return opened;
}

Result<void> PartialFolder::remove(const Handle& destination) {
  // The journal goes after the data it speaks of, and before all else: without it the folder is an empty one.
  for (const auto* name : {data_name, JournalFile::name})
    if (auto removed = remove_tree(folder_, name); !removed)
      return Unexpected{disk_trouble("removing " + shown_, removed.error().cause)};
  if (!open_files_can_be_removed) {  // who locks it in between finds an empty folder
    lock_ = Handle{};
    folder_ = Handle{};
  }
  if (auto removed = remove_tree(destination, name_); !removed)
    return Unexpected{disk_trouble("removing " + shown_, removed.error().cause)};
  return {};
}

}  // namespace pshare
