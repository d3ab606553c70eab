#include "transfer/io/file_sink.hpp"

#include <algorithm>
#include <cassert>
#include <map>
#include <mutex>
#include <optional>

#include "transfer/checksum.hpp"
#include "transfer/disk/folder.hpp"
#include "transfer/io/carry_over.hpp"
#include "transfer/io/data_tree.hpp"
#include "transfer/io/delivered_files.hpp"
#include "transfer/io/disk_trouble.hpp"
#include "transfer/io/journal_file.hpp"
#include "transfer/io/partial_folder.hpp"
#include "wire/native_path.hpp"
#include "wire/units.hpp"

namespace pshare {

struct FileSink::State {
  using Phase = JournalReplay::Phase;

  /// What is known to be here when a transfer is opened.
  struct Standing {
    ChunkMap durable;
    std::vector<ChunkIndex> to_check;
    Phase phase = Phase::receiving;
  };

  Result<Standing> take_up(const PartialFolder::Identity& identity, const TransferId& transfer);
  Result<Standing> begin_anew(const PartialFolder::Identity& identity);
  Result<Standing> resume(const PartialFolder::Kept& kept);
  Result<Standing> migrate(const PartialFolder::Kept& kept, const PartialFolder::Identity& identity);
  Result<ChunkMap> verified(const JournalReplay& replay, const std::shared_ptr<const Manifest>& of);
  bool was_delivered() const;
  void drop_what_is_gone(const DataTree::Present& present, ChunkMap& durable) const;
  Result<std::vector<HaveCheck::Item>> hash_all(const std::vector<ChunkIndex>& chunks, const ChunkMap& durable) const;
  Result<std::vector<ChunkIndex>> note_stored(ChunkIndex chunk, const ChunkHash& hash);
  Result<std::unique_ptr<DataTree>> tree_of(std::shared_ptr<const Manifest> of) const;

  Handle destination;
  std::string shown;
  OnConflict on_conflict = OnConflict::rename;
  Placement::Watcher watcher = [](std::string_view) {};

  std::shared_ptr<const Manifest> manifest;  // shared with the receiving core
  bool stream = false;
  std::optional<PartialFolder> folder;
  std::optional<JournalFile> journal;
  std::unique_ptr<DataTree> tree;
  Phase phase = Phase::receiving;
  std::map<ChunkIndex, ChunkHash> offered;  // to be compared by the sender
  std::optional<DeliveredFiles> delivered;  // once something is read from under the final names
  std::vector<std::string> remarks;

  std::mutex mutex;                         // guards what follows
  std::vector<ChunkIndex> unsynced;
};

// --- opening --------------------------------------------------------------------------------------------------------

Result<FileSink> FileSink::at(const std::filesystem::path& destination, OnConflict on_conflict) {
  auto state = std::make_unique<State>();
  state->shown = text_of(destination.has_filename() ? destination : destination.parent_path());  // without a slash at its end
  state->on_conflict = on_conflict;
  auto opened = open_named(destination, {.access = Access::list});
  if (!opened) {
    const auto cause = opened.error().cause;
    auto error = disk_trouble("opening the folder " + state->shown, cause);
    if (cause == std::errc::no_such_file_or_directory || cause == std::errc::not_a_directory) error.hint = "make that folder first, or name another with --dir";
    return Unexpected{std::move(error)};
  }
  state->destination = *std::move(opened);
  if (auto writable = check_writable(state->destination); !writable)
    return Unexpected{disk_trouble("writing in " + state->shown, writable.error().cause)};
  return FileSink{std::move(state)};
}

Result<void> FileSink::check_space(std::uint64_t bytes) const {
  const auto free = free_space(state_->destination);
  if (!free) return Unexpected{disk_trouble("asking for the free space in " + state_->shown, free.error().cause)};
  if (bytes <= *free) return {};
  return Unexpected{{.code = Errc::local_io,
                     .doing = "the disk is too full: " + size_words(bytes) + " are needed, " + size_words(*free) + " are free in " + state_->shown,
                     .hint = "make room, or choose another folder with --dir; everything received so far is kept"}};
}

bool FileSink::State::was_delivered() const {
  const auto names = folder->load_names();
  if (!names) return false;
  return std::all_of(names->begin(), names->end(), [&](const FinalName& each) { return kind_at(destination, each.name).has_value(); });
}

Result<std::unique_ptr<DataTree>> FileSink::State::tree_of(std::shared_ptr<const Manifest> of) const {
  auto data = folder->data();
  if (!data) return Unexpected{std::move(data).error()};
  return std::make_unique<DataTree>(*std::move(data), std::move(of), stream, folder->shown() + "/data");
}

/// The durable chunks, and those that were written and not synced but have their hash: after a kill they are still in the system's
/// cache (and brought to disk here), after a power cut they are not.
Result<ChunkMap> FileSink::State::verified(const JournalReplay& replay, const std::shared_ptr<const Manifest>& of) {
  auto durable = replay.durable;
  if (replay.hashes.size() == durable.count()) return durable;
  const auto looked_at = tree_of(of);
  if (!looked_at) return Unexpected{looked_at.error()};
  ByteBuffer raw;
  for (const auto& [chunk, hash] : replay.hashes) {
    if (durable.has(chunk)) continue;
    raw.resize(of->length(chunk));
    const auto whole = (*looked_at)->read(chunk, raw);
    if (!whole) return Unexpected{whole.error()};
    if (*whole && hash_of(raw) == hash) durable.set(chunk);
  }
  if (auto synced = (*looked_at)->sync((*looked_at)->everything()); !synced) return Unexpected{std::move(synced).error()};
  return durable;
}

Result<FileSink::State::Standing> FileSink::State::begin_anew(const PartialFolder::Identity& identity) {
  const ChunkMap nothing{manifest->chunks()};
  if (auto replaced = folder->replace_state(*manifest, identity, nothing, {}); !replaced) return Unexpected{std::move(replaced).error()};
  return Standing{nothing, {}, Phase::receiving};
}

Result<FileSink::State::Standing> FileSink::State::resume(const PartialFolder::Kept& kept) {
  const auto phase_then = kept.journal.phase;
  if (phase_then == Phase::finished && !was_delivered()) return begin_anew(kept.identity);
  if (phase_then == Phase::finishing && !folder->load_names()) return begin_anew(kept.identity);
  if (phase_then != Phase::receiving) return Standing{kept.journal.durable, {}, phase_then};
  auto durable = verified(kept.journal, manifest);
  if (!durable) return Unexpected{std::move(durable).error()};
  // Those that did not hold must not stand before the next "synced".
  watcher("journal");
  if (kept.journal.hashes.size() != kept.journal.durable.count())
    if (auto replaced = folder->replace_journal(kept.identity, *durable); !replaced) return Unexpected{std::move(replaced).error()};
  return Standing{*std::move(durable), folder->load_checks(kept.identity.digest), Phase::receiving};
}

Result<FileSink::State::Standing> FileSink::State::migrate(const PartialFolder::Kept& kept, const PartialFolder::Identity& identity) {
  auto loaded = folder->load_manifest();
  if (!loaded) return begin_anew(identity);
  const auto before = std::make_shared<const Manifest>(*std::move(loaded));
  const auto durable_before = verified(kept.journal, before);
  if (!durable_before) return Unexpected{durable_before.error()};
  auto carried = carry_over(*before, *durable_before, *manifest);
  watcher("state");
  if (auto replaced = folder->replace_state(*manifest, identity, carried.durable, carried.to_check); !replaced)
    return Unexpected{std::move(replaced).error()};
  return Standing{std::move(carried.durable), std::move(carried.to_check), Phase::receiving};
}

Result<FileSink::State::Standing> FileSink::State::take_up(const PartialFolder::Identity& identity, const TransferId& transfer) {
  auto opened = PartialFolder::open(destination, shown, transfer);
  if (!opened) return Unexpected{std::move(opened).error()};
  folder.emplace(*std::move(opened));
  const auto kept = folder->load();
  if (!kept) return Unexpected{kept.error()};
  if (stream || !*kept) return begin_anew(identity);  // a stream that came before was another one
  return (*kept)->identity == identity ? resume(**kept) : migrate(**kept, identity);
}

/// The journal may speak of files that are gone: moved by a delivery that was interrupted, or deleted by the user.
void FileSink::State::drop_what_is_gone(const DataTree::Present& present, ChunkMap& durable) const {
  const auto is_here = [&](const Segment& segment) {
    // A sparse file ends where its last data does, until it is completed.
    return manifest->entry(segment.entry).sparse || present.sizes[segment.entry.number] >= segment.offset + segment.length;
  };
  for (ChunkIndex chunk; chunk.number < durable.size(); ++chunk.number) {
    if (!durable.has(chunk)) continue;
    const auto segments = manifest->segments(chunk);
    if (!std::all_of(segments.begin(), segments.end(), is_here)) durable.clear(chunk);
  }
}

Result<std::vector<HaveCheck::Item>> FileSink::State::hash_all(const std::vector<ChunkIndex>& chunks, const ChunkMap& durable) const {
  std::vector<HaveCheck::Item> items;
  ByteBuffer raw;
  for (const auto chunk : chunks) {
    if (chunk.number >= manifest->chunks() || durable.has(chunk)) continue;
    raw.resize(manifest->length(chunk));
    const auto whole = tree->read(chunk, raw);
    if (!whole) return Unexpected{whole.error()};
    if (*whole) items.push_back({chunk, hash_of(raw)});
  }
  return items;
}

Result<Receiver::Found> FileSink::open(const TransferId& transfer, std::shared_ptr<const Manifest> manifest, bool stream) {
  auto& state = *state_;
  assert(!state.folder);
  state.manifest = std::move(manifest);
  state.stream = stream;
  const PartialFolder::Identity identity{state.manifest->encode([](ByteView) {}), state.manifest->chunk_size()};
  auto standing = state.take_up(identity, transfer);
  if (!standing) return Unexpected{std::move(standing).error()};
  state.phase = standing->phase;
  Receiver::Found found{.durable = std::move(standing->durable), .checks = {}, .finished = state.phase == State::Phase::finished, .names = {}};
  if (found.finished) {
    const auto names = state.folder->load_names();
    if (!names) return Unexpected{names.error()};
    for (const auto& each : *names)
      if (each.how != FinalName::How::dropped) found.names.push_back(each.name);
    return found;
  }
  auto tree = state.tree_of(state.manifest);
  if (!tree) return Unexpected{std::move(tree).error()};
  state.tree = *std::move(tree);
  if (state.phase == State::Phase::receiving) {
    state.watcher("sweep");
    const auto present = state.tree->sweep();
    if (!present) return Unexpected{present.error()};
    state.drop_what_is_gone(*present, found.durable);
    if (auto room = check_space(state.tree->room_needed(*present)); !room) return Unexpected{std::move(room).error()};
    state.watcher("prepare");
    if (auto prepared = state.tree->prepare(); !prepared) return Unexpected{std::move(prepared).error()};
    auto checks = state.hash_all(standing->to_check, found.durable);
    if (!checks) return Unexpected{std::move(checks).error()};
    found.checks = *std::move(checks);
    for (const auto& item : found.checks) state.offered.emplace(item.chunk, item.hash);
  }
  const auto kept = state.folder->load();
  if (!kept) return Unexpected{kept.error()};
  assert(*kept);
  auto journal = state.folder->append_to_journal((*kept)->journal.valid_bytes);
  if (!journal) return Unexpected{std::move(journal).error()};
  state.journal.emplace(*std::move(journal));
  return found;
}

// --- receiving ------------------------------------------------------------------------------------------------------

Result<std::vector<ChunkIndex>> FileSink::State::note_stored(ChunkIndex chunk, const ChunkHash& hash) {
  if (auto noted = journal->written(chunk, hash); !noted)
    return Unexpected{disk_trouble("writing the journal in " + folder->shown(), noted.error().cause)};
  const std::lock_guard lock{mutex};
  unsynced.push_back(chunk);
  return std::vector{chunk};
}

Result<std::vector<ChunkIndex>> FileSink::store(ChunkIndex chunk, const ChunkHash& hash, ByteView raw) {
  if (auto written = state_->tree->write(chunk, raw); !written) return Unexpected{std::move(written).error()};
  return state_->note_stored(chunk, hash);
}

Result<std::vector<ChunkIndex>> FileSink::store_zeros(ChunkIndex chunk, const ChunkHash& hash, std::uint64_t length) {
  if (auto written = state_->tree->write_zeros(chunk, length); !written) return Unexpected{std::move(written).error()};
  return state_->note_stored(chunk, hash);
}

Result<std::vector<ChunkIndex>> FileSink::sync() {
  auto& state = *state_;
  // In this order: a chunk that is taken here was journalled before the sync begins, and its bytes were written before that.
  std::vector<ChunkIndex> chunks;
  {
    const std::lock_guard lock{state.mutex};
    chunks.swap(state.unsynced);
  }
  state.journal->sync_begins();
  const auto touched = state.tree->take_touched();
  if (auto synced = state.tree->sync(touched); !synced) return Unexpected{std::move(synced).error()};
  if (auto noted = state.journal->sync_ended(); !noted)
    return Unexpected{disk_trouble("writing the journal in " + state.folder->shown(), noted.error().cause)};
  return chunks;
}

Result<void> FileSink::confirm(const std::vector<ChunkIndex>& same) {
  for (const auto chunk : same) {
    const auto found = state_->offered.find(chunk);
    if (found == state_->offered.end()) continue;
    if (auto noted = state_->note_stored(chunk, found->second); !noted) return Unexpected{std::move(noted).error()};
    state_->offered.erase(found);
  }
  return {};
}

// --- finishing ------------------------------------------------------------------------------------------------------

Result<std::vector<std::string>> FileSink::finish(std::uint64_t bytes) {
  auto& state = *state_;
  assert(state.journal && state.tree);
  state.watcher("complete");
  auto begin = Placement::Begin::resumed;
  if (state.phase == State::Phase::receiving) {
    if (auto completed = state.tree->complete(bytes); !completed) return Unexpected{std::move(completed).error()};
    begin = Placement::Begin::anew;
  }
  Placement delivery{state.destination, *state.tree, *state.folder, *state.journal, *state.manifest, state.on_conflict, state.watcher};
  auto names = delivery.run(begin);
  for (const auto* each : {&state.tree->remarks(), &delivery.remarks()}) state.remarks.insert(state.remarks.end(), each->begin(), each->end());
  if (names) state.phase = State::Phase::finished;
  return names;
}

Result<void> FileSink::read_delivered(ChunkIndex chunk, std::span<std::byte> out) {
  auto& state = *state_;
  assert(state.phase == State::Phase::finished && state.folder);
  if (!state.delivered) {
    auto names = state.folder->load_names();
    if (!names) return Unexpected{std::move(names).error()};
    state.delivered.emplace(state.destination, *state.manifest, *std::move(names));
  }
  return state.delivered->read(chunk, out);
}

Result<void> FileSink::forget() {
  if (!state_->folder) return {};
  state_->tree.reset();
  state_->journal.reset();
  if (auto removed = state_->folder->remove(state_->destination); !removed) return removed;
  state_->folder.reset();
  return {};
}

const std::vector<std::string>& FileSink::remarks() const { return state_->remarks; }
void FileSink::watch(Placement::Watcher watcher) { state_->watcher = std::move(watcher); }

FileSink::FileSink(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileSink::FileSink(FileSink&&) noexcept = default;
FileSink::~FileSink() = default;

}  // namespace pshare
