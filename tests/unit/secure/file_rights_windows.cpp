#include "file_rights.hpp"

#include <windows.h>
// After it:
#include <aclapi.h>
#include <sddl.h>

#include <array>
#include <cstddef>
#include <random>
#include <stdexcept>
#include <string>

namespace pshare {

namespace fs = std::filesystem;

namespace {

/// In the system's own words: "D:P(A;;FA;;;SY)..."; empty where it gives none.
std::wstring list_of(const fs::path& path) {
  void* descriptor = nullptr;
  if (GetNamedSecurityInfoW(path.c_str(), SE_FILE_OBJECT, DACL_SECURITY_INFORMATION, nullptr, nullptr, nullptr, nullptr, &descriptor) != ERROR_SUCCESS) return {};
  wchar_t* text = nullptr;
  std::wstring list;
  if (ConvertSecurityDescriptorToStringSecurityDescriptorW(descriptor, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, &text, nullptr)) list = text;
  LocalFree(text);
  LocalFree(descriptor);
  return list;
}

/// The SID of whoever runs this, as text.
std::wstring this_user() {
  HANDLE token = nullptr;
  alignas(TOKEN_USER) std::array<std::byte, 256> memory;
  DWORD size = 0;
  wchar_t* text = nullptr;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &token)) return {};
  const bool known = GetTokenInformation(token, TokenUser, memory.data(), static_cast<DWORD>(memory.size()), &size) &&
                     ConvertSidToStringSidW(reinterpret_cast<TOKEN_USER*>(memory.data())->User.Sid, &text);
  CloseHandle(token);
  const std::wstring sid = known ? text : L"";
  LocalFree(text);
  return sid;
}

/// This user, and whom `others` names.
void set_list(const fs::path& path, const std::wstring& others) {
  const auto text = L"D:P(A;;FA;;;" + this_user() + L")" + others;
  void* descriptor = nullptr;
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(text.c_str(), SDDL_REVISION_1, &descriptor, nullptr)) throw std::runtime_error{"no such list"};
  const auto done = SetFileSecurityW(path.c_str(), DACL_SECURITY_INFORMATION | PROTECTED_DACL_SECURITY_INFORMATION, descriptor);
  LocalFree(descriptor);
  if (!done) throw std::runtime_error{"the list cannot be set"};
}

}  // namespace

bool is_for_owner_alone(const fs::path& path) {
  const auto list = list_of(path);
  if (list.empty()) return false;
  for (const auto* others : {L";;;WD)", L";;;BU)", L";;;AU)", L";;;BG)", L";;;AN)", L";;;IU)"})  // everybody, users, whoever is logged in, guests ...
    if (list.find(others) != std::wstring::npos) return false;
  return true;
}

void let_others_read(const fs::path& path) { set_list(path, L"(A;;FR;;;WD)"); }

void keep_from_others(const fs::path& path) { set_list(path, L""); }

fs::path fresh_folder() {
  std::random_device chance;
  auto folder = fs::temp_directory_path() / ("pshare-test-" + std::to_string(chance()));
  fs::create_directories(folder);
  return folder;
}

}  // namespace pshare
