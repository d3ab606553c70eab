// Fuzzes pshare.toml: whatever is accepted is written so that it reads the same, and what is refused is so with its line.
#include <cstdint>
#include <cstdlib>

#include "apps/pshare/settings.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const std::string_view text{reinterpret_cast<const char*>(data), std::min(size, Settings::max_file)};
  const auto settings = Settings::parse(text, "pshare.toml");
  if (!settings) {
    if (settings.error().code != Errc::usage || !settings.error().doing.starts_with("pshare.toml, line ")) std::abort();
    return 0;
  }
  const auto again = Settings::parse(settings->text(), "pshare.toml");
  if (!again || *again != *settings) std::abort();
  return 0;
}
