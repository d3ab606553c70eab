#include "transfer/io/delivered_files.hpp"

#include <algorithm>

#include "transfer/disk/beneath.hpp"
#include "transfer/disk/file.hpp"
#include "transfer/io/disk_trouble.hpp"

namespace pshare {

namespace {

constexpr std::size_t most_open_files = 4;

}  // namespace

DeliveredFiles::DeliveredFiles(const Handle& destination, const Manifest& manifest, std::vector<FinalName> names)
    : destination_(destination), manifest_(manifest), local_names_(manifest), names_(std::move(names)), files_(most_open_files, [this](EntryIndex file) { return open(file); }) {
  for (EntryIndex index; index.number < manifest.entries(); ++index.number)
    if (!manifest.entry(index).parent) tops_.push_back(index);
}

Result<Handle> DeliveredFiles::open(EntryIndex file) const {
  auto top = file;
  while (const auto parent = manifest_.entry(top).parent) top = *parent;
  const auto position = static_cast<std::size_t>(std::ranges::lower_bound(tops_, top) - tops_.begin());
  const auto doing = "reading " + manifest_.path(file) + " again";
  if (position >= names_.size() || names_[position].how == FinalName::How::dropped)
    return Unexpected{{.code = Errc::failed, .doing = doing + ": it was left out, since that name was taken"}};
  const auto path = local_names_.path(file);
  const auto slash = path.find('/');
  auto opened = open_beneath(destination_, names_[position].name + (slash == path.npos ? "" : path.substr(slash)), {.access = Access::read});
  if (!opened) return Unexpected{disk_trouble(doing, opened.error().cause)};
  const auto facts = facts_of(*opened);
  if (!facts) return Unexpected{disk_trouble(doing, facts.error().cause)};
  if (facts->kind != Kind::file || facts->size != manifest_.entry(file).size)
    return Unexpected{{.code = Errc::failed, .doing = doing + ": it is another one by now"}};
  return opened;
}

Result<void> DeliveredFiles::read(ChunkIndex chunk, std::span<std::byte> out) {
  std::size_t done = 0;
  for (const auto& segment : manifest_.segments(chunk)) {
    const auto handle = files_.at(segment.entry);
    if (!handle) return Unexpected{handle.error()};
    const auto got = read_at(**handle, out.data() + done, segment.length, segment.offset);
    if (!got) return Unexpected{disk_trouble("reading " + manifest_.path(segment.entry) + " again", got.error().cause)};
    if (*got != segment.length)
      return Unexpected{{.code = Errc::failed, .doing = "reading " + manifest_.path(segment.entry) + " again: it is shorter by now"}};
    done += segment.length;
  }
  return {};
}

}  // namespace pshare
