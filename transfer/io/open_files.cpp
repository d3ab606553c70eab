#include "transfer/io/open_files.hpp"

#include <algorithm>

namespace pshare {

OpenFiles::OpenFiles(std::size_t most, Opener opener) : most_(most), opener_(std::move(opener)) {}

Result<std::shared_ptr<const Handle>> OpenFiles::at(EntryIndex file) {
  const auto find = [&] { return std::find_if(files_.begin(), files_.end(), [&](const Open& open) { return open.file == file; }); };
  {
    const std::lock_guard lock{mutex_};
    if (const auto found = find(); found != files_.end()) {
      files_.splice(files_.begin(), files_, found);
      return found->handle;
    }
  }
  auto opened = opener_(file);  // without the lock: it may take long
  if (!opened) return Unexpected{std::move(opened).error()};
  auto handle = std::make_shared<const Handle>(*std::move(opened));

  const std::lock_guard lock{mutex_};
  if (const auto found = find(); found != files_.end()) return found->handle;  // another thread was faster
  files_.push_front({file, handle});
  if (files_.size() > most_) files_.pop_back();
  return handle;
}

void OpenFiles::close_all() {
  const std::lock_guard lock{mutex_};
  files_.clear();
}

}  // namespace pshare
