// Fuzzes the text of pin files: what is accepted is sorted, has no name twice, and reads the same when written out again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "secure/contacts.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto pins = PinFile::parse({reinterpret_cast<const char*>(data), size});
  if (!pins) return 0;
  const auto not_before = [](const Pin& a, const Pin& b) { return a.name >= b.name; };
  if (pins->size() > PinFile::max_pins || std::ranges::adjacent_find(*pins, not_before) != pins->end()) std::abort();
  std::string text;
  for (const auto& pin : *pins) text += pin.name + " " + pin.id.text() + (pin.verified ? " verified\n" : "\n");
  const auto again = PinFile::parse(text);
  if (!again || *again != *pins) std::abort();
  return 0;
}
