#include "transfer/disk/folder.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "transfer/disk/posix/beneath.hpp"
#include "transfer/disk/posix/failure.hpp"
#include "transfer/disk/posix/status.hpp"
#include "transfer/safe_name.hpp"

namespace pshare {

Result<Facts> facts_named(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return disk_failure("looking at " + path.native());
  return facts_from(status);
}

Result<Facts> facts_at(const Handle& folder, const std::string& name) {
  struct stat status {};
  if (::fstatat(folder.native(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return disk_failure("looking at " + name);
  return facts_from(status);
}

std::optional<Kind> kind_at(const Handle& folder, const std::string& name) {
  const auto facts = facts_at(folder, name);
  return facts ? std::optional{facts->kind} : std::nullopt;
}

Result<void> check_readable(const Handle& folder, const std::string& name) {
  return zero_or_failure(::faccessat(folder.native(), name.c_str(), R_OK, AT_EACCESS), "reading a file");
}

Result<void> check_readable(const std::filesystem::path& file) {
  return zero_or_failure(::faccessat(AT_FDCWD, file.c_str(), R_OK, AT_EACCESS), "reading a file");
}

Result<void> check_writable(const Handle& folder) {
  return zero_or_failure(::faccessat(folder.native(), ".", W_OK | X_OK, AT_EACCESS), "writing in a folder");
}

Result<void> make_folder(const Handle& parent, const std::string& name) {
  if (::mkdirat(parent.native(), name.c_str(), private_folder) != 0 && errno != EEXIST) return disk_failure("making the folder " + name);
  return {};
}

Result<void> reopen(const Handle& parent, const std::string& name) {
  const auto kind = kind_at(parent, name);
  const auto mode = kind == Kind::folder ? private_folder : private_file;
  return zero_or_failure(::fchmodat(parent.native(), name.c_str(), mode, AT_SYMLINK_NOFOLLOW), "setting a mode");
}

Result<void> reopen(const Handle& folder) {
  struct stat status {};
  if (::fstat(folder.native(), &status) != 0) return disk_failure("looking at a folder");
  if ((status.st_mode & 0777) == private_folder) return {};
  return zero_or_failure(::fchmod(folder.native(), private_folder), "setting a mode");
}

Result<void> remove_name(const Handle& folder, const std::string& name) {
  if (::unlinkat(folder.native(), name.c_str(), 0) != 0 && errno != ENOENT) return disk_failure("removing " + name);
  return {};
}

Result<void> remove_tree(const Handle& folder, const std::string& name) {
  if (::unlinkat(folder.native(), name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return disk_failure("removing " + name);  // POSIX lets unlink() of a directory say EPERM

  std::vector<std::string> folders{name};  // each after the one it lies in
  for (std::size_t at = 0; at < folders.size(); ++at) {
    const auto place = place_beneath(folder, folders[at]);
    if (!place) return Unexpected{place.error()};
    // Ours may have been given their final modes already, such as 0555.
    if (::fchmodat(place->parent.native(), place->name.c_str(), private_folder, AT_SYMLINK_NOFOLLOW) != 0) return disk_failure("removing " + folders[at]);
    const auto opened = open_beneath(folder, folders[at], {.access = Access::list});
    if (!opened) return Unexpected{opened.error()};
    const auto names = names_in(*opened);
    if (!names) return Unexpected{names.error()};
    for (const auto& each : *names) {
      if (::unlinkat(opened->native(), each.c_str(), 0) == 0 || errno == ENOENT) continue;
      if (errno != EISDIR && errno != EPERM) return disk_failure("removing " + folders[at] + "/" + each);
      folders.push_back(folders[at] + "/" + each);
    }
  }
  for (auto each = folders.rbegin(); each != folders.rend(); ++each) {
    const auto place = place_beneath(folder, *each);
    if (!place) return Unexpected{place.error()};
    if (::unlinkat(place->parent.native(), place->name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) return disk_failure("removing " + *each);
  }
  return {};
}

Result<void> rename_over(const Place& from, const Place& to) {
  return zero_or_failure(::renameat(from.parent.native(), from.name.c_str(), to.parent.native(), to.name.c_str()), "renaming a file");
}

// rename(2) that fails with EEXIST instead of overwriting, also on file systems that cannot do that in one step (NFS, FUSE, old
// kernels): there a link, which never overwrites, and for folders a look beforehand.
Result<void> rename_fresh(const Place& from, const Place& to) {
  const int source = from.parent.native(), target = to.parent.native();
  const auto failed = [](int why) {
    errno = why == ENOTEMPTY ? EEXIST : why;
    return disk_failure("renaming a file");
  };
  if (::renameat2(source, from.name.c_str(), target, to.name.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return failed(errno);
  const auto kind = kind_at(from.parent, from.name);
  if (!kind) return failed(ENOENT);
  if (*kind == Kind::folder) {
    if (kind_at(to.parent, to.name)) return failed(EEXIST);
    if (::renameat(source, from.name.c_str(), target, to.name.c_str()) != 0) return failed(errno);
    return {};
  }
  if (::linkat(source, from.name.c_str(), target, to.name.c_str(), 0) != 0) return failed(errno);
  return zero_or_failure(::unlinkat(source, from.name.c_str(), 0), "renaming a file");
}

Result<std::optional<std::string>> link_target(const Handle& folder, const std::string& name) {
  std::array<char, max_link_target + 1> target;
  const auto length = ::readlinkat(folder.native(), name.c_str(), target.data(), target.size());
  if (length < 0) return disk_failure("reading the link " + name);
  return std::optional{std::string{target.data(), static_cast<std::size_t>(length)}};
}

Result<void> make_link(const Place& link, std::string_view target, bool, std::int64_t mtime) {
  if (auto removed = remove_name(link.parent, link.name); !removed) return removed;
  if (::symlinkat(std::string{target}.c_str(), link.parent.native(), link.name.c_str()) != 0) return disk_failure("making a link");
  return zero_or_failure(::utimensat(link.parent.native(), link.name.c_str(), times_of(mtime).data(), AT_SYMLINK_NOFOLLOW), "setting the time of a link");
}

Result<void> sync_all(const Handle& folder) { return zero_or_failure(::syncfs(folder.native()), "syncing a file system"); }

Result<std::uint64_t> free_space(const Handle& folder) {
  struct statvfs space {};
  if (::fstatvfs(folder.native(), &space) != 0) return disk_failure("asking for the free space");
  return std::uint64_t{space.f_bavail} * space.f_frsize;
}

}  // namespace pshare
