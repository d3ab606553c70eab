#include "transfer/io/beneath.hpp"

#include <dirent.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>

namespace pshare {

namespace {

constexpr int always = O_CLOEXEC | O_NOFOLLOW;
constexpr int only_as_way = O_PATH | O_DIRECTORY;

/// The kernel refuses paths of PATH_MAX (4096) bytes; longer ones are walked in pieces of at most this.
constexpr std::size_t longest_piece = 4000;

Unexpected trouble_with(std::string_view path) {
  return Unexpected{{.code = Errc::local_io, .doing = "opening " + std::string{path}, .cause = last_system_error()}};
}

/// openat2(2) may be missing (before Linux 5.6) or forbidden (older container runtimes answer EPERM for calls they do not know).
std::atomic<bool> openat2_is_missing = false;

int openat2_beneath(int root, const std::string& path, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | always);
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const auto fd = static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how));
    if (fd >= 0 || (errno != EINTR && errno != EAGAIN)) return fd;  // EAGAIN: something was renamed meanwhile
  }
}

bool is_plain(std::string_view component) { return !component.empty() && component != "." && component != ".."; }

struct DirectoryCloser {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

}  // namespace

Handle::~Handle() {
  if (fd_ != none) ::close(fd_);
}

std::error_code last_system_error() { return {errno, std::system_category()}; }

Result<Handle> open_by_components(int root, std::string_view path, int flags, mode_t mode) {
  if (path.empty()) path = ".";
  Handle way;
  int here = root;
  for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/')) {
    const std::string component{path.substr(0, slash)};
    if (!is_plain(component)) return errno = EXDEV, trouble_with(path);
    Handle next{::openat(here, component.c_str(), only_as_way | always)};
    if (!next) return trouble_with(path);
    way = std::move(next);
    here = way.fd();
    path.remove_prefix(slash + 1);
  }
  if (!is_plain(path) && path != ".") return errno = EXDEV, trouble_with(path);
  Handle opened{::openat(here, std::string{path}.c_str(), flags | always, mode)};
  if (!opened) return trouble_with(path);
  return opened;
}

Result<Handle> open_beneath(int root, std::string_view path, int flags, mode_t mode) {
  if (openat2_is_missing.load(std::memory_order_relaxed)) return open_by_components(root, path, flags, mode);
  if (path.empty()) path = ".";
  auto rest = path;
  Handle way;
  int here = root;
  while (rest.size() > longest_piece) {
    const auto slash = rest.rfind('/', longest_piece);
    if (slash == rest.npos) return errno = ENAMETOOLONG, trouble_with(path);
    Handle next{openat2_beneath(here, std::string{rest.substr(0, slash)}, only_as_way, 0)};
    if (!next && (errno == ENOSYS || errno == EPERM)) return open_by_components(root, path, flags, mode);
    if (!next) return trouble_with(path);
    way = std::move(next);
    here = way.fd();
    rest.remove_prefix(slash + 1);
  }
  Handle opened{openat2_beneath(here, std::string{rest}, flags, mode)};
  if (opened) return opened;
  if (errno == ENOSYS) openat2_is_missing = true;
  if (errno == ENOSYS || errno == EPERM) return open_by_components(root, path, flags, mode);
  return trouble_with(path);
}

Result<Place> place_beneath(int root, std::string_view path) {
  const auto slash = path.rfind('/');
  const auto above = slash == path.npos ? std::string_view{} : path.substr(0, slash);
  auto parent = open_beneath(root, above, only_as_way);
  if (!parent) return Unexpected{std::move(parent).error()};
  return Place{*std::move(parent), std::string{slash == path.npos ? path : path.substr(slash + 1)}};
}

Result<std::vector<std::string>> names_in(const Handle& directory) {
  // A description of its own: fdopendir() takes the handle over, and the position in the directory with it.
  const int fd = ::openat(directory.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return trouble_with("a directory");
  const std::unique_ptr<DIR, DirectoryCloser> stream{::fdopendir(fd)};
  if (!stream) {
    const auto failed = trouble_with("a directory");
    ::close(fd);
    return failed;
  }
  std::vector<std::string> names;
  errno = 0;
  while (const auto* entry = ::readdir(stream.get())) {
    const std::string_view name{entry->d_name};
    if (is_plain(name)) names.emplace_back(name);
  }
  if (errno != 0) return trouble_with("a directory");
  std::sort(names.begin(), names.end());
  return names;
}

Result<void> remove_tree(int parent, const std::string& name) {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return trouble_with(name);  // POSIX lets unlink() of a directory say EPERM

  std::vector<std::string> directories{name};  // each after the one it lies in
  for (std::size_t at = 0; at < directories.size(); ++at) {
    const auto place = place_beneath(parent, directories[at]);
    if (!place) return Unexpected{place.error()};
    // Ours may have been given their final modes already, such as 0555.
    if (::fchmodat(place->parent.fd(), place->name.c_str(), 0700, AT_SYMLINK_NOFOLLOW) != 0) return trouble_with(directories[at]);
    const auto directory = open_beneath(parent, directories[at], O_RDONLY | O_DIRECTORY);
    if (!directory) return Unexpected{directory.error()};
    const auto names = names_in(*directory);
    if (!names) return Unexpected{names.error()};
    for (const auto& each : *names) {
      if (::unlinkat(directory->fd(), each.c_str(), 0) == 0 || errno == ENOENT) continue;
      if (errno != EISDIR && errno != EPERM) return trouble_with(directories[at] + "/" + each);
      directories.push_back(directories[at] + "/" + each);
    }
  }
  for (auto each = directories.rbegin(); each != directories.rend(); ++each) {
    const auto place = place_beneath(parent, *each);
    if (!place) return Unexpected{place.error()};
    if (::unlinkat(place->parent.fd(), place->name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) return trouble_with(*each);
  }
  return {};
}

Result<std::size_t> read_at(int fd, std::byte* out, std::size_t length, std::uint64_t offset) {
  std::size_t got = 0;
  while (got < length) {
    const auto count = ::pread(fd, out + got, length - got, static_cast<off_t>(offset + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return trouble_with("a file");
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  return got;
}

Result<void> write_at(int fd, const std::byte* bytes, std::size_t length, std::uint64_t offset) {
  std::size_t put = 0;
  while (put < length) {
    const auto count = ::pwrite(fd, bytes + put, length - put, static_cast<off_t>(offset + put));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return trouble_with("a file");
    put += static_cast<std::size_t>(count);
  }
  return {};
}

}  // namespace pshare
