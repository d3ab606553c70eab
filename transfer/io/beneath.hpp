// Opening files below one directory handle and never outside of it: no "..", no absolute path, no symbolic link on the way and none
// at the end, even when somebody swaps them in while we look. openat2(2) does it in one call; where the kernel has not got it, we go
// component by component with O_NOFOLLOW.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/result.hpp"

namespace pshare {

/// An open file or directory, closed with its owner.
class Handle {
 public:
  Handle() = default;
  explicit Handle(int fd) : fd_(fd) {}
  Handle(Handle&& other) noexcept : fd_(std::exchange(other.fd_, none)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Handle();

  explicit operator bool() const { return fd_ != none; }
  int fd() const { return fd_; }

 private:
  static constexpr int none = -1;
  int fd_ = none;
};

/// What errno says now.
std::error_code last_system_error();

/// Opens `path` (components joined by '/', "" for `root` itself) with open(2)'s flags; O_CLOEXEC and O_NOFOLLOW are implied.
/// Paths longer than PATH_MAX work. Errors: local_io with the system's cause.
Result<Handle> open_beneath(int root, std::string_view path, int flags, mode_t mode = 0);
/// The same without openat2(2); for kernels before 5.6, and to be tested on newer ones.
Result<Handle> open_by_components(int root, std::string_view path, int flags, mode_t mode = 0);

/// The directory something lies in and its name there: for the calls that take both (mkdirat, renameat2, unlinkat, ...).
struct Place {
  Handle parent;  // O_PATH
  std::string name;
};
Result<Place> place_beneath(int root, std::string_view path);

/// The names in a directory, sorted, without "." and "..". `directory` must have been opened for reading.
Result<std::vector<std::string>> names_in(const Handle& directory);

/// Removes a file, or a directory with all that lies in it, whatever modes its directories have. Nothing there: fine.
Result<void> remove_tree(int parent, const std::string& name);

/// Reads `length` bytes at `offset`; fewer only at the end of the file. Gives how many.
Result<std::size_t> read_at(int fd, std::byte* out, std::size_t length, std::uint64_t offset);
Result<void> write_at(int fd, const std::byte* bytes, std::size_t length, std::uint64_t offset);

}  // namespace pshare
