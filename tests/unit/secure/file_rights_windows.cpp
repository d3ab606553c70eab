#include "file_rights.hpp"

#include <windows.h>
// After it:
#include <aclapi.h>
#include <sddl.h>

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

void set_list(const fs::path& path, const wchar_t* text) {
  void* descriptor = nullptr;
  if (!ConvertStringSecurityDescriptorToSecurityDescriptorW(text, SDDL_REVISION_1, &descriptor, nullptr)) throw std::runtime_error{"no such list"};
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

void let_others_read(const fs::path& path) { set_list(path, L"D:P(A;;FA;;;OW)(A;;FA;;;SY)(A;;FR;;;WD)"); }

void keep_from_others(const fs::path& path) { set_list(path, L"D:P(A;;FA;;;OW)(A;;FA;;;SY)"); }

fs::path fresh_folder() {
  std::random_device chance;
  auto folder = fs::temp_directory_path() / ("pshare-test-" + std::to_string(chance()));
  fs::create_directories(folder);
  return folder;
}

}  // namespace pshare
