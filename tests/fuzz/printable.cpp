// Fuzzes what makes bytes of strangers fit to show: valid UTF-8 comes out, without anything that moves a cursor or hides what stands around it, no longer than
// was asked for, and what is shown once is shown the same again. The first byte says how.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "io/printable.hpp"

namespace {

void demand(bool fact) {
  if (!fact) std::abort();
}

/// By another way than the code under test goes: the number is read first and judged then.
void check_characters(std::string_view text, bool newlines) {
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text.front());
    demand(lead < 0x80 || lead >= 0xC0);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    demand(text.size() >= length);
    unsigned code = length == 1 ? lead : lead & (0xFFu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
      demand((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80);
      code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
    }
    text.remove_prefix(length);
    constexpr unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    demand(code >= least[length] && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF));
    demand(code == '\n' ? newlines : code >= 0x20);
    demand(code < 0x7F || code > 0x9F);
    demand(code < 0x202A || code > 0x202E);
    demand(code < 0x2066 || code > 0x2069);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  if (size == 0) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data + 1), size - 1};
  const auto newlines = data[0] & 1 ? Newlines::kept : Newlines::escaped;
  const std::size_t longest = 16 + data[0] / 2 * 8;
  const auto shown = printable(bytes, newlines, longest);
  demand(shown.size() <= longest);
  check_characters(shown, newlines == Newlines::kept);
  demand(printable(shown, newlines, longest) == shown);
  return 0;
}
