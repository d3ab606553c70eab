#include "transfer/io/file_source.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "transfer/disk/beneath.hpp"
#include "transfer/disk/file.hpp"
#include "transfer/io/disk_trouble.hpp"
#include "transfer/io/open_files.hpp"
#include "transfer/io/tree_walk.hpp"
#include "transfer/local_names.hpp"

namespace pshare {

namespace {

/// Files that span several chunks and are kept open between them. Small files are opened for their one chunk only.
constexpr std::size_t most_open_files = 16;

Error changed(const Manifest& manifest, EntryIndex file) {
  return {.code = Errc::source_changed,
          .doing = manifest.path(file) + " changed while it was being sent",
          .hint = "run the same command again: only what changed will travel"};
}

Error unreadable(const Manifest& manifest, EntryIndex file, std::error_code cause) {
  return source_trouble("reading " + manifest.path(file), cause);
}

}  // namespace

struct FileSource::State {
  explicit State(Walked tree)
      : walked(std::move(tree)), local_names(walked.manifest, walked.local_names), files(most_open_files, [this](EntryIndex file) { return open(file); }) {}

  Result<Handle> open(EntryIndex file) const;
  Result<void> read(const Segment& segment, std::span<std::byte> out);
  Result<void> still_the_same(EntryIndex file, const Handle& handle) const;
  const Root& root_of(EntryIndex entry) const;

  const Walked walked;
  const LocalNames local_names;
  OpenFiles files;
};

const Root& FileSource::State::root_of(EntryIndex entry) const {
  while (const auto parent = walked.manifest.entry(entry).parent) entry = *parent;
  const auto root = std::lower_bound(walked.roots.begin(), walked.roots.end(), entry,
                                     [](const Root& each, EntryIndex wanted) { return each.entry < wanted; });
  assert(root != walked.roots.end() && root->entry == entry);
  return *root;
}

// Opened anew each time by its path, without a directory handle that would have to be kept for each of thousands of roots. That is
// safe because the version ties it to the very inode that the walk saw.
Result<Handle> FileSource::State::open(EntryIndex file) const {
  const auto& manifest = walked.manifest;
  const auto& root = root_of(file);
  const auto failed = [&](std::error_code cause) -> Result<Handle> {
    // Gone, or something else than a file now: that is a change, not a fault.
    if (cause == std::errc::no_such_file_or_directory || cause == std::errc::not_a_directory || cause == std::errc::too_many_symbolic_link_levels)
      return Unexpected{changed(manifest, file)};
    return Unexpected{unreadable(manifest, file, cause)};
  };
  if (root.entry == file) {
    auto opened = open_named(root.path, {.access = Access::read});
    if (!opened) return failed(opened.error().cause);
    return opened;
  }
  const auto above = open_named(root.path, {.access = Access::way});
  if (!above) return failed(above.error().cause);
  const auto path = local_names.path(file);
  auto opened = open_beneath(*above, std::string_view{path}.substr(path.find('/') + 1), {.access = Access::read});
  if (!opened) return failed(opened.error().cause);
  return opened;
}

Result<void> FileSource::State::still_the_same(EntryIndex file, const Handle& handle) const {
  const auto facts = facts_of(handle);
  if (!facts) return Unexpected{unreadable(walked.manifest, file, facts.error().cause)};
  if (facts->version != walked.manifest.entry(file).version) return Unexpected{changed(walked.manifest, file)};
  return {};
}

Result<void> FileSource::State::read(const Segment& segment, std::span<std::byte> out) {
  const auto& manifest = walked.manifest;
  const auto entry = manifest.entry(segment.entry);
  std::shared_ptr<const Handle> handle;
  if (segment.length < entry.size) {
    auto shared = files.at(segment.entry);
    if (!shared) return Unexpected{std::move(shared).error()};
    handle = *std::move(shared);
  } else {
    auto own = open(segment.entry);
    if (!own) return Unexpected{std::move(own).error()};
    handle = std::make_shared<const Handle>(*std::move(own));
  }
  // Before and after: a write in between moves the change time, so what was read is one version or none.
  if (auto same = still_the_same(segment.entry, *handle); !same) return same;
  std::size_t hole = 0;
  if (entry.sparse) {
    const auto data = next_data(*handle, segment.offset);
    hole = data ? std::min<std::uint64_t>(out.size(), *data - segment.offset) : out.size();
    std::memset(out.data(), 0, hole);
  }
  const auto got = read_at(*handle, out.data() + hole, out.size() - hole, segment.offset + hole);
  if (!got) return Unexpected{unreadable(manifest, segment.entry, got.error().cause)};
  if (*got != out.size() - hole) return Unexpected{changed(manifest, segment.entry)};
  return still_the_same(segment.entry, *handle);
}

Result<FileSource> FileSource::walk(const Settings& settings) {
  auto walked = walk_tree(settings);
  if (!walked) return Unexpected{std::move(walked).error()};
  return FileSource{std::make_unique<State>(*std::move(walked))};
}

const Manifest& FileSource::manifest() const { return state_->walked.manifest; }
const std::vector<Skipped>& FileSource::skipped() const { return state_->walked.skipped; }
std::uint64_t FileSource::length(ChunkIndex chunk) const { return manifest().length(chunk); }

Result<void> FileSource::read(ChunkIndex chunk, std::span<std::byte> out) const {
  assert(out.size() == length(chunk));
  std::size_t done = 0;
  for (const auto& segment : manifest().segments(chunk)) {
    if (auto read = state_->read(segment, out.subspan(done, segment.length)); !read) return read;
    done += segment.length;
  }
  return {};
}

FileSource::FileSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileSource::FileSource(FileSource&&) noexcept = default;
FileSource::~FileSource() = default;

}  // namespace pshare
