// Fuzzes the control conversation, both directions: what is accepted is written and read again as the same message; and names, whose form there is one of.
#include <cstdint>
#include <cstdlib>

#include "wire/control.hpp"
#include "wire/framing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto body = std::as_bytes(std::span{data, std::min(size, max_frame)});
  if (const auto message = decode_client_message(body)) {
    const auto again = decode_client_message(encode(*message));
    if (!again || again->index() != message->index() || encode(*again) != encode(*message)) std::abort();
  }
  if (const auto message = decode_server_message(body)) {
    const auto again = decode_server_message(encode(*message));
    if (!again || again->index() != message->index() || encode(*again) != encode(*message)) std::abort();
  }
  if (const auto name = parse_name(text_of(body)))
    if (parse_name(*name).value() != *name || name->size() != body.size()) std::abort();
  return 0;
}
