// Fuzzes answers of a gateway's HTTP server: whatever the pieces, the same comes of them, and never more than its limit.
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "traversal/mapping/http_answer.hpp"

namespace {

using namespace pshare;

std::optional<HttpAnswer> read(ByteView bytes, std::size_t piece) {
  HttpAnswerReader reader;
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(piece, bytes.size()));
    bytes = bytes.subspan(part.size());
    const auto whole = reader.feed(part);
    if (!whole) return std::nullopt;
    if (*whole) break;
  }
  auto answer = reader.finish();
  return answer ? std::optional{std::move(*answer)} : std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;  // pieces make it quadratic
  const auto bytes = std::as_bytes(std::span{data, size});
  const auto whole = read(bytes, size), pieces = read(bytes, 7);
  if (whole && (whole->body.size() > max_http_body || whole->status < 100 || whole->status > 999)) std::abort();
  if (whole && (!pieces || pieces->status != whole->status || pieces->body != whole->body)) std::abort();
  return 0;
}
