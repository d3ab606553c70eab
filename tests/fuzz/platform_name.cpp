// Fuzzes how names are written on each platform: what is read back is the original, and on Windows it fits and has nothing reserved.
// The input is split at NULs into the names of one folder.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include "transfer/platform_name.hpp"
#include "transfer/safe_name.hpp"

using namespace pshare;

namespace {

void demand(bool fact) {
  if (!fact) std::abort();
}

/// How many UTF-16 units this UTF-8 takes.
std::size_t units(std::string_view text) {
  std::size_t count = 0;
  for (const char letter : text) {
    const auto byte = static_cast<unsigned char>(letter);
    if ((byte & 0xC0) != 0x80) count += byte >= 0xF0 ? 2 : 1;
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string all{reinterpret_cast<const char*>(data), size};
  FolderNames folder{Platform::windows};
  std::set<std::string> seen;
  std::map<std::string, std::string> compared;
  for (std::size_t at = 0; at <= all.size();) {
    const auto end = std::min(all.find('\0', at), all.size());
    const auto name = all.substr(at, end - at);
    at = end + 1;
    if (!check_name(name) || !seen.insert(name).second) continue;
    demand(original_name(Platform::linux, name_on(Platform::linux, name)) == name);
    const auto alone = name_on(Platform::windows, name), beside = folder.take(name);
    for (const auto& written : {alone, beside}) {
      demand(original_name(Platform::windows, written) == name);
      demand(units(written) <= max_name && written.find_first_of("<>:\"/\\|?*") == std::string::npos);
      demand(!written.ends_with('.') && !written.ends_with(' '));
      for (const char letter : written) demand(static_cast<unsigned char>(letter) >= 0x20);
    }
    demand(compared.emplace(without_case(beside), name).second);
  }
  return 0;
}
