#include "transfer/disk/beneath.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>

#include "transfer/disk/windows/long_path.hpp"
#include "transfer/disk/windows/native.hpp"

namespace pshare {

namespace {

constexpr ACCESS_MASK going_through = FILE_TRAVERSE;
constexpr ACCESS_MASK listing = FILE_LIST_DIRECTORY | FILE_TRAVERSE;

bool is_folder(Access access) { return access == Access::way || access == Access::list || access == Access::adjust; }

ACCESS_MASK rights_for(Access access) {
  switch (access) {
    case Access::way: return going_through;
    case Access::list: return listing;
    case Access::adjust: return listing | FILE_WRITE_ATTRIBUTES;
    case Access::read: return FILE_GENERIC_READ;
    case Access::write: return FILE_GENERIC_WRITE;
    case Access::append: return FILE_GENERIC_WRITE;  // append() says where it goes
    case Access::read_write: return FILE_GENERIC_READ | FILE_GENERIC_WRITE;
  }
  return FILE_GENERIC_READ;
}

Unexpected no_way(std::string_view path, std::errc why) { return disk_failure("opening " + std::string{path}, std::make_error_code(why)); }

/// To the system, '\' leads into another folder and ':' to another stream of the same file. Names that the platform can hold have neither.
bool is_plain(std::string_view component) {
  constexpr std::string_view special{"\\/:\0", 4};
  return !component.empty() && component != "." && component != ".." && component.find_first_of(special) == component.npos;
}

/// A file that only seems to be here (kept in a cloud, compressed) was opened as what it is: once more, so that its content is read.
Result<Handle> with_content(Handle itself, std::string_view name, ACCESS_MASK rights) {
  FILE_ATTRIBUTE_TAG_INFO tag{};
  if (!::GetFileInformationByHandleEx(itself.native(), FileAttributeTagInfo, &tag, sizeof tag)) return disk_failure("looking at " + std::string{name});
  // Programs such as ours are not shown the reparse point of every file that a cloud keeps.
  if ((tag.FileAttributes & (FILE_ATTRIBUTE_REPARSE_POINT | lies_elsewhere)) == 0) return itself;
  if ((tag.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 && IsReparseTagNameSurrogate(tag.ReparseTag)) return no_way(name, std::errc::too_many_symbolic_link_levels);
  Handle content{::ReOpenFile(itself.native(), rights | SYNCHRONIZE, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, FILE_FLAG_BACKUP_SEMANTICS)};
  if (content.native() == INVALID_HANDLE_VALUE) {
    content = Handle{};
    if ((tag.FileAttributes & lies_elsewhere) != 0) return disk_failure("opening " + std::string{name});
    return itself;  // the system does not know how: it is what it is
  }
  BY_HANDLE_FILE_INFORMATION one{}, other{};
  const bool same = ::GetFileInformationByHandle(itself.native(), &one) && ::GetFileInformationByHandle(content.native(), &other) &&
                    one.dwVolumeSerialNumber == other.dwVolumeSerialNumber && one.nFileIndexHigh == other.nFileIndexHigh && one.nFileIndexLow == other.nFileIndexLow;
  if (!same) return no_way(name, std::errc::too_many_symbolic_link_levels);  // somebody made a link of it in between
  return content;
}

}  // namespace

Handle::~Handle() {
  if (native_ != none && native_ != INVALID_HANDLE_VALUE) ::CloseHandle(native_);
}

Result<Handle> open_beneath(const Handle& root, std::string_view path, Opening how) {
  const auto rights = rights_for(how.access) | (how.empty ? FILE_WRITE_DATA : 0);
  if (path.empty()) return open_itself(root, "", rights, FILE_OPEN, FILE_DIRECTORY_FILE);
  Handle way;
  const Handle* here = &root;
  for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/')) {
    const auto component = path.substr(0, slash);
    if (!is_plain(component)) return no_way(path, std::errc::invalid_argument);
    auto next = open_itself(*here, component, going_through, FILE_OPEN, FILE_DIRECTORY_FILE);
    if (!next) return Unexpected{std::move(next).error()};
    auto real = with_content(*std::move(next), component, going_through);
    if (!real) return Unexpected{std::move(real).error()};
    way = *std::move(real);
    here = &way;
    path.remove_prefix(slash + 1);
  }
  if (!is_plain(path)) return no_way(path, std::errc::invalid_argument);
  // Never emptied while it is opened: what is there may be a link, which is looked at first.
  auto opened = open_itself(*here, path, rights, how.create ? FILE_OPEN_IF : FILE_OPEN, is_folder(how.access) ? FILE_DIRECTORY_FILE : FILE_NON_DIRECTORY_FILE);
  if (!opened) return opened;
  auto real = with_content(*std::move(opened), path, rights);
  if (!real || !how.empty) return real;
  FILE_END_OF_FILE_INFO end{};
  if (!::SetFileInformationByHandle(real->native(), FileEndOfFileInfo, &end, sizeof end)) return disk_failure("emptying " + std::string{path});
  return real;
}

Result<Handle> open_named(const std::filesystem::path& path, Opening how) {
  Handle opened{::CreateFileW(long_path(path).c_str(), rights_for(how.access) | FILE_READ_ATTRIBUTES, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                              how.create ? OPEN_ALWAYS : OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL | FILE_FLAG_BACKUP_SEMANTICS, nullptr)};
  const auto doing = "opening " + narrow_name(path.native());
  if (opened.native() == INVALID_HANDLE_VALUE) return disk_failure(doing);
  FILE_BASIC_INFO basic{};
  const bool folder = ::GetFileInformationByHandleEx(opened.native(), FileBasicInfo, &basic, sizeof basic) && (basic.FileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
  if (folder != is_folder(how.access)) return disk_failure(doing, std::make_error_code(folder ? std::errc::is_a_directory : std::errc::not_a_directory));
  return opened;
}

Result<Place> place_beneath(const Handle& root, std::string_view path) {
  const auto slash = path.rfind('/');
  const auto above = slash == path.npos ? std::string_view{} : path.substr(0, slash);
  const auto name = slash == path.npos ? path : path.substr(slash + 1);
  if (!is_plain(name)) return no_way(path, std::errc::invalid_argument);
  auto parent = open_beneath(root, above, {.access = Access::way});
  if (!parent) return Unexpected{std::move(parent).error()};
  return Place{*std::move(parent), std::string{name}};
}

Result<std::vector<std::string>> names_in(const Handle& folder) {
  // As many names as fit into this come at once. Aligned for what lies in it.
  constexpr std::size_t room = 64 * 1024;
  const auto buffer = std::make_unique<std::uint64_t[]>(room / sizeof(std::uint64_t));
  auto* bytes = reinterpret_cast<std::byte*>(buffer.get());
  std::vector<std::string> names;
  for (auto which = FileIdBothDirectoryRestartInfo;; which = FileIdBothDirectoryInfo) {
    if (!::GetFileInformationByHandleEx(folder.native(), which, bytes, room)) {
      const auto error = ::GetLastError();
      if (error == ERROR_NO_MORE_FILES || error == ERROR_FILE_NOT_FOUND) break;
      return disk_failure("reading a folder", code_of(error));
    }
    for (auto* at = bytes;;) {
      const auto* entry = reinterpret_cast<const FILE_ID_BOTH_DIR_INFO*>(at);
      auto name = narrow_name({entry->FileName, entry->FileNameLength / sizeof(wchar_t)});
      if (name != "." && name != "..") names.push_back(std::move(name));
      if (entry->NextEntryOffset == 0) break;
      at += entry->NextEntryOffset;
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace pshare
