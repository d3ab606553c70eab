// Fuzzes the header in front of each chunk: whatever is accepted, its lengths are within the limits and fit its codec.
#include <cstdint>
#include <cstdlib>

#include "wire/lane_messages.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  static const std::uint8_t type = static_cast<std::uint8_t>(LaneMessage{ChunkHeader{}}.index());
  const auto body = std::as_bytes(std::span{data, size});
  const auto message = decode_lane_message({type, static_cast<std::uint32_t>(size)}, body);
  if (!message) return 0;
  const auto& header = std::get<ChunkHeader>(*message);
  if (header.raw_length == 0 || header.raw_length > max_chunk_size || header.wire_length > max_chunk_size) std::abort();
  if ((header.codec == Codec::zeros) != (header.wire_length == 0)) std::abort();
  if (header.codec == Codec::stored && header.raw_length != header.wire_length) std::abort();
  return 0;
}
