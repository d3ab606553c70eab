#include "transfer/io/data_tree.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "transfer/io/disk_trouble.hpp"
#include "transfer/io/local_target.hpp"

namespace pshare {

namespace {

constexpr std::size_t most_open_files = 16;

/// Holes are left in steps of this: a page, and the block of nearly every file system.
constexpr std::size_t hole_step = 4096;

/// Zeros are written so many at a time.
constexpr std::size_t zeros_at_once = 64 * 1024;
const std::array<std::byte, zeros_at_once> zeros{};

bool all_zero(ByteView bytes) {
  return bytes.empty() || (bytes[0] == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace

DataTree::DataTree(Handle data, std::shared_ptr<const Manifest> manifest, bool stream, std::string shown)
    : data_(std::move(data)), manifest_(std::move(manifest)), names_(*manifest_), stream_(stream), shown_(std::move(shown)),
      files_(most_open_files, [this](EntryIndex file) { return open_to_write(file); }) {}

Unexpected DataTree::trouble(std::string_view doing, EntryIndex entry, std::error_code cause) const {
  return Unexpected{disk_trouble(std::string{doing} + " " + manifest_->path(entry) + " in " + shown_, cause)};
}

// --- before the bytes -----------------------------------------------------------------------------------------------

std::optional<EntryIndex> DataTree::entry_called(const Children& children, std::optional<EntryIndex> folder, const std::string& name) const {
  const auto found = children.find(folder, original_name(this_platform, name));
  return found && names_.name(*found) == name ? found : std::nullopt;
}

Result<DataTree::Present> DataTree::sweep() {
  const Children children{*manifest_};
  Present present{.sizes = std::vector<std::uint64_t>(manifest_->entries())};
  struct Below {
    std::optional<EntryIndex> directory;
    std::string path;
  };
  const auto failed = [&](const Below& here, std::error_code cause) {
    return Unexpected{disk_trouble("looking through " + shown_ + "/" + here.path, cause)};
  };
  std::vector<Below> to_visit{{std::nullopt, ""}};
  while (!to_visit.empty()) {
    const auto here = std::move(to_visit.back());
    to_visit.pop_back();
    const auto handle = open_beneath(data_, here.path, {.access = Access::list});
    if (!handle) return failed(here, handle.error().cause);
    const auto names = names_in(*handle);
    if (!names) return failed(here, names.error().cause);
    for (const auto& name : *names) {
      const auto facts = facts_at(*handle, name);
      if (!facts) return failed(here, facts.error().cause);
      const auto index = entry_called(children, here.directory, name);
      const auto type = index ? std::optional{manifest_->entry(*index).type} : std::nullopt;
      // What has its final mode already (finishing was interrupted) must be writable again.
      if (facts->kind == Kind::folder && type == EntryType::directory) {
        to_visit.push_back({index, here.path.empty() ? name : here.path + "/" + name});
        if (auto opened = reopen(*handle, name); !opened) return failed(here, opened.error().cause);
      } else if (facts->kind == Kind::file && type == EntryType::file) {
        if (auto opened = reopen(*handle, name); !opened) return failed(here, opened.error().cause);
        const auto size = manifest_->entry(*index).size;
        const auto file = open_beneath(*handle, name, {.access = Access::write});
        if (!file) return failed(here, file.error().cause);
        if (facts->size > size)
          if (auto cut = set_size(*file, size); !cut) return failed(here, cut.error().cause);
        present.sizes[index->number] = std::min(facts->size, size);
        present.allocated += std::min(facts->allocated, size);
      } else if (auto removed = remove_tree(*handle, name); !removed) {
        return failed(here, removed.error().cause);
      }
    }
  }
  return present;
}

std::uint64_t DataTree::room_needed(const Present& present) const {
  std::uint64_t needed = 0;
  for (EntryIndex index; index.number < manifest_->entries(); ++index.number) {
    const auto entry = manifest_->entry(index);
    if (entry.type == EntryType::file && !entry.sparse) needed += entry.size;
  }
  return needed - std::min(needed, present.allocated);
}

Result<void> DataTree::allocate(EntryIndex file, std::uint64_t size) const {
  const auto handle = open_to_write(file);
  if (!handle) return Unexpected{handle.error()};
  const auto facts = facts_of(*handle);
  if (facts && facts->size == size && facts->allocated >= size) return {};
  if (auto allocated = pshare::allocate(*handle, size); !allocated) return trouble("making room for", file, allocated.error().cause);
  return {};
}

Result<void> DataTree::prepare() {
  for (EntryIndex index; index.number < manifest_->entries(); ++index.number) {
    const auto entry = manifest_->entry(index);
    if (entry.type == EntryType::directory) {
      const auto place = place_beneath(data_, names_.path(index));
      if (!place) return trouble("making the folder", index, place.error().cause);
      if (auto made = make_folder(place->parent, place->name); !made) return trouble("making the folder", index, made.error().cause);
    } else if (entry.type == EntryType::file && !entry.sparse && entry.size >= allocate_from) {
      if (auto allocated = allocate(index, entry.size); !allocated) return allocated;
    }
  }
  const std::lock_guard lock{mutex_};
  touched_.made_some = true;
  return {};
}

// --- the bytes ------------------------------------------------------------------------------------------------------

std::vector<Segment> DataTree::segments(ChunkIndex chunk, std::uint64_t length) const {
  if (stream_) return {{EntryIndex{0}, chunk.number * manifest_->chunk_size(), length}};
  return manifest_->segments(chunk);
}

Result<Handle> DataTree::open_to_write(EntryIndex file) const {
  auto handle = open_beneath(data_, names_.path(file), {.access = Access::read_write, .create = true});
  if (!handle) return trouble("opening", file, handle.error().cause);
  if (manifest_->entry(file).sparse) allow_holes(*handle);
  return handle;
}

void DataTree::touched(EntryIndex file, bool made) {
  const std::lock_guard lock{mutex_};
  if (whole_file_systems_sync && (made || touched_.files.size() == most_synced_singly)) touched_.made_some = true;
  if (!touched_.made_some || !whole_file_systems_sync) touched_.files.insert(file);
}

// A hole stays a hole where the file does not reach yet; where it does, an older version's bytes may lie there.
Result<void> DataTree::leave_hole(const Handle& file, std::uint64_t offset, std::uint64_t length) const {
  const auto facts = facts_of(file);
  if (!facts) return Unexpected{facts.error()};
  if (offset >= facts->size) return {};
  return make_hole(file, offset, length);
}

Result<void> DataTree::write_sparse(const Handle& file, const Segment& segment, ByteView bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto step_at = [&](std::size_t at) { return bytes.subspan(at, std::min(hole_step, bytes.size() - at)); };
    const bool hole = all_zero(step_at(done));
    auto end = done + step_at(done).size();
    while (end < bytes.size() && all_zero(step_at(end)) == hole) end += step_at(end).size();
    auto written = hole ? leave_hole(file, segment.offset + done, end - done)
                        : write_at(file, bytes.data() + done, end - done, segment.offset + done);
    if (!written) return written;
    done = end;
  }
  return {};
}

Result<void> DataTree::write(const Segment& segment, ByteView bytes) {
  const auto entry = manifest_->entry(segment.entry);
  // Small files, whole in one chunk, are not worth a place among the open ones.
  const bool spans = stream_ || segment.length < entry.size;
  std::shared_ptr<const Handle> handle;
  if (spans) {
    auto shared = files_.at(segment.entry);
    if (!shared) return Unexpected{std::move(shared).error()};
    handle = *std::move(shared);
  } else {
    auto own = open_to_write(segment.entry);
    if (!own) return Unexpected{std::move(own).error()};
    handle = std::make_shared<const Handle>(*std::move(own));
  }
  const auto written = entry.sparse ? write_sparse(*handle, segment, bytes)
                                    : write_at(*handle, bytes.data(), bytes.size(), segment.offset);
  if (!written) return trouble("writing", segment.entry, written.error().cause);
  // Only now: whoever takes the touched files to sync them must find these bytes handed to the system.
  touched(segment.entry, !stream_ && entry.size < allocate_from);
  return {};
}

Result<void> DataTree::write(ChunkIndex chunk, ByteView raw) {
  for (const auto& segment : segments(chunk, raw.size())) {
    if (auto written = write(segment, raw.first(segment.length)); !written) return written;
    raw = raw.subspan(segment.length);
  }
  return {};
}

Result<void> DataTree::write_zeros(ChunkIndex chunk, std::uint64_t length) {
  for (const auto& segment : segments(chunk, length))
    for (std::uint64_t done = 0; done < segment.length;) {
      const auto some = std::min<std::uint64_t>(zeros_at_once, segment.length - done);
      if (auto written = write({segment.entry, segment.offset + done, some}, ByteView{zeros}.first(some)); !written) return written;
      done += some;
    }
  return {};
}

Result<bool> DataTree::read(ChunkIndex chunk, std::span<std::byte> out) const {
  for (const auto& segment : segments(chunk, out.size())) {
    const auto file = open_beneath(data_, names_.path(segment.entry), {.access = Access::read});
    const bool sparse = manifest_->entry(segment.entry).sparse;  // what is not there of it is a hole
    std::size_t got = 0;
    if (file) {
      const auto count = read_at(*file, out.data(), segment.length, segment.offset);
      if (!count) return trouble("reading", segment.entry, count.error().cause);
      got = *count;
    } else if (file.error().cause != std::errc::no_such_file_or_directory) {
      return trouble("reading", segment.entry, file.error().cause);
    }
    if (got < segment.length && !sparse) return false;
    std::ranges::fill(out.subspan(got, segment.length - got), std::byte{0});
    out = out.subspan(segment.length);
  }
  return true;
}

DataTree::Touched DataTree::take_touched() {
  const std::lock_guard lock{mutex_};
  return std::exchange(touched_, {});
}

DataTree::Touched DataTree::everything() const {
  Touched all{.made_some = true};
  for (EntryIndex index; !whole_file_systems_sync && index.number < manifest_->entries(); ++index.number)
    if (manifest_->entry(index).type == EntryType::file) all.files.insert(index);
  return all;
}

Result<void> DataTree::sync(const Touched& touched) {
  if (touched.made_some && whole_file_systems_sync) {
    if (auto synced = sync_all(data_); !synced) return Unexpected{disk_trouble("syncing " + shown_, synced.error().cause)};
    return {};
  }
  for (const auto file : touched.files) {
    const auto handle = files_.at(file);
    if (!handle) return Unexpected{handle.error()};
    if (auto synced = sync_data(**handle); !synced) return trouble("syncing", file, synced.error().cause);
  }
  return {};
}

// --- after the bytes ------------------------------------------------------------------------------------------------

Result<void> DataTree::complete_file(EntryIndex file, std::uint64_t size) const {
  const auto entry = manifest_->entry(file);
  const bool may_be_missing = size == 0 || entry.sparse;
  auto handle = open_beneath(data_, names_.path(file), {.access = Access::read_write, .create = may_be_missing});
  if (!handle && handle.error().cause == std::errc::permission_denied) return {};  // it has its final mode: done before an interruption
  if (!handle) return trouble("completing", file, handle.error().cause);
  const auto facts = facts_of(*handle);
  if (!facts) return trouble("completing", file, facts.error().cause);
  if (facts->size != size) {
    if (!entry.sparse && !stream_)  // a sparse file may end in a hole, and a stream has learned its length only now
      return Unexpected{{.code = Errc::local_io, .doing = manifest_->path(file) + " in " + shown_ + " has not the size it was written with",
                         .hint = "somebody else changed it: remove that folder and run the same command again"}};
    if (auto sized = set_size(*handle, size); !sized) return trouble("completing", file, sized.error().cause);
  }
  if (!whole_file_systems_sync && may_be_missing)
    if (auto synced = pshare::sync(*handle); !synced) return trouble("syncing", file, synced.error().cause);
  if (auto set = set_mtime(*handle, entry.mtime); !set) return trouble("setting the time of", file, set.error().cause);
  if (auto set = set_mode(*handle, entry.mode); !set) return trouble("setting the mode of", file, set.error().cause);
  return {};
}

Result<void> DataTree::complete_link(EntryIndex link, const Children& children) {
  const auto entry = manifest_->entry(link);
  const auto place = place_beneath(data_, names_.path(link));
  if (!place) return trouble("making the link", link, place.error().cause);
  // What an interrupted run left may be another link; making it anew costs nothing.
  const auto target = local_target(*manifest_, names_, children, link);
  const auto made = make_link(*place, target.text, target.to_folder, entry.mtime);
  if (!made && this_platform == Platform::windows && made.error().cause == std::errc::operation_not_permitted) {
    remarks_.push_back("the link " + manifest_->path(link) + " to " + std::string{entry.target} +
                       " was left out: Windows lets you make links only in its developer mode, or as an administrator");
    return {};
  }
  if (!made) return trouble("making the link", link, made.error().cause);
  return {};
}

Result<void> DataTree::complete(std::uint64_t bytes) {
  if (!whole_file_systems_sync)
    if (auto synced = sync(take_touched()); !synced) return synced;
  files_.close_all();
  remarks_ = remarks_on(names_, *manifest_);
  for (EntryIndex index; index.number < manifest_->entries(); ++index.number) {
    const auto entry = manifest_->entry(index);
    if (entry.type != EntryType::file) continue;
    if (auto done = complete_file(index, stream_ ? bytes : entry.size); !done) return done;
  }
  // Links last: until here there is none in the whole tree.
  const Children children{*manifest_};
  for (EntryIndex index; index.number < manifest_->entries(); ++index.number)
    if (manifest_->entry(index).type == EntryType::symlink)
      if (auto done = complete_link(index, children); !done) return done;
  if (auto synced = sync_all(data_); !synced) return Unexpected{disk_trouble("syncing " + shown_, synced.error().cause)};
  return {};
}

}  // namespace pshare
