#include "transfer/io/tree_walk.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <optional>
#include <set>
#include <span>

#include "transfer/checksum.hpp"
#include "transfer/exclusion.hpp"
#include "transfer/io/beneath.hpp"
#include "transfer/io/disk_trouble.hpp"
#include "transfer/safe_name.hpp"

namespace pshare {

namespace {

std::int64_t nanoseconds(const timespec& time) {
  constexpr std::int64_t second = 1'000'000'000;
  constexpr auto last = std::numeric_limits<std::int64_t>::max() / second - 1;  // the year 2262
  return std::clamp<std::int64_t>(time.tv_sec, -last, last) * second + time.tv_nsec;
}

std::string_view kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFIFO: return "a named pipe";
    case S_IFSOCK: return "a socket";
    case S_IFCHR:
    case S_IFBLK: return "a device";
    default: return "neither a file nor a directory";
  }
}

/// What the manifest says of something, apart from its name and place.
Entry described(const struct stat& status) {
  Entry entry;
  entry.mode = static_cast<std::uint16_t>(status.st_mode & 0777);
  entry.mtime = nanoseconds(status.st_mtim);
  if (S_ISREG(status.st_mode)) {
    constexpr off_t block = 512;  // stat(2): st_blocks counts these, whatever the file system's own
    entry.type = EntryType::file;
    entry.size = static_cast<std::uint64_t>(status.st_size);
    entry.version = version_of(status);
    entry.sparse = status.st_blocks * block < status.st_size;
  } else if (S_ISLNK(status.st_mode)) {
    entry.type = EntryType::symlink;
  } else {
    entry.type = EntryType::directory;
  }
  return entry;
}

class Walk {
 public:
  explicit Walk(const FileSource::Settings& settings) : settings_(settings) {}

  Result<Walked> run() {
    for (const auto& path : settings_.paths)
      if (auto added = add_root(path.string()); !added) return Unexpected{std::move(added).error()};
    if (walked_.manifest.entries() == 0) return nothing_left();
    const auto suited = chunk_size_for(walked_.manifest.bytes());
    if (!suited) return Unexpected{suited.error()};
    const bool fits = settings_.chunk_size != 0 && chunks_in(walked_.manifest.bytes(), settings_.chunk_size) <= max_chunks;
    walked_.manifest.seal(fits ? settings_.chunk_size : *suited);
    return std::move(walked_);
  }

 private:
  struct Named {
    std::string path;  // absolute
    std::string name;  // under which it travels
  };

  Result<Walked> nothing_left() const {
    Error error{.code = Errc::usage, .doing = "nothing is left to send"};
    if (!walked_.skipped.empty()) error.hint = walked_.skipped.front().path + " is " + walked_.skipped.front().why;
    return Unexpected{std::move(error)};
  }

  static Result<Named> named_by(std::string given) {
    while (given.size() > 1 && given.back() == '/') given.pop_back();
    std::error_code failed;
    auto path = std::filesystem::absolute(given, failed);
    auto name = path.filename().string();
    if (!failed && (name.empty() || name == "." || name == "..")) {  // "send ." sends the directory by its real name
      path = std::filesystem::canonical(path, failed);
      name = path.filename().string();
    }
    if (given.empty()) failed = std::make_error_code(std::errc::no_such_file_or_directory);
    if (failed) return Unexpected{source_trouble("reading " + given, failed)};
    if (name.empty())
      return Unexpected{{.code = Errc::usage, .doing = "the whole file system cannot be sent", .hint = "name a directory in it"}};
    return Named{path.string(), std::move(name)};
  }

  Result<void> add_root(const std::string& given) {
    auto named = named_by(given);
    if (!named) return Unexpected{std::move(named).error()};
    if (is_excluded(settings_.excludes, named->name, named->name)) return {};
    struct stat status {};
    if (::stat(named->path.c_str(), &status) != 0) return Unexpected{source_trouble("reading " + given, last_system_error())};
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
      walked_.skipped.push_back({given, std::string{kind_of(status.st_mode)}});
      return {};
    }
    if (S_ISREG(status.st_mode) && ::faccessat(AT_FDCWD, named->path.c_str(), R_OK, AT_EACCESS) != 0)
      return Unexpected{source_trouble("reading " + given, last_system_error())};
    if (!top_level_.insert(named->name).second)
      return Unexpected{{.code = Errc::usage, .doing = "two of the things to send are called " + named->name,
                         .hint = "send them one after the other, or rename one"}};
    auto entry = described(status);
    entry.name = named->name;
    const auto index = walked_.manifest.add(entry);
    if (!index) return Unexpected{index.error()};
    walked_.roots.push_back({*index, named->path});
    return entry.type == EntryType::directory ? walk_below(*index, named->path) : Result<void>{};
  }

  Result<void> walk_below(EntryIndex root, const std::string& path) {
    const Handle top{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!top) return Unexpected{source_trouble("reading the folder " + path, last_system_error())};
    std::vector<Below> to_visit{{root, "", 1}};
    while (!to_visit.empty()) {
      const auto next = std::move(to_visit.back());
      to_visit.pop_back();
      const auto first_found = to_visit.size();
      if (auto listed = list(top, next, to_visit); !listed) return listed;
      std::reverse(to_visit.begin() + static_cast<std::ptrdiff_t>(first_found), to_visit.end());
    }
    return {};
  }

  /// A directory that is in the manifest and whose contents are not yet.
  struct Below {
    EntryIndex directory;
    std::string path;   // below its root
    std::size_t depth;  // of what lies in it
  };

  Result<void> list(const Handle& top, const Below& here, std::vector<Below>& to_visit) {
    const auto handle = open_beneath(top.fd(), here.path, O_RDONLY | O_DIRECTORY);
    if (!handle) return Unexpected{source_trouble("reading the folder " + shown(here.directory), handle.error().cause)};
    const auto names = names_in(*handle);
    if (!names) return Unexpected{source_trouble("reading the folder " + shown(here.directory), names.error().cause)};
    for (const auto& name : *names) {
      auto path = here.path.empty() ? name : here.path + "/" + name;
      if (is_excluded(settings_.excludes, name, path)) continue;
      const auto added = add_child(*handle, here, name);
      if (!added) return Unexpected{added.error()};
      if (*added && walked_.manifest.entry(**added).type == EntryType::directory)
        to_visit.push_back({**added, std::move(path), here.depth + 1});
    }
    return {};
  }

  /// Gives nothing if it does not travel.
  Result<std::optional<EntryIndex>> add_child(const Handle& directory, const Below& here, const std::string& name) {
    using Added = Result<std::optional<EntryIndex>>;
    const auto skip = [&](std::string why) {
      walked_.skipped.push_back({shown(here.directory) + "/" + name, std::move(why)});
      return Added{std::nullopt};
    };
    struct stat status {};
    if (::fstatat(directory.fd(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return Added{std::nullopt};  // deleted since it was listed
      return Unexpected{source_trouble("reading " + shown(here.directory) + "/" + name, last_system_error())};
    }
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode) && !S_ISLNK(status.st_mode)) return skip(std::string{kind_of(status.st_mode)});
    auto entry = described(status);
    entry.name = name;
    entry.parent = here.directory;
    std::array<char, max_link_target + 1> target;
    if (entry.type == EntryType::symlink) {
      const auto length = ::readlinkat(directory.fd(), name.c_str(), target.data(), target.size());
      if (length < 0) return skip("a link that cannot be read");
      entry.target = {target.data(), static_cast<std::size_t>(length)};
      if (!check_link_target(entry.target, here.depth)) return skip("a link that leads outside");
    }
    if (entry.type == EntryType::file && ::faccessat(directory.fd(), name.c_str(), R_OK, AT_EACCESS) != 0)
      return Unexpected{source_trouble("reading " + shown(here.directory) + "/" + name, last_system_error())};
    const auto index = walked_.manifest.add(entry);
    if (!index) return Unexpected{index.error()};
    return std::optional{*index};
  }

  std::string shown(EntryIndex index) const { return walked_.manifest.path(index); }

  const FileSource::Settings& settings_;
  Walked walked_;
  std::set<std::string> top_level_;
};

}  // namespace

std::uint64_t version_of(const struct stat& status) {
  const std::array<std::uint64_t, 7> facts{
      status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
      static_cast<std::uint64_t>(status.st_ctim.tv_sec), static_cast<std::uint64_t>(status.st_ctim.tv_nsec),
      static_cast<std::uint64_t>(status.st_mtim.tv_sec), static_cast<std::uint64_t>(status.st_mtim.tv_nsec)};
  return short_hash_of(std::as_bytes(std::span{facts}));
}

Result<Walked> walk_tree(const FileSource::Settings& settings) {
  if (settings.chunk_size != 0 && (settings.chunk_size < min_chunk_size || settings.chunk_size > max_chunk_size))
    return Unexpected{{.code = Errc::usage, .doing = "chunks of " + std::to_string(settings.chunk_size) + " bytes",
                       .hint = "--chunk takes 64 KiB to 4 MiB"}};
  return Walk{settings}.run();
}

}  // namespace pshare
