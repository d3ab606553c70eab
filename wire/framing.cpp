#include "wire/framing.hpp"

#include <cassert>
#include <string>

namespace pshare {

ByteBuffer frame(ByteView body) {
  assert(body.size() <= max_frame);
  ByteWriter out;
  out.u32(static_cast<std::uint32_t>(body.size())).bytes(body);
  return out.take();
}

void FrameReader::feed(ByteView more) {
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(consumed_));
  consumed_ = 0;
  pending_.insert(pending_.end(), more.begin(), more.end());
}

Result<std::optional<ByteBuffer>> FrameReader::next() {
  ByteReader reader{ByteView{pending_}.subspan(consumed_)};
  const auto length = reader.u32();
  if (!length) return std::optional<ByteBuffer>{};
  if (*length > max_frame)
    return Unexpected{{.code = Errc::limit,
                       .doing = "reading a frame of " + std::to_string(*length) + " bytes, of which " +
                                std::to_string(max_frame) + " are allowed"}};
  const auto body = reader.bytes(*length);
  if (!body) return std::optional<ByteBuffer>{};
  consumed_ += sizeof(std::uint32_t) + *length;
  return std::optional{buffer_of(*body)};
}

}  // namespace pshare
