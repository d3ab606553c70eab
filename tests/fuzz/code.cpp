// Fuzzes one-time codes as somebody types or pastes them: what is accepted is written and read again as the same; completing and guessing end.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "secure/code.hpp"
#include "wire/bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto text = text_of(std::as_bytes(std::span{data, size}));
  if (const auto code = Code::parse(text)) {
    const auto again = Code::parse(code->text());
    if (!again || again->text() != code->text()) std::abort();
    if (code->number < smallest_code_number || code->number > largest_code_number) std::abort();
    if (!code->server && !looks_like_a_code(text)) std::abort();  // else the process list would show it
  }
  if (complete_code(text).choices.size() > max_shown_choices) std::abort();
  for (const auto& each : codes_begun(text))
    if (each.size() <= text.rfind('-')) std::abort();
  if (likely_words(text).size() > 3) std::abort();
  return 0;
}
