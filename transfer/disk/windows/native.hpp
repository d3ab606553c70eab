// What the Windows side of this folder has in common: names as the system writes them, and its errors as std::errc knows them.
#pragma once

#include <windows.h>

// After windows.h, which they need.
#include <winioctl.h>
#include <winternl.h>

#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "transfer/disk/handle.hpp"
#include "wire/result.hpp"

namespace pshare {

/// UTF-16 and back. A name may hold half a surrogate pair: it becomes the three bytes that UTF-8 would give it, and comes back as it was. Of what is no
/// such text each byte becomes U+FFFD; transfer/platform_name.hpp leaves nothing of the kind.
std::wstring wide_name(std::string_view name);
std::string narrow_name(std::wstring_view name);

/// In the category of errno where that has a word for it, in the system's own otherwise.
std::error_code code_of(DWORD error);
std::error_code code_of_status(NTSTATUS status);

inline Unexpected disk_failure(std::string doing, std::error_code cause) {
  return Unexpected{{.code = Errc::local_io, .doing = std::move(doing), .cause = cause}};
}
inline Unexpected disk_failure(std::string doing) { return disk_failure(std::move(doing), code_of(::GetLastError())); }

/// For calls that give FALSE and say why in GetLastError().
inline Result<void> done_or_failure(BOOL done, const char* doing) {
  if (!done) return disk_failure(doing);
  return {};
}

/// Opens what has this name in a folder, and nothing that it leads to: a symbolic link is opened itself. "" opens the folder anew.
/// `disposition`: FILE_OPEN, FILE_CREATE, FILE_OPEN_IF; `options`: FILE_DIRECTORY_FILE, FILE_NON_DIRECTORY_FILE, or 0 for either.
/// A virus scanner or an indexer may hold for a moment what has just been written: such an answer is not taken at once.
Result<Handle> open_itself(const Handle& folder, std::string_view name, ACCESS_MASK access, ULONG disposition, ULONG options);

/// Whether it stands for something elsewhere: a symbolic link, a junction. Other reparse points (files kept in a cloud, compressed ones) are what they seem.
Result<bool> leads_elsewhere(const Handle& file);

/// Attributes of files that somebody (a cloud's program, an archive) brings when they are read: FILE_ATTRIBUTE_OFFLINE, _RECALL_ON_OPEN, _RECALL_ON_DATA_ACCESS.
inline constexpr DWORD lies_elsewhere = 0x1000 | 0x40000 | 0x400000;

inline constexpr DWORD first_pause_ms = 10;                            // doubled each time
inline constexpr DWORD last_pause_ms = 320, last_pause_to_move_ms = 2560;  // 0.6 s and 5 s together

inline bool is_held_by_somebody(NTSTATUS status) {
  constexpr auto sharing_violation = static_cast<NTSTATUS>(0xC0000043), delete_pending = static_cast<NTSTATUS>(0xC0000056);
  return status == sharing_violation || status == delete_pending;
}

/// `work` until it gives a status that is not `passing`, or those had time enough.
template <typename Work, typename IsPassing>
NTSTATUS until_settled(Work&& work, IsPassing&& is_passing, DWORD last_pause) {
  for (auto pause = first_pause_ms;; pause *= 2) {
    const NTSTATUS status = work();
    if (!is_passing(status) || pause > last_pause) return status;
    ::Sleep(pause);
  }
}

/// Until nobody else has the file open.
template <typename Work>
NTSTATUS when_let_go(Work&& work) {
  return until_settled(work, is_held_by_somebody, last_pause_ms);
}

/// The same for a new name. "Access denied" is how the system also says that somebody reads in a folder that is to be moved, or the file that is to be
/// replaced; of a tree that has just been written, virus scanners read much.
template <typename Work>
NTSTATUS when_free_to_move(Work&& work) {
  constexpr auto access_denied = static_cast<NTSTATUS>(0xC0000022);
  return until_settled(work, [](NTSTATUS status) { return is_held_by_somebody(status) || status == access_denied; }, last_pause_to_move_ms);
}

}  // namespace pshare
