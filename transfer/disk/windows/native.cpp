#include "transfer/disk/windows/native.hpp"

#include <cerrno>
#include <cstdint>

namespace pshare {

namespace {

constexpr char32_t replacement = 0xFFFD;

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

/// The first character, surrogates among them, and how many bytes it has.
std::pair<char32_t, std::size_t> first_of(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {replacement, 1};
  auto character = static_cast<char32_t>(lead & (0x7F >> length));
  for (std::size_t at = 1; at < length; ++at) {
    if (!continues(text[at])) return {replacement, 1};
    character = character << 6 | (static_cast<unsigned char>(text[at]) & 0x3F);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (character < least[length] || character > 0x10FFFF) return {replacement, 1};
  return {character, length};
}

}  // namespace

std::wstring wide_name(std::string_view name) {
  std::wstring out;
  while (!name.empty()) {
    const auto [character, length] = first_of(name);
    name.remove_prefix(length);
    if (character < 0x10000) {
      out.push_back(static_cast<wchar_t>(character));
    } else {
      out.push_back(static_cast<wchar_t>(0xD800 + ((character - 0x10000) >> 10)));
      out.push_back(static_cast<wchar_t>(0xDC00 + ((character - 0x10000) & 0x3FF)));
    }
  }
  return out;
}

std::string narrow_name(std::wstring_view name) {
  std::string out;
  const auto put = [&](char32_t value) { out.push_back(static_cast<char>(value)); };
  for (std::size_t at = 0; at < name.size(); ++at) {
    char32_t character = static_cast<std::uint16_t>(name[at]);
    if (character >= 0xD800 && character < 0xDC00 && at + 1 < name.size() && name[at + 1] >= 0xDC00 && name[at + 1] < 0xE000)
      character = 0x10000 + ((character - 0xD800) << 10) + (static_cast<char32_t>(name[++at]) - 0xDC00);
    if (character < 0x80) put(character);
    else if (character < 0x800) put(0xC0 | character >> 6), put(0x80 | (character & 0x3F));
    else if (character < 0x10000) put(0xE0 | character >> 12), put(0x80 | (character >> 6 & 0x3F)), put(0x80 | (character & 0x3F));
    else put(0xF0 | character >> 18), put(0x80 | (character >> 12 & 0x3F)), put(0x80 | (character >> 6 & 0x3F)), put(0x80 | (character & 0x3F));
  }
  return out;
}

std::error_code code_of(DWORD error) {
  constexpr DWORD disk_quota_exceeded = 1295;  // the compiler's headers have not got it
  const auto known = [](std::errc code) { return std::make_error_code(code); };
  switch (error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_BAD_NETPATH:
    case ERROR_INVALID_DRIVE: return known(std::errc::no_such_file_or_directory);
    case ERROR_ACCESS_DENIED: return known(std::errc::permission_denied);
    case ERROR_PRIVILEGE_NOT_HELD: return known(std::errc::operation_not_permitted);
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS: return known(std::errc::file_exists);
    case ERROR_DIRECTORY: return known(std::errc::not_a_directory);
    case ERROR_DIR_NOT_EMPTY: return known(std::errc::directory_not_empty);
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
    case disk_quota_exceeded: return known(std::errc::no_space_on_device);
    case ERROR_WRITE_PROTECT: return known(std::errc::read_only_file_system);
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_DELETE_PENDING: return known(std::errc::device_or_resource_busy);
    case ERROR_TOO_MANY_OPEN_FILES: return known(std::errc::too_many_files_open);
    case ERROR_FILE_TOO_LARGE: return known(std::errc::file_too_large);
    case ERROR_CRC:
    case ERROR_IO_DEVICE:
    case ERROR_SEEK:
    case ERROR_READ_FAULT:
    case ERROR_WRITE_FAULT:
    case ERROR_FILE_CORRUPT:
    case ERROR_DISK_CORRUPT: return known(std::errc::io_error);
    case ERROR_FILENAME_EXCED_RANGE: return known(std::errc::filename_too_long);
    case ERROR_INVALID_NAME:
    case ERROR_INVALID_PARAMETER: return known(std::errc::invalid_argument);
    case ERROR_NOT_SUPPORTED:
    case ERROR_INVALID_FUNCTION:
    case ERROR_CALL_NOT_IMPLEMENTED: return known(std::errc::not_supported);
    case ERROR_NOT_SAME_DEVICE: return known(std::errc::cross_device_link);
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY: return known(std::errc::not_enough_memory);
    default: return {static_cast<int>(error), std::system_category()};
  }
}

std::error_code code_of_status(NTSTATUS status) {
  if (is_held_by_somebody(status)) return std::make_error_code(std::errc::device_or_resource_busy);
  constexpr auto is_a_directory = static_cast<NTSTATUS>(0xC00000BA);  // RtlNtStatusToDosError() says "access denied" of it
  if (status == is_a_directory) return std::make_error_code(std::errc::is_a_directory);
  return code_of(::RtlNtStatusToDosError(status));
}

Result<Handle> open_itself(const Handle& folder, std::string_view name, ACCESS_MASK access, ULONG disposition, ULONG options) {
  auto wide = wide_name(name);
  UNICODE_STRING text{static_cast<USHORT>(wide.size() * sizeof(wchar_t)), static_cast<USHORT>(wide.size() * sizeof(wchar_t)), wide.data()};
  OBJECT_ATTRIBUTES attributes{};
  attributes.Length = sizeof attributes;
  attributes.RootDirectory = folder.native();
  attributes.ObjectName = &text;
  attributes.Attributes = OBJ_CASE_INSENSITIVE;
  HANDLE opened = nullptr;
  IO_STATUS_BLOCK outcome{};
  const auto status = when_let_go([&] {
    return ::NtCreateFile(&opened, access | SYNCHRONIZE | FILE_READ_ATTRIBUTES, &attributes, &outcome, nullptr, FILE_ATTRIBUTE_NORMAL,
                          FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, disposition, options | FILE_OPEN_REPARSE_POINT | FILE_SYNCHRONOUS_IO_NONALERT,
                          nullptr, 0);
  });
  if (!NT_SUCCESS(status)) return disk_failure("opening " + std::string{name}, code_of_status(status));
  return Handle{opened};
}

Result<bool> leads_elsewhere(const Handle& file) {
  FILE_ATTRIBUTE_TAG_INFO tag{};
  if (!::GetFileInformationByHandleEx(file.native(), FileAttributeTagInfo, &tag, sizeof tag)) return disk_failure("looking at a file");
  return (tag.FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT) != 0 && IsReparseTagNameSurrogate(tag.ReparseTag);
}

}  // namespace pshare
