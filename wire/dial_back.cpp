#include "wire/dial_back.hpp"

#include <algorithm>

namespace pshare {

namespace {

constexpr std::string_view magic = "\xB5pshback";
static_assert(magic.size() + dial_back_nonce_size == dial_back_size);

constexpr DialBackOutcome outcomes[] = {DialBackOutcome::reached, DialBackOutcome::refused, DialBackOutcome::timeout, DialBackOutcome::unreachable};

}  // namespace

std::string_view word(DialBackOutcome outcome) {
  switch (outcome) {
    case DialBackOutcome::reached: return "reached";
    case DialBackOutcome::refused: return "refused";
    case DialBackOutcome::timeout: return "timeout";
    case DialBackOutcome::unreachable: return "unreachable";
  }
  return "unreachable";
}

std::optional<DialBackOutcome> dial_back_outcome_from(std::string_view text) {
  for (const auto outcome : outcomes)
    if (word(outcome) == text) return outcome;
  return std::nullopt;
}

bool looks_like_dial_back(ByteView bytes) { return bytes.size() >= magic.size() && text_of(bytes.first(magic.size())) == magic; }

std::array<std::byte, dial_back_size> encode_dial_back(const DialBackNonce& nonce) {
  std::array<std::byte, dial_back_size> frame;
  const auto magic_bytes = bytes_of(magic);
  std::copy(nonce.begin(), nonce.end(), std::copy(magic_bytes.begin(), magic_bytes.end(), frame.begin()));
  return frame;
}

std::optional<DialBackNonce> decode_dial_back(ByteView frame) {
  if (frame.size() != dial_back_size || !looks_like_dial_back(frame)) return std::nullopt;
  return ByteReader{frame.subspan(magic.size())}.array<dial_back_nonce_size>();
}

}  // namespace pshare
