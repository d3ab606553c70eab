// A small number of files kept open between the chunks that lie in them: the least recently used one makes room for the next.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "transfer/disk/handle.hpp"
#include "transfer/manifest.hpp"

namespace pshare {

/// For calls from several threads at once. A file that is in use stays open until its last user lets go of it.
class OpenFiles {
 public:
  using Opener = std::function<Result<Handle>(EntryIndex)>;  // from several threads at once
  OpenFiles(std::size_t most, Opener opener);

  /// Errors: those of the opener.
  Result<std::shared_ptr<const Handle>> at(EntryIndex file);
  void close_all();

 private:
  struct Open {
    EntryIndex file;
    std::shared_ptr<const Handle> handle;  // shared by this list and the threads that read or write just now
  };
  const std::size_t most_;
  const Opener opener_;
  std::mutex mutex_;
  std::list<Open> files_;  // the one used last is first
};

}  // namespace pshare
