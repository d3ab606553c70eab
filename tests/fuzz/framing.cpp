// Fuzzes FrameReader: however a stream is cut into pieces, the same bodies come out, and none longer than allowed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "wire/framing.hpp"

namespace pshare {
namespace {

struct Outcome {
  std::vector<ByteBuffer> bodies;
  bool refused = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome read_in_pieces(ByteView stream, std::size_t piece) {
  Outcome outcome;
  FrameReader reader;
  while (!stream.empty() && !outcome.refused) {
    const auto now = stream.first(std::min(piece, stream.size()));
    stream = stream.subspan(now.size());
    reader.feed(now);
    for (;;) {
      auto next = reader.next();
      if (!next) outcome.refused = true;
      if (!next || !*next) break;
      if ((*next)->size() > max_frame) std::abort();
      outcome.bodies.push_back(**std::move(next));
    }
  }
  return outcome;
}

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto stream = std::as_bytes(std::span{data + 1, size - 1});
  const std::size_t piece = 1 + data[0];
  if (!(pshare::read_in_pieces(stream, piece) == pshare::read_in_pieces(stream, size))) std::abort();
  return 0;
}
