#include "transfer/disk/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "transfer/checksum.hpp"
#include "transfer/disk/posix/failure.hpp"
#include "transfer/disk/posix/status.hpp"

namespace pshare {

namespace {

constexpr std::int64_t second = 1'000'000'000;  // in nanoseconds

Kind kind_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG: return Kind::file;
    case S_IFDIR: return Kind::folder;
    case S_IFLNK: return Kind::link;
    case S_IFIFO: return Kind::pipe;
    case S_IFSOCK: return Kind::socket;
    case S_IFCHR:
    case S_IFBLK: return Kind::device;
    default: return Kind::other;
  }
}

std::int64_t nanoseconds(const timespec& time) {
  constexpr auto last = std::numeric_limits<std::int64_t>::max() / second - 1;  // the year 2262
  return std::clamp<std::int64_t>(time.tv_sec, -last, last) * second + time.tv_nsec;
}

std::uint64_t version_of(const struct stat& status) {
  const std::array<std::uint64_t, 7> facts{
      status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
      static_cast<std::uint64_t>(status.st_ctim.tv_sec), static_cast<std::uint64_t>(status.st_ctim.tv_nsec),
      static_cast<std::uint64_t>(status.st_mtim.tv_sec), static_cast<std::uint64_t>(status.st_mtim.tv_nsec)};
  return short_hash_of(std::as_bytes(std::span{facts}));
}

/// Zeros are written so many at a time.
constexpr std::size_t zeros_at_once = 64 * 1024;
const std::array<std::byte, zeros_at_once> zeros{};

}  // namespace

Facts facts_from(const struct stat& status) {
  constexpr std::uint64_t block = 512;  // stat(2): st_blocks counts these, whatever the file system's own
  return {.kind = kind_of(status.st_mode),
          .size = S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0,
          .allocated = static_cast<std::uint64_t>(status.st_blocks) * block,
          .mtime = nanoseconds(status.st_mtim),
          .mode = static_cast<std::uint16_t>(status.st_mode & 0777),
          .version = version_of(status)};
}

std::array<timespec, 2> times_of(std::int64_t mtime) {
  auto seconds = mtime / second, rest = mtime % second;
  if (rest < 0) --seconds, rest += second;
  return {timespec{0, UTIME_OMIT}, timespec{.tv_sec = seconds, .tv_nsec = rest}};
}

Result<Facts> facts_of(const Handle& file) {
  struct stat status {};
  if (::fstat(file.native(), &status) != 0) return disk_failure("looking at a file");
  return facts_from(status);
}

Result<bool> is_ours(const Handle& file) {
  struct stat status {};
  if (::fstat(file.native(), &status) != 0) return disk_failure("looking at a file");
  return status.st_uid == ::geteuid();
}

Result<bool> has_a_name(const Handle& file) {
  struct stat status {};
  if (::fstat(file.native(), &status) != 0) return disk_failure("looking at a file");
  return status.st_nlink > 0;
}

Result<std::size_t> read_at(const Handle& file, std::byte* out, std::size_t length, std::uint64_t offset) {
  std::size_t got = 0;
  while (got < length) {
    const auto count = ::pread(file.native(), out + got, length - got, static_cast<off_t>(offset + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return disk_failure("reading a file");
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  return got;
}

Result<void> write_at(const Handle& file, const std::byte* bytes, std::size_t length, std::uint64_t offset) {
  std::size_t put = 0;
  while (put < length) {
    const auto count = ::pwrite(file.native(), bytes + put, length - put, static_cast<off_t>(offset + put));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return disk_failure("writing a file");
    put += static_cast<std::size_t>(count);
  }
  return {};
}

Result<void> append(const Handle& file, ByteView bytes) {
  while (!bytes.empty()) {
    const auto count = ::write(file.native(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return disk_failure("writing a file");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<void> set_size(const Handle& file, std::uint64_t size) {
  return zero_or_failure(::ftruncate(file.native(), static_cast<off_t>(size)), "setting the size of a file");
}

Result<void> allocate(const Handle& file, std::uint64_t size) {
  if (::fallocate(file.native(), 0, 0, static_cast<off_t>(size)) == 0) return {};
  if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL) return disk_failure("making room for a file");
  return set_size(file, size);
}

void allow_holes(const Handle&) {}

Result<void> make_hole(const Handle& file, std::uint64_t offset, std::uint64_t length) {
  if (::fallocate(file.native(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset), static_cast<off_t>(length)) == 0) return {};
  for (std::uint64_t done = 0; done < length;) {
    const auto some = std::min<std::uint64_t>(zeros_at_once, length - done);
    if (auto written = write_at(file, zeros.data(), some, offset + done); !written) return written;
    done += some;
  }
  return {};
}

std::optional<std::uint64_t> next_data(const Handle& file, std::uint64_t offset) {
  const auto data = ::lseek(file.native(), static_cast<off_t>(offset), SEEK_DATA);
  if (data >= 0) return static_cast<std::uint64_t>(data);
  if (errno == ENXIO) return std::nullopt;
  return offset;
}

Result<void> set_mtime(const Handle& file, std::int64_t nanoseconds) {
  return zero_or_failure(::futimens(file.native(), times_of(nanoseconds).data()), "setting a time");
}

Result<void> set_mode(const Handle& file, std::uint16_t mode) {
  return zero_or_failure(::fchmod(file.native(), mode & 0777), "setting a mode");
}

Result<void> sync_data(const Handle& file) { return zero_or_failure(::fdatasync(file.native()), "syncing a file"); }
Result<void> sync(const Handle& file) { return zero_or_failure(::fsync(file.native()), "syncing a file"); }

Result<bool> try_lock(const Handle& file) {
  if (::flock(file.native(), LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return disk_failure("locking a file");
}

}  // namespace pshare
