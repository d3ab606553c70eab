#include "transfer/disk/file.hpp"

#include <aclapi.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <span>

#include "transfer/checksum.hpp"
#include "transfer/disk/windows/native.hpp"

namespace pshare {

namespace {

constexpr std::int64_t tick = 100;                              // nanoseconds
constexpr std::int64_t ticks_before_1970 = 116'444'736'000'000'000;

/// One call takes at most so many bytes.
constexpr std::uint64_t most_at_once = 1u << 30;

/// Zeros are written so many at a time.
constexpr std::size_t zeros_at_once = 64 * 1024;
const std::array<std::byte, zeros_at_once> zeros{};

/// Windows counts 100 ns from 1601 on; ours are nanoseconds since 1970. What lies outside of either becomes its first or last.
LARGE_INTEGER file_time_of(std::int64_t nanoseconds) {
  const auto whole = nanoseconds / tick - (nanoseconds % tick < 0 ? 1 : 0);
  LARGE_INTEGER time;
  time.QuadPart = std::max<std::int64_t>(whole + ticks_before_1970, 1);  // 0 would mean: as it is
  return time;
}

std::int64_t nanoseconds_of(LARGE_INTEGER file_time) {
  constexpr auto last = std::numeric_limits<std::int64_t>::max() / tick;
  return std::clamp<std::int64_t>(file_time.QuadPart - ticks_before_1970, -last, last) * tick;
}

OVERLAPPED at_offset(std::uint64_t offset) {
  OVERLAPPED where{};
  where.Offset = static_cast<DWORD>(offset);
  where.OffsetHigh = static_cast<DWORD>(offset >> 32);
  return where;
}

Result<void> write_all(const Handle& file, const std::byte* bytes, std::size_t length, std::uint64_t offset, bool at_end) {
  while (length > 0) {
    auto where = at_offset(at_end ? std::numeric_limits<std::uint64_t>::max() : offset);
    DWORD put = 0;
    if (!::WriteFile(file.native(), bytes, static_cast<DWORD>(std::min<std::uint64_t>(length, most_at_once)), &put, &where)) return disk_failure("writing a file");
    bytes += put;
    length -= put;
    offset += put;
  }
  return {};
}

Kind kind_of(const Handle& file, DWORD attributes) {
  switch (::GetFileType(file.native())) {
    case FILE_TYPE_PIPE: return Kind::pipe;
    case FILE_TYPE_CHAR: return Kind::device;
    case FILE_TYPE_DISK: break;
    default: return Kind::other;
  }
  if (const auto elsewhere = leads_elsewhere(file); elsewhere && *elsewhere) return Kind::link;
  return (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 ? Kind::folder : Kind::file;
}

/// The nearest that Windows has to POSIX permissions is the read-only mark; the rest is what files are given elsewhere.
std::uint16_t mode_of(Kind kind, DWORD attributes) {
  if (kind == Kind::folder) return 0755;
  return (attributes & FILE_ATTRIBUTE_READONLY) != 0 ? 0444 : 0644;
}

/// What is kept in a cloud, or compressed by other means than the file system's, takes little room here as well; that is none of zeros.
bool may_have_holes(DWORD attributes) { return (attributes & FILE_ATTRIBUTE_SPARSE_FILE) != 0 && (attributes & (FILE_ATTRIBUTE_REPARSE_POINT | lies_elsewhere)) == 0; }

struct SecurityDescriptorCloser {
  void operator()(void* descriptor) const { ::LocalFree(descriptor); }
};

}  // namespace

Result<Facts> facts_of(const Handle& file) {
  BY_HANDLE_FILE_INFORMATION which{};
  FILE_BASIC_INFO basic{};
  FILE_STANDARD_INFO standard{};
  if (!::GetFileInformationByHandle(file.native(), &which) || !::GetFileInformationByHandleEx(file.native(), FileBasicInfo, &basic, sizeof basic) ||
      !::GetFileInformationByHandleEx(file.native(), FileStandardInfo, &standard, sizeof standard))
    return disk_failure("looking at a file");
  const auto kind = kind_of(file, basic.FileAttributes);
  const std::array<std::uint64_t, 5> facts{
      which.dwVolumeSerialNumber, std::uint64_t{which.nFileIndexHigh} << 32 | which.nFileIndexLow, static_cast<std::uint64_t>(standard.EndOfFile.QuadPart),
      static_cast<std::uint64_t>(basic.ChangeTime.QuadPart), static_cast<std::uint64_t>(basic.LastWriteTime.QuadPart)};
  return Facts{.kind = kind,
               .size = kind == Kind::file ? static_cast<std::uint64_t>(standard.EndOfFile.QuadPart) : 0,
               .allocated = static_cast<std::uint64_t>(may_have_holes(basic.FileAttributes) ? standard.AllocationSize.QuadPart
                                                                                             : std::max(standard.AllocationSize.QuadPart, standard.EndOfFile.QuadPart)),
               .mtime = nanoseconds_of(basic.LastWriteTime),
               .mode = mode_of(kind, basic.FileAttributes),
               .version = short_hash_of(std::as_bytes(std::span{facts}))};
}

// What an administrator makes may belong to all administrators. Where there are no owners (FAT, some shares), everything is everybody's.
Result<bool> is_ours(const Handle& file) {
  PSID owner = nullptr;
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  if (::GetSecurityInfo(file.native(), SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION, &owner, nullptr, nullptr, nullptr, &descriptor) != ERROR_SUCCESS) return true;
  const std::unique_ptr<void, SecurityDescriptorCloser> closer{descriptor};
  BOOL member = FALSE;
  if (owner == nullptr || !::CheckTokenMembership(nullptr, owner, &member)) return true;
  return member != FALSE;
}

Result<bool> has_a_name(const Handle& file) {
  FILE_STANDARD_INFO standard{};
  if (!::GetFileInformationByHandleEx(file.native(), FileStandardInfo, &standard, sizeof standard)) return disk_failure("looking at a file");
  return standard.NumberOfLinks > 0 && !standard.DeletePending;
}

Result<std::size_t> read_at(const Handle& file, std::byte* out, std::size_t length, std::uint64_t offset) {
  std::size_t got = 0;
  while (got < length) {
    auto where = at_offset(offset + got);
    DWORD count = 0;
    if (!::ReadFile(file.native(), out + got, static_cast<DWORD>(std::min<std::uint64_t>(length - got, most_at_once)), &count, &where)) {
      if (::GetLastError() == ERROR_HANDLE_EOF) break;
      return disk_failure("reading a file");
    }
    if (count == 0) break;
    got += count;
  }
  return got;
}

Result<void> write_at(const Handle& file, const std::byte* bytes, std::size_t length, std::uint64_t offset) {
  return write_all(file, bytes, length, offset, false);
}

Result<void> append(const Handle& file, ByteView bytes) { return write_all(file, bytes.data(), bytes.size(), 0, true); }

Result<void> set_size(const Handle& file, std::uint64_t size) {
  FILE_END_OF_FILE_INFO end{};
  end.EndOfFile.QuadPart = static_cast<LONGLONG>(size);
  return done_or_failure(::SetFileInformationByHandle(file.native(), FileEndOfFileInfo, &end, sizeof end), "setting the size of a file");
}

Result<void> allocate(const Handle& file, std::uint64_t size) {
  FILE_ALLOCATION_INFO room{};
  room.AllocationSize.QuadPart = static_cast<LONGLONG>(size);
  if (!::SetFileInformationByHandle(file.native(), FileAllocationInfo, &room, sizeof room)) {
    const auto cause = code_of(::GetLastError());
    if (cause == std::errc::no_space_on_device || cause == std::errc::file_too_large) return disk_failure("making room for a file", cause);
  }
  return set_size(file, size);
}

void allow_holes(const Handle& file) {
  DWORD ignored = 0;  // where it cannot be, zeros are written
  ::DeviceIoControl(file.native(), FSCTL_SET_SPARSE, nullptr, 0, nullptr, 0, &ignored, nullptr);
}

Result<void> make_hole(const Handle& file, std::uint64_t offset, std::uint64_t length) {
  FILE_ZERO_DATA_INFORMATION range{};
  range.FileOffset.QuadPart = static_cast<LONGLONG>(offset);
  range.BeyondFinalZero.QuadPart = static_cast<LONGLONG>(offset + length);
  DWORD ignored = 0;
  if (::DeviceIoControl(file.native(), FSCTL_SET_ZERO_DATA, &range, sizeof range, nullptr, 0, &ignored, nullptr)) return {};
  for (std::uint64_t done = 0; done < length;) {
    const auto some = std::min<std::uint64_t>(zeros_at_once, length - done);
    if (auto written = write_at(file, zeros.data(), some, offset + done); !written) return written;
    done += some;
  }
  return {};
}

std::optional<std::uint64_t> next_data(const Handle& file, std::uint64_t offset) {
  FILE_STANDARD_INFO standard{};
  FILE_BASIC_INFO basic{};
  if (!::GetFileInformationByHandleEx(file.native(), FileStandardInfo, &standard, sizeof standard) ||
      !::GetFileInformationByHandleEx(file.native(), FileBasicInfo, &basic, sizeof basic))
    return offset;
  const auto size = static_cast<std::uint64_t>(standard.EndOfFile.QuadPart);
  if (offset >= size) return std::nullopt;
  if (!may_have_holes(basic.FileAttributes)) return offset;
  FILE_ALLOCATED_RANGE_BUFFER asked{}, found{};
  asked.FileOffset.QuadPart = static_cast<LONGLONG>(offset);
  asked.Length.QuadPart = static_cast<LONGLONG>(size - offset);
  DWORD bytes = 0;
  const bool answered = ::DeviceIoControl(file.native(), FSCTL_QUERY_ALLOCATED_RANGES, &asked, sizeof asked, &found, sizeof found, &bytes, nullptr);
  if (!answered && ::GetLastError() != ERROR_MORE_DATA) return offset;
  if (bytes < sizeof found) return answered ? std::nullopt : std::optional{offset};
  return std::max(offset, static_cast<std::uint64_t>(found.FileOffset.QuadPart));
}

Result<void> set_mtime(const Handle& file, std::int64_t nanoseconds) {
  FILE_BASIC_INFO basic{};  // zeros: as they are
  basic.LastWriteTime = file_time_of(nanoseconds);
  return done_or_failure(::SetFileInformationByHandle(file.native(), FileBasicInfo, &basic, sizeof basic), "setting a time");
}

Result<void> set_mode(const Handle& file, std::uint16_t mode) {
  FILE_BASIC_INFO now{};
  if (!::GetFileInformationByHandleEx(file.native(), FileBasicInfo, &now, sizeof now)) return disk_failure("looking at a file");
  if ((now.FileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0) return {};  // there the mark means something else
  constexpr std::uint16_t owner_may_write = 0200;
  const auto others = now.FileAttributes & ~DWORD{FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_NORMAL};
  const auto wanted = others | ((mode & owner_may_write) == 0 ? FILE_ATTRIBUTE_READONLY : 0);
  FILE_BASIC_INFO basic{};
  basic.FileAttributes = wanted == 0 ? FILE_ATTRIBUTE_NORMAL : wanted;
  return done_or_failure(::SetFileInformationByHandle(file.native(), FileBasicInfo, &basic, sizeof basic), "setting a mode");
}

Result<void> sync_data(const Handle& file) { return sync(file); }

// Folders cannot be flushed by those who may only list them. Their names are in the file system's own journal.
Result<void> sync(const Handle& file) {
  if (::FlushFileBuffers(file.native())) return {};
  const auto error = ::GetLastError();
  if (error == ERROR_ACCESS_DENIED) {
    FILE_BASIC_INFO basic{};
    if (::GetFileInformationByHandleEx(file.native(), FileBasicInfo, &basic, sizeof basic) && (basic.FileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0) return {};
  }
  return disk_failure("syncing a file", code_of(error));
}

Result<bool> try_lock(const Handle& file) {
  OVERLAPPED first_byte{};
  if (::LockFileEx(file.native(), LOCKFILE_EXCLUSIVE_LOCK | LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &first_byte)) return true;
  const auto error = ::GetLastError();
  if (error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING) return false;
  return disk_failure("locking a file", code_of(error));
}

}  // namespace pshare
