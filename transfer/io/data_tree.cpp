#include "transfer/io/data_tree.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "transfer/io/carry_over.hpp"
#include "transfer/io/disk_trouble.hpp"

namespace pshare {

namespace {

constexpr mode_t private_file = 0600;
constexpr mode_t private_folder = 0700;
constexpr std::size_t most_open_files = 16;

/// Holes are left in steps of this: a page, and the block of nearly every file system.
constexpr std::size_t hole_step = 4096;

/// Zeros are written so many at a time.
constexpr std::size_t zeros_at_once = 64 * 1024;
const std::array<std::byte, zeros_at_once> zeros{};

bool all_zero(ByteView bytes) {
  return bytes.empty() || (bytes[0] == std::byte{0} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

timespec as_timespec(std::int64_t nanoseconds) {
  constexpr std::int64_t second = 1'000'000'000;
  auto seconds = nanoseconds / second, rest = nanoseconds % second;
  if (rest < 0) --seconds, rest += second;
  return {.tv_sec = seconds, .tv_nsec = rest};
}

/// The access time stays what it is; the modification time becomes the sender's.
std::array<timespec, 2> times_of(const Entry& entry) { return {timespec{0, UTIME_OMIT}, as_timespec(entry.mtime)}; }

}  // namespace

DataTree::DataTree(Handle data, std::shared_ptr<const Manifest> manifest, bool stream, std::string shown)
    : data_(std::move(data)), manifest_(std::move(manifest)), stream_(stream), shown_(std::move(shown)),
      files_(most_open_files, [this](EntryIndex file) { return open_to_write(file); }) {}

Unexpected DataTree::trouble(std::string_view doing, EntryIndex entry, std::error_code cause) const {
  return Unexpected{disk_trouble(std::string{doing} + " " + manifest_->path(entry) + " in " + shown_, cause)};
}

// --- before the bytes -----------------------------------------------------------------------------------------------

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
    const auto handle = open_beneath(data_.fd(), here.path, O_RDONLY | O_DIRECTORY);
    if (!handle) return failed(here, handle.error().cause);
    const auto names = names_in(*handle);
    if (!names) return failed(here, names.error().cause);
    for (const auto& name : *names) {
      struct stat status {};
      if (::fstatat(handle->fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return failed(here, last_system_error());
      const auto index = children.find(here.directory, name);
      const auto type = index ? std::optional{manifest_->entry(*index).type} : std::nullopt;
      if (S_ISDIR(status.st_mode) && type == EntryType::directory) {
        to_visit.push_back({index, here.path.empty() ? name : here.path + "/" + name});
        // It may have its final mode already (finishing was interrupted), and must be writable again.
        if (::fchmodat(handle->fd(), name.c_str(), private_folder, AT_SYMLINK_NOFOLLOW) != 0) return failed(here, last_system_error());
      } else if (S_ISREG(status.st_mode) && type == EntryType::file) {
        if (::fchmodat(handle->fd(), name.c_str(), private_file, AT_SYMLINK_NOFOLLOW) != 0) return failed(here, last_system_error());
        const auto size = manifest_->entry(*index).size;
        const auto file = open_beneath(handle->fd(), name, O_WRONLY);
        if (!file) return failed(here, file.error().cause);
        if (static_cast<std::uint64_t>(status.st_size) > size && ::ftruncate(file->fd(), static_cast<off_t>(size)) != 0)
          return failed(here, last_system_error());
        constexpr std::uint64_t block = 512;  // stat(2)
        present.sizes[index->number] = std::min(static_cast<std::uint64_t>(status.st_size), size);
        present.allocated += std::min(static_cast<std::uint64_t>(status.st_blocks) * block, size);
      } else if (auto removed = remove_tree(handle->fd(), name); !removed) {
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
  struct stat status {};
  constexpr std::uint64_t block = 512;
  if (::fstat(handle->fd(), &status) == 0 && static_cast<std::uint64_t>(status.st_size) == size &&
      static_cast<std::uint64_t>(status.st_blocks) * block >= size)
    return {};
  if (::fallocate(handle->fd(), 0, 0, static_cast<off_t>(size)) == 0) return {};
  if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL) return trouble("making room for", file, last_system_error());
  if (::ftruncate(handle->fd(), static_cast<off_t>(size)) != 0) return trouble("making room for", file, last_system_error());
  return {};
}

Result<void> DataTree::prepare() {
  for (EntryIndex index; index.number < manifest_->entries(); ++index.number) {
    const auto entry = manifest_->entry(index);
    if (entry.type == EntryType::directory) {
      const auto place = place_beneath(data_.fd(), manifest_->path(index));
      if (!place) return trouble("making the folder", index, place.error().cause);
      if (::mkdirat(place->parent.fd(), place->name.c_str(), private_folder) != 0 && errno != EEXIST)
        return trouble("making the folder", index, last_system_error());
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
  auto handle = open_beneath(data_.fd(), manifest_->path(file), O_RDWR | O_CREAT, private_file);
  if (!handle) return trouble("opening", file, handle.error().cause);
  return handle;
}

void DataTree::touched(EntryIndex file, bool made) {
  const std::lock_guard lock{mutex_};
  if (made || touched_.files.size() == most_synced_singly) touched_.made_some = true;
  if (!touched_.made_some) touched_.files.insert(file);
}

// A hole stays a hole where the file does not reach yet; where it does, an older version's bytes may lie there.
Result<void> DataTree::leave_hole(const Handle& file, std::uint64_t offset, std::uint64_t length) const {
  struct stat status {};
  if (::fstat(file.fd(), &status) != 0)
    return Unexpected{{.code = Errc::local_io, .doing = "writing a file", .cause = last_system_error()}};
  if (offset >= static_cast<std::uint64_t>(status.st_size)) return {};
  if (::fallocate(file.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(length)) == 0)
    return {};
  for (std::uint64_t done = 0; done < length;) {
    const auto some = std::min<std::uint64_t>(zeros_at_once, length - done);
    if (auto written = write_at(file.fd(), zeros.data(), some, offset + done); !written) return written;
    done += some;
  }
  return {};
}

Result<void> DataTree::write_sparse(const Handle& file, const Segment& segment, ByteView bytes) const {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto step_at = [&](std::size_t at) { return bytes.subspan(at, std::min(hole_step, bytes.size() - at)); };
    const bool hole = all_zero(step_at(done));
    auto end = done + step_at(done).size();
    while (end < bytes.size() && all_zero(step_at(end)) == hole) end += step_at(end).size();
    auto written = hole ? leave_hole(file, segment.offset + done, end - done)
                        : write_at(file.fd(), bytes.data() + done, end - done, segment.offset + done);
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
                                    : write_at(handle->fd(), bytes.data(), bytes.size(), segment.offset);
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
    const auto file = open_beneath(data_.fd(), manifest_->path(segment.entry), O_RDONLY);
    const bool sparse = manifest_->entry(segment.entry).sparse;  // what is not there of it is a hole
    std::size_t got = 0;
    if (file) {
      const auto count = read_at(file->fd(), out.data(), segment.length, segment.offset);
      if (!count) return trouble("reading", segment.entry, count.error().cause);
      got = *count;
    } else if (file.error().cause.value() != ENOENT) {
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

Result<void> DataTree::sync(const Touched& touched) {
  if (touched.made_some) {
    if (::syncfs(data_.fd()) != 0) return Unexpected{disk_trouble("syncing " + shown_, last_system_error())};
    return {};
  }
  for (const auto file : touched.files) {
    const auto handle = files_.at(file);
    if (!handle) return Unexpected{handle.error()};
    if (::fdatasync((*handle)->fd()) != 0) return trouble("syncing", file, last_system_error());
  }
  return {};
}

// --- after the bytes ------------------------------------------------------------------------------------------------

Result<void> DataTree::complete_file(EntryIndex file, std::uint64_t size) const {
  const auto entry = manifest_->entry(file);
  const bool may_be_missing = size == 0 || entry.sparse;
  auto handle = open_beneath(data_.fd(), manifest_->path(file), O_RDWR | (may_be_missing ? O_CREAT : 0), private_file);
  if (!handle && handle.error().cause.value() == EACCES) return {};  // it has its final mode: done before an interruption
  if (!handle) return trouble("completing", file, handle.error().cause);
  struct stat status {};
  if (::fstat(handle->fd(), &status) != 0) return trouble("completing", file, last_system_error());
  if (static_cast<std::uint64_t>(status.st_size) != size) {
    if (!entry.sparse && !stream_)  // a sparse file may end in a hole, and a stream has learned its length only now
      return Unexpected{{.code = Errc::local_io, .doing = manifest_->path(file) + " in " + shown_ + " has not the size it was written with",
                         .hint = "somebody else changed it: remove that folder and run the same command again"}};
    if (::ftruncate(handle->fd(), static_cast<off_t>(size)) != 0) return trouble("completing", file, last_system_error());
  }
  if (::futimens(handle->fd(), times_of(entry).data()) != 0) return trouble("setting the time of", file, last_system_error());
  if (::fchmod(handle->fd(), entry.mode & 0777) != 0) return trouble("setting the mode of", file, last_system_error());
  return {};
}

Result<void> DataTree::complete_link(EntryIndex link) const {
  const auto entry = manifest_->entry(link);
  const auto place = place_beneath(data_.fd(), manifest_->path(link));
  if (!place) return trouble("making the link", link, place.error().cause);
  // What an interrupted run left may be another link; making it anew costs nothing.
  if (::unlinkat(place->parent.fd(), place->name.c_str(), 0) != 0 && errno != ENOENT) return trouble("making the link", link, last_system_error());
  if (::symlinkat(std::string{entry.target}.c_str(), place->parent.fd(), place->name.c_str()) != 0)
    return trouble("making the link", link, last_system_error());
  if (::utimensat(place->parent.fd(), place->name.c_str(), times_of(entry).data(), AT_SYMLINK_NOFOLLOW) != 0)
    return trouble("setting the time of", link, last_system_error());
  return {};
}

Result<void> DataTree::complete(std::uint64_t bytes) {
  files_.close_all();
  for (EntryIndex index; index.number < manifest_->entries(); ++index.number) {
    const auto entry = manifest_->entry(index);
    if (entry.type != EntryType::file) continue;
    if (auto done = complete_file(index, stream_ ? bytes : entry.size); !done) return done;
  }
  // Links last: until here there is none in the whole tree.
  for (EntryIndex index; index.number < manifest_->entries(); ++index.number)
    if (manifest_->entry(index).type == EntryType::symlink)
      if (auto done = complete_link(index); !done) return done;
  return sync({.files = {}, .made_some = true});
}

}  // namespace pshare
