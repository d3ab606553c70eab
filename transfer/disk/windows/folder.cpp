#include "transfer/disk/folder.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>

#include "transfer/disk/windows/long_path.hpp"
#include "transfer/disk/windows/native.hpp"

namespace pshare {

namespace {

// Of Windows 10 1709 and later; its headers name them only for drivers. Older systems, and file systems that do not know them, refuse these classes.
constexpr int disposition_ex = 64, rename_ex = 65;
constexpr ULONG dispose = 0x1, dispose_posix = 0x2, dispose_read_only = 0x10;
constexpr ULONG replace_existing = 0x1, replace_posix = 0x2, replace_read_only = 0x40;

Result<void> as_result(NTSTATUS status, const std::string& doing) {
  if (!NT_SUCCESS(status)) return disk_failure(doing, code_of_status(status));
  return {};
}

/// The system, or this file system, does not know that kind of request; or not for this file.
bool is_unknown(NTSTATUS status) {
  constexpr auto invalid_class = static_cast<NTSTATUS>(0xC0000003), invalid_parameter = static_cast<NTSTATUS>(0xC000000D),
                 not_supported = static_cast<NTSTATUS>(0xC00000BB), not_implemented = static_cast<NTSTATUS>(0xC0000002),
                 invalid_request = static_cast<NTSTATUS>(0xC0000010);
  return status == invalid_class || status == invalid_parameter || status == not_supported || status == not_implemented || status == invalid_request;
}

template <typename Information>
NTSTATUS set_information(const Handle& file, Information* information, std::size_t size, int which) {
  IO_STATUS_BLOCK outcome{};
  return ::NtSetInformationFile(file.native(), &outcome, information, static_cast<ULONG>(size), static_cast<FILE_INFORMATION_CLASS>(which));
}

Result<DWORD> attributes_of(const Handle& file) {
  FILE_BASIC_INFO basic{};
  if (!::GetFileInformationByHandleEx(file.native(), FileBasicInfo, &basic, sizeof basic)) return disk_failure("looking at a file");
  return basic.FileAttributes;
}

/// Removes what is open, with the right to. An empty folder, a file, a link.
Result<void> remove_open(const Handle& file, const std::string& name) {
  ULONG flags = dispose | dispose_posix | dispose_read_only;
  auto status = when_let_go([&] { return set_information(file, &flags, sizeof flags, disposition_ex); });
  if (is_unknown(status)) {
    if (auto writable = set_mode(file, 0600); !writable) return writable;
    FILE_DISPOSITION_INFORMATION disposition{};
    disposition.DoDeleteFile = TRUE;
    status = when_let_go([&] { return set_information(file, &disposition, sizeof disposition, FileDispositionInformation); });
  }
  return as_result(status, "removing " + name);
}

constexpr ACCESS_MASK for_removal = DELETE | FILE_WRITE_ATTRIBUTES;

/// Files and links go; gives whether it is a folder instead.
Result<bool> remove_unless_folder(const Handle& folder, const std::string& name) {
  const auto file = open_itself(folder, name, for_removal, FILE_OPEN, 0);
  if (!file) {
    if (file.error().cause == std::errc::no_such_file_or_directory) return false;
    return Unexpected{file.error()};
  }
  const auto attributes = attributes_of(*file);
  if (!attributes) return Unexpected{attributes.error()};
  const auto elsewhere = leads_elsewhere(*file);
  if (!elsewhere) return Unexpected{elsewhere.error()};
  if ((*attributes & FILE_ATTRIBUTE_DIRECTORY) != 0 && !*elsewhere) return true;
  if (auto removed = remove_open(*file, name); !removed) return Unexpected{std::move(removed).error()};
  return false;
}

/// The request to give an open file another name, in the buffer that it is made of.
struct RenameRequest {
  RenameRequest(const Place& to, ULONG flags) {
    const auto wide = wide_name(to.name);
    // A name of one letter leaves room at the end of the structure, without which it is refused.
    size = std::max(sizeof(FILE_RENAME_INFORMATION), offsetof(FILE_RENAME_INFORMATION, FileName) + wide.size() * sizeof(wchar_t));
    memory = std::make_unique<std::uint64_t[]>(size / sizeof(std::uint64_t) + 2);
    auto* request = information();
    std::memcpy(request, &flags, sizeof flags);  // the older request has a BOOLEAN here, which `replace_existing` is
    request->RootDirectory = to.parent.native();
    request->FileNameLength = static_cast<ULONG>(wide.size() * sizeof(wchar_t));
    std::memcpy(request->FileName, wide.data(), wide.size() * sizeof(wchar_t));
  }
  FILE_RENAME_INFORMATION* information() { return reinterpret_cast<FILE_RENAME_INFORMATION*>(memory.get()); }

  std::size_t size = 0;
  std::unique_ptr<std::uint64_t[]> memory;
};

Result<void> rename(const Place& from, const Place& to, bool replacing) {
  const auto doing = "renaming " + from.name;
  const auto file = open_itself(from.parent, from.name, for_removal, FILE_OPEN, 0);
  if (!file) return Unexpected{file.error()};
  if (replacing) {
    RenameRequest request{to, replace_existing | replace_posix | replace_read_only};
    const auto status = when_free_to_move([&] { return set_information(*file, request.information(), request.size, rename_ex); });
    if (!is_unknown(status)) return as_result(status, doing);
    if (kind_at(to.parent, to.name) == Kind::file)
      if (auto writable = reopen(to.parent, to.name); !writable) return writable;
  }
  RenameRequest request{to, replacing ? replace_existing : 0};
  return as_result(when_free_to_move([&] { return set_information(*file, request.information(), request.size, FileRenameInformation); }), doing);
}

/// Empty: it has none, or none that we are told.
std::wstring path_of(const Handle& folder) {
  std::wstring path;
  for (DWORD needed = MAX_PATH; needed > path.size();) {
    path.resize(needed);
    needed = ::GetFinalPathNameByHandleW(folder.native(), path.data(), static_cast<DWORD>(path.size()), FILE_NAME_NORMALIZED);
    if (needed < path.size()) path.resize(needed);  // without the zero behind it, which counts only when there is too little room
  }
  return path;
}

// [MS-FSCC] 2.1.2.4, Symbolic Link Reparse Data Buffer.
struct SymbolicLinkData {
  ULONG tag;
  USHORT length, reserved;
  USHORT substitute_offset, substitute_length, print_offset, print_length;
  ULONG flags;
};
constexpr ULONG relative_link = 1;

}  // namespace

Result<Facts> facts_named(const std::filesystem::path& path) {
  const Handle file{::CreateFileW(long_path(path).c_str(), FILE_READ_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr, OPEN_EXISTING,
                                  FILE_FLAG_BACKUP_SEMANTICS, nullptr)};
  if (file.native() == INVALID_HANDLE_VALUE) return disk_failure("looking at " + narrow_name(path.native()));
  return facts_of(file);
}

Result<Facts> facts_at(const Handle& folder, const std::string& name) {
  const auto file = open_itself(folder, name, 0, FILE_OPEN, 0);
  if (!file) return Unexpected{file.error()};
  return facts_of(*file);
}

std::optional<Kind> kind_at(const Handle& folder, const std::string& name) {
  const auto facts = facts_at(folder, name);
  return facts ? std::optional{facts->kind} : std::nullopt;
}

Result<void> check_readable(const Handle& folder, const std::string& name) {
  const auto file = open_itself(folder, name, FILE_GENERIC_READ, FILE_OPEN, 0);
  if (!file) return Unexpected{file.error()};
  return {};
}

Result<void> check_readable(const std::filesystem::path& file) {
  const auto opened = open_named(file, {.access = Access::read});
  if (!opened) return Unexpected{opened.error()};
  return {};
}

Result<void> check_writable(const Handle& folder) {
  const auto opened = open_itself(folder, "", FILE_ADD_FILE | FILE_ADD_SUBDIRECTORY, FILE_OPEN, FILE_DIRECTORY_FILE);
  if (!opened) return Unexpected{opened.error()};
  return {};
}

Result<void> make_folder(const Handle& parent, const std::string& name) {
  const auto made = open_itself(parent, name, FILE_LIST_DIRECTORY, FILE_CREATE, FILE_DIRECTORY_FILE);
  if (!made && made.error().cause != std::errc::file_exists) return Unexpected{made.error()};
  return {};
}

Result<void> reopen(const Handle& parent, const std::string& name) {
  const auto file = open_itself(parent, name, FILE_WRITE_ATTRIBUTES, FILE_OPEN, 0);
  if (!file) return Unexpected{file.error()};
  return set_mode(*file, 0600);
}

Result<void> reopen(const Handle&) { return {}; }  // nothing closes a folder here

Result<void> remove_name(const Handle& folder, const std::string& name) {
  const auto is_folder = remove_unless_folder(folder, name);
  if (!is_folder) return Unexpected{is_folder.error()};
  if (*is_folder) return disk_failure("removing " + name, std::make_error_code(std::errc::is_a_directory));
  return {};
}

Result<void> remove_tree(const Handle& folder, const std::string& name) {
  const auto is_folder = remove_unless_folder(folder, name);
  if (!is_folder) return Unexpected{is_folder.error()};
  if (!*is_folder) return {};

  std::vector<std::string> folders{name};  // each after the one it lies in
  for (std::size_t at = 0; at < folders.size(); ++at) {
    const auto opened = open_beneath(folder, folders[at], {.access = Access::list});
    if (!opened) return Unexpected{opened.error()};
    const auto names = names_in(*opened);
    if (!names) return Unexpected{names.error()};
    for (const auto& each : *names) {
      const auto below = remove_unless_folder(*opened, each);
      if (!below) return Unexpected{below.error()};
      if (*below) folders.push_back(folders[at] + "/" + each);
    }
  }
  for (auto each = folders.rbegin(); each != folders.rend(); ++each) {
    const auto place = place_beneath(folder, *each);
    if (!place) return Unexpected{place.error()};
    const auto emptied = open_itself(place->parent, place->name, for_removal, FILE_OPEN, FILE_DIRECTORY_FILE);
    if (!emptied && emptied.error().cause == std::errc::no_such_file_or_directory) continue;
    if (!emptied) return Unexpected{emptied.error()};
    if (auto removed = remove_open(*emptied, *each); !removed) return removed;
  }
  return {};
}

Result<void> rename_over(const Place& from, const Place& to) { return rename(from, to, true); }
Result<void> rename_fresh(const Place& from, const Place& to) { return rename(from, to, false); }

Result<std::optional<std::string>> link_target(const Handle& folder, const std::string& name) {
  const auto link = open_itself(folder, name, 0, FILE_OPEN, 0);
  if (!link) return Unexpected{link.error()};
  const auto memory = std::make_unique<std::uint64_t[]>(MAXIMUM_REPARSE_DATA_BUFFER_SIZE / sizeof(std::uint64_t));
  DWORD bytes = 0;
  if (!::DeviceIoControl(link->native(), FSCTL_GET_REPARSE_POINT, nullptr, 0, memory.get(), MAXIMUM_REPARSE_DATA_BUFFER_SIZE, &bytes, nullptr))
    return disk_failure("reading the link " + name);
  SymbolicLinkData data{};
  if (bytes < sizeof data) return std::optional<std::string>{};
  std::memcpy(&data, memory.get(), sizeof data);
  if (data.tag != IO_REPARSE_TAG_SYMLINK || (data.flags & relative_link) == 0) return std::optional<std::string>{};
  if (sizeof data + data.substitute_offset + data.substitute_length > bytes) return std::optional<std::string>{};
  std::wstring target(data.substitute_length / sizeof(wchar_t), L'\0');
  std::memcpy(target.data(), reinterpret_cast<const std::byte*>(memory.get()) + sizeof data + data.substitute_offset, target.size() * sizeof(wchar_t));
  std::replace(target.begin(), target.end(), L'\\', L'/');
  return std::optional{narrow_name(target)};
}

// By the path of the folder: only CreateSymbolicLink() knows of the developer mode. Should somebody move that folder in between, an empty promise lies elsewhere:
// the link is looked for where it should be.
Result<void> make_link(const Place& link, std::string_view target, bool to_folder, std::int64_t mtime) {
  constexpr auto doing = "making a link";
  // A drive, another machine, another stream: a link to these leaves the tree, and opening it would tell that machine who we are.
  if (target.starts_with('/') || target.find_first_of("\\:") != target.npos) return disk_failure(doing, std::make_error_code(std::errc::invalid_argument));
  if (auto removed = remove_name(link.parent, link.name); !removed) return removed;
  const auto parent = path_of(link.parent);
  if (parent.empty()) return disk_failure(doing, std::make_error_code(std::errc::operation_not_permitted));
  auto wanted = wide_name(target);
  std::replace(wanted.begin(), wanted.end(), L'/', L'\\');
  constexpr DWORD in_developer_mode = 0x2;
  const DWORD flags = in_developer_mode | (to_folder ? SYMBOLIC_LINK_FLAG_DIRECTORY : 0);
  if (!::CreateSymbolicLinkW((parent + L"\\" + wide_name(link.name)).c_str(), wanted.c_str(), flags)) {
    const auto cause = code_of(::GetLastError());
    const bool cannot_be = cause == std::errc::not_supported || cause == std::errc::invalid_argument || cause == std::errc::permission_denied;
    return disk_failure(doing, cannot_be ? std::make_error_code(std::errc::operation_not_permitted) : cause);
  }
  const auto made = open_itself(link.parent, link.name, FILE_WRITE_ATTRIBUTES, FILE_OPEN, 0);
  if (!made) return disk_failure(doing, std::make_error_code(std::errc::operation_not_permitted));  // Wine 8 says yes, and makes none
  return set_mtime(*made, mtime);
}

Result<void> sync_all(const Handle& folder) {
  const auto opened = open_itself(folder, "", FILE_ADD_FILE, FILE_OPEN, FILE_DIRECTORY_FILE);
  return sync(opened ? *opened : folder);
}

Result<std::uint64_t> free_space(const Handle& folder) {
  FILE_FS_FULL_SIZE_INFORMATION space{};
  IO_STATUS_BLOCK outcome{};
  const auto status = ::NtQueryVolumeInformationFile(folder.native(), &outcome, &space, sizeof space, FileFsFullSizeInformation);
  if (!NT_SUCCESS(status)) return disk_failure("asking for the free space", code_of_status(status));
  return static_cast<std::uint64_t>(space.CallerAvailableAllocationUnits.QuadPart) * space.SectorsPerAllocationUnit * space.BytesPerSector;
}

}  // namespace pshare
