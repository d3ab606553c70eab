#include <initguid.h>
// After it, so that the names of folders are defined here:
#include <knownfolders.h>
#include <shlobj.h>

#include <memory>

#include "apps/process/folders.hpp"

namespace pshare {

namespace {

std::optional<std::filesystem::path> folder(const KNOWNFOLDERID& which) {
  struct Gone {
    void operator()(wchar_t* memory) const { ::CoTaskMemFree(memory); }
  };
  wchar_t* text = nullptr;
  const auto outcome = ::SHGetKnownFolderPath(which, KF_FLAG_DEFAULT, nullptr, &text);
  const std::unique_ptr<wchar_t, Gone> path{text};
  if (FAILED(outcome)) return std::nullopt;
  return std::filesystem::path{path.get()};
}

}  // namespace

std::optional<std::filesystem::path> user_folder() { return folder(FOLDERID_Profile); }
std::optional<std::filesystem::path> configuration_folder() { return folder(FOLDERID_RoamingAppData); }
std::optional<std::filesystem::path> data_folder() { return folder(FOLDERID_LocalAppData); }

}  // namespace pshare
