// Temporary folders and trees of files for the tests of transfer/io, and a transfer by hand: a source and a sink without lanes.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "transfer/io/file_sink.hpp"
#include "transfer/io/file_source.hpp"

namespace pshare::test {

namespace fs = std::filesystem;

/// A folder of its own, removed with all in it.
class TempFolder {
 public:
  TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder();
  const fs::path& path() const { return path_; }
  fs::path operator/(const fs::path& below) const { return path_ / below; }

 private:
  fs::path path_;
};

/// Bytes without a pattern, the same for the same seed.
std::string noise(std::size_t bytes, std::uint64_t seed = 1);
void write_file(const fs::path& path, const std::string& content);
std::string content_of(const fs::path& path);
/// Sets the modification time, in nanoseconds since 1970, of a file, a folder or a link itself.
void set_time(const fs::path& path, std::int64_t nanoseconds);
std::uint64_t disk_bytes(const fs::path& path);

/// What can be compared about everything below a folder: kind, mode, time, and content or target, by path.
std::map<std::string, std::string> picture(const fs::path& folder);

TransferId some_transfer(unsigned char number = 7);
FileSource source_of(const std::vector<fs::path>& paths, std::uint64_t chunk_size = 0);
FileSink sink_at(const fs::path& folder, OnConflict on_conflict = OnConflict::rename);
/// The hidden folder of that transfer.
fs::path partial_in(const fs::path& folder, const TransferId& transfer = some_transfer());

struct Moved {
  std::uint64_t resumed = 0, stored = 0, confirmed = 0;  // chunks
  std::vector<std::string> names;
};
/// Opens, sends what is missing (comparing what is to be compared), at most `most` chunks; then it stops, without a sync.
/// When all is there: syncs, finishes, forgets. Throws Failure.
Moved move(const FileSource& source, FileSink& sink, std::uint64_t most = ~std::uint64_t{0});

/// Runs it in a child process; gives its exit status. The child never returns from here.
int in_child(const std::function<int()>& work);

}  // namespace pshare::test
