#include "transfer/disk/posix/beneath.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>

#include "transfer/disk/posix/failure.hpp"

namespace pshare {

namespace {

constexpr int always = O_CLOEXEC | O_NOFOLLOW;
constexpr int only_as_way = O_PATH | O_DIRECTORY;

/// The kernel refuses paths of PATH_MAX (4096) bytes; longer ones are walked in pieces of at most this.
constexpr std::size_t longest_piece = 4000;

int flags_of(Opening how) {
  const int more = (how.create ? O_CREAT : 0) | (how.empty ? O_TRUNC : 0);
  switch (how.access) {
    case Access::way: return only_as_way;
    case Access::list:
    case Access::adjust: return O_RDONLY | O_DIRECTORY;
    case Access::read: return O_RDONLY | O_NONBLOCK | O_NOCTTY | more;
    case Access::write: return O_WRONLY | more;
    case Access::read_write: return O_RDWR | more;
    case Access::append: return O_WRONLY | O_APPEND | more;
  }
  return O_RDONLY;
}

Unexpected trouble_with(std::string_view path) { return disk_failure("opening " + std::string{path}); }

/// openat2(2) may be missing (before Linux 5.6) or forbidden (older container runtimes answer EPERM for calls they do not know).
std::atomic<bool> openat2_is_missing = false;

int openat2_beneath(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | always);
  how.mode = (flags & O_CREAT) != 0 ? private_file : 0;
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
  if (native_ != none) ::close(native_);
}

Result<Handle> open_by_components(const Handle& root, std::string_view path, Opening how) {
  if (path.empty()) path = ".";
  Handle way;
  int here = root.native();
  for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/')) {
    const std::string component{path.substr(0, slash)};
    if (!is_plain(component)) return errno = EXDEV, trouble_with(path);
    Handle next{::openat(here, component.c_str(), only_as_way | always)};
    if (!next) return trouble_with(path);
    way = std::move(next);
    here = way.native();
    path.remove_prefix(slash + 1);
  }
  if (!is_plain(path) && path != ".") return errno = EXDEV, trouble_with(path);
  Handle opened{::openat(here, std::string{path}.c_str(), flags_of(how) | always, private_file)};
  if (!opened) return trouble_with(path);
  return opened;
}

Result<Handle> open_beneath(const Handle& root, std::string_view path, Opening how) {
  if (openat2_is_missing.load(std::memory_order_relaxed)) return open_by_components(root, path, how);
  if (path.empty()) path = ".";
  auto rest = path;
  Handle way;
  int here = root.native();
  while (rest.size() > longest_piece) {
    const auto slash = rest.rfind('/', longest_piece);
    if (slash == rest.npos) return errno = ENAMETOOLONG, trouble_with(path);
    Handle next{openat2_beneath(here, std::string{rest.substr(0, slash)}, only_as_way)};
    if (!next && (errno == ENOSYS || errno == EPERM)) return open_by_components(root, path, how);
    if (!next) return trouble_with(path);
    way = std::move(next);
    here = way.native();
    rest.remove_prefix(slash + 1);
  }
  Handle opened{openat2_beneath(here, std::string{rest}, flags_of(how))};
  if (opened) return opened;
  if (errno == ENOSYS) openat2_is_missing = true;
  if (errno == ENOSYS || errno == EPERM) return open_by_components(root, path, how);
  return trouble_with(path);
}

Result<Handle> open_named(const std::filesystem::path& path, Opening how) {
  Handle opened{::open(path.c_str(), flags_of(how) | O_CLOEXEC, private_file)};
  if (!opened) return trouble_with(path.native());
  return opened;
}

Result<Place> place_beneath(const Handle& root, std::string_view path) {
  const auto slash = path.rfind('/');
  const auto above = slash == path.npos ? std::string_view{} : path.substr(0, slash);
  auto parent = open_beneath(root, above, {.access = Access::way});
  if (!parent) return Unexpected{std::move(parent).error()};
  return Place{*std::move(parent), std::string{slash == path.npos ? path : path.substr(slash + 1)}};
}

Result<std::vector<std::string>> names_in(const Handle& folder) {
  // A description of its own: fdopendir() takes the handle over, and the position in the folder with it.
  const int fd = ::openat(folder.native(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return trouble_with("a folder");
  const std::unique_ptr<DIR, DirectoryCloser> stream{::fdopendir(fd)};
  if (!stream) {
    const auto failed = trouble_with("a folder");
    ::close(fd);
    return failed;
  }
  std::vector<std::string> names;
  errno = 0;
  while (const auto* entry = ::readdir(stream.get())) {
    const std::string_view name{entry->d_name};
    if (is_plain(name)) names.emplace_back(name);
  }
  if (errno != 0) return trouble_with("a folder");
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace pshare
