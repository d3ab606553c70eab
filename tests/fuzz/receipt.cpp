// Fuzzes receipts, in three places. The first byte says where the rest stands: 0, it is what came on a lane, and never opens, since nobody has signed it;
// 1, it is a statement, which opens as itself once it is signed; 2, it is a file of the book, which is written to the very same bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "secure/receipt.hpp"
#include "secure/receipt_book.hpp"

namespace pshare {
namespace {

const Identity& receiver() {
  static const Identity identity = value_or_throw(Identity::generate());
  return identity;
}

void sign_what_it_states(ByteView body) {
  auto statement = decode_receipt_statement(body);
  if (!statement) return;
  if (!std::ranges::equal(encode(*statement), body)) std::abort();
  const auto opened = open_receipt(sign_receipt(receiver(), *statement));
  statement->receiver = receiver().public_key();
  if (!opened || *opened != *statement) std::abort();
}

void read_a_page(ByteView file) {
  const auto kept = decode_kept_receipt(file);
  if (kept && !std::ranges::equal(encode(*kept), file)) std::abort();
}

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span{data + 1, size - 1});
  if (data[0] == 0 && open_receipt(input)) std::abort();
  if (data[0] == 1) sign_what_it_states(input);
  if (data[0] == 2) read_a_page(input);
  return 0;
}
