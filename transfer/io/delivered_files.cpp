#include "transfer/io/delivered_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "transfer/io/disk_trouble.hpp"

namespace pshare {

namespace {

constexpr std::size_t most_open_files = 4;

}  // namespace

DeliveredFiles::DeliveredFiles(const Handle& destination, const Manifest& manifest, std::vector<FinalName> names)
    : destination_(destination), manifest_(manifest), names_(std::move(names)), files_(most_open_files, [this](EntryIndex file) { return open(file); }) {
  for (EntryIndex index; index.number < manifest.entries(); ++index.number)
    if (!manifest.entry(index).parent) tops_.push_back(index);
}

Result<Handle> DeliveredFiles::open(EntryIndex file) const {
  auto top = file;
  while (const auto parent = manifest_.entry(top).parent) top = *parent;
  const auto position = static_cast<std::size_t>(std::ranges::lower_bound(tops_, top) - tops_.begin());
  const auto path = manifest_.path(file);
  const auto doing = "reading " + path + " again";
  if (position >= names_.size() || names_[position].how == FinalName::How::dropped)
    return Unexpected{{.code = Errc::failed, .doing = doing + ": it was left out, since that name was taken"}};
  const auto slash = path.find('/');
  auto opened = open_beneath(destination_.fd(), names_[position].name + (slash == path.npos ? "" : path.substr(slash)), O_RDONLY | O_NONBLOCK);
  if (!opened) return Unexpected{disk_trouble(doing, opened.error().cause)};
  struct stat status {};
  if (::fstat(opened->fd(), &status) != 0) return Unexpected{disk_trouble(doing, last_system_error())};
  if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != manifest_.entry(file).size)
    return Unexpected{{.code = Errc::failed, .doing = doing + ": it is another one by now"}};
  return opened;
}

Result<void> DeliveredFiles::read(ChunkIndex chunk, std::span<std::byte> out) {
  std::size_t done = 0;
  for (const auto& segment : manifest_.segments(chunk)) {
    const auto handle = files_.at(segment.entry);
    if (!handle) return Unexpected{handle.error()};
    const auto got = read_at((*handle)->fd(), out.data() + done, segment.length, segment.offset);
    if (!got) return Unexpected{disk_trouble("reading " + manifest_.path(segment.entry) + " again", got.error().cause)};
    if (*got != segment.length)
      return Unexpected{{.code = Errc::failed, .doing = "reading " + manifest_.path(segment.entry) + " again: it is shorter by now"}};
    done += segment.length;
  }
  return {};
}

}  // namespace pshare
