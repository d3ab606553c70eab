#include "trees.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <random>
#include <sstream>

#include "transfer/checksum.hpp"

namespace pshare::test {

TempFolder::TempFolder() {
  std::string name = (fs::temp_directory_path() / "pshare-test-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw std::system_error{errno, std::generic_category(), "mkdtemp"};
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;  // folders without permissions must not stay
  for (const auto& each : fs::recursive_directory_iterator{path_, fs::directory_options::skip_permission_denied, ignored})
    if (each.is_directory(ignored) && !each.is_symlink(ignored)) fs::permissions(each.path(), fs::perms::owner_all, ignored);
  fs::remove_all(path_, ignored);
}

std::string noise(std::size_t bytes, std::uint64_t seed) {
  std::mt19937_64 engine{seed};
  std::string text(bytes, '\0');
  for (auto& each : text) each = static_cast<char>(engine());
  return text;
}

void write_file(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream file{path, std::ios::binary | std::ios::trunc};
  file << content;
  file.close();
  if (!file) throw std::runtime_error{"cannot write " + path.string()};
}

std::string content_of(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void set_time(const fs::path& path, std::int64_t nanoseconds) {
  constexpr std::int64_t second = 1'000'000'000;
  const auto rest = (nanoseconds % second + second) % second;
  const timespec time{(nanoseconds - rest) / second, rest};
  const std::array<timespec, 2> times{time, time};
  if (::utimensat(AT_FDCWD, path.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
    throw std::system_error{errno, std::generic_category(), "utimensat"};
}

std::uint64_t disk_bytes(const fs::path& path) {
  struct stat status {};
  ::stat(path.c_str(), &status);
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

std::map<std::string, std::string> picture(const fs::path& folder) {
  std::map<std::string, std::string> seen;
  for (const auto& each : fs::recursive_directory_iterator{folder}) {
    struct stat status {};
    ::lstat(each.path().c_str(), &status);
    std::ostringstream words;
    words << std::oct << status.st_mode << std::dec << ' ' << status.st_mtim.tv_sec << '.' << status.st_mtim.tv_nsec << ' ';
    if (S_ISLNK(status.st_mode)) words << "-> " << fs::read_symlink(each.path()).string();
    if (S_ISREG(status.st_mode)) words << status.st_size << ' ' << hex(hash_of(bytes_of(content_of(each.path()))));
    seen[each.path().lexically_relative(folder).string()] = words.str();
  }
  return seen;
}

TransferId some_transfer(unsigned char number) {
  TransferId id;
  id.bytes.fill(std::byte{number});
  return id;
}

FileSource source_of(const std::vector<fs::path>& paths, std::uint64_t chunk_size) {
  return value_or_throw(FileSource::walk({.paths = paths, .excludes = {}, .chunk_size = chunk_size}));
}

FileSink sink_at(const fs::path& folder, OnConflict on_conflict) { return value_or_throw(FileSink::at(folder, on_conflict)); }

fs::path partial_in(const fs::path& folder, const TransferId& transfer) { return folder / (".pshare-partial-" + transfer.text()); }

Moved move(const FileSource& source, FileSink& sink, std::uint64_t most) {
  // The receiver has a manifest of its own, as it came over the wire.
  const auto& ours = source.manifest();
  ManifestReader reader{{some_transfer(), ours.entries(), ours.bytes(), ours.chunk_size(), false}};
  const auto digest = ours.encode([&](ByteView part) { value_or_throw(reader.part(part)); });
  const auto theirs = std::make_shared<const Manifest>(value_or_throw(std::move(reader).end({digest})));

  Moved moved;
  auto found = value_or_throw(sink.open(some_transfer(), theirs, false));
  if (found.finished) {
    moved.names = found.names;
    value_or_throw(sink.forget());
    return moved;
  }
  moved.resumed = found.durable.count();
  ByteBuffer raw;
  const auto read = [&](ChunkIndex chunk) {
    raw.resize(source.length(chunk));
    value_or_throw(source.read(chunk, raw));
    return hash_of(raw);
  };
  std::vector<ChunkIndex> same;
  for (const auto& [chunk, hash] : found.checks)
    if (read(chunk) == hash) same.push_back(chunk);
  value_or_throw(sink.confirm(same));
  for (const auto chunk : same) found.durable.set(chunk);
  moved.confirmed = same.size();
  for (ChunkIndex chunk; chunk.number < ours.chunks(); ++chunk.number) {
    if (found.durable.has(chunk)) continue;
    if (moved.stored == most) return moved;
    const auto hash = read(chunk);
    const bool zeros = std::ranges::all_of(raw, [](std::byte each) { return each == std::byte{0}; });
    value_or_throw(zeros ? sink.store_zeros(chunk, hash, raw.size()) : sink.store(chunk, hash, raw));
    ++moved.stored;
  }
  value_or_throw(sink.sync());
  moved.names = value_or_throw(sink.finish(ours.bytes()));
  value_or_throw(sink.forget());
  return moved;
}

int in_child(const std::function<int()>& work) {
  const auto child = ::fork();
  if (child == 0) {
    int status = 99;
    try {
      status = work();
    } catch (const std::exception& trouble) {
      std::fprintf(stderr, "in the child: %s\n", trouble.what());
    }
    ::_exit(status);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace pshare::test
