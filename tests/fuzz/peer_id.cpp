// Fuzzes the text form of peer IDs: what is accepted has one canonical form, and that form with one character wrong is refused.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "wire/ids.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const std::string_view typed{reinterpret_cast<const char*>(data), size};
  const auto id = PeerId::parse(typed);
  if (!id) return 0;
  const auto text = id->text();
  const auto again = PeerId::parse(text);
  if (text.size() != 63 || !again || *again != *id) std::abort();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '-') continue;
    auto mistyped = text;
    mistyped[i] = text[i] == 'A' ? 'C' : 'A';
    if (PeerId::parse(mistyped)) std::abort();
  }
  return 0;
}
