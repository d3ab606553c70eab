// Bounded CBOR (RFC 8949): what control messages and signals are written in. One message is one map with text keys.
//
// The only file pair that includes nlohmann-json on the wire side; everyone else sees CborMap. Unknown keys are ignored, a
// known key of the wrong type reads as absent.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/bytes.hpp"
#include "wire/result.hpp"

namespace pshare {

/// How deep maps and arrays may nest, and how many values one message may hold, before it is refused.
inline constexpr std::size_t max_cbor_depth = 8;
inline constexpr std::size_t max_cbor_values = 16 * 1024;

class CborMap {
 public:
  CborMap();
  CborMap(const CborMap&);
  CborMap(CborMap&&) noexcept;
  CborMap& operator=(CborMap) noexcept;
  ~CborMap();

  /// Errors: malformed (not CBOR, not one map, bytes left over, a key that is no text), limit (depth, values).
  static Result<CborMap> decode(ByteView bytes);
  ByteBuffer encode() const;

  CborMap& set(std::string_view key, std::string_view text);
  CborMap& set(std::string_view key, const char* text) { return set(key, std::string_view{text}); }
  CborMap& set(std::string_view key, std::uint64_t number);
  CborMap& set_flag(std::string_view key, bool flag);
  CborMap& set_bytes(std::string_view key, ByteView bytes);
  CborMap& set(std::string_view key, const CborMap& map);
  CborMap& set(std::string_view key, const std::vector<CborMap>& maps);
  CborMap& set(std::string_view key, const std::vector<std::string>& texts);

  /// Text that is valid UTF-8, at most `longest` bytes of it; otherwise absent.
  std::optional<std::string> text(std::string_view key, std::size_t longest = 1024) const;
  std::optional<std::uint64_t> number(std::string_view key) const;
  std::optional<bool> flag(std::string_view key) const;
  std::optional<ByteBuffer> bytes(std::string_view key) const;
  /// Exactly N bytes, or absent.
  template <std::size_t N>
  std::optional<std::array<std::byte, N>> array(std::string_view key) const {
    const auto found = bytes(key);
    if (!found || found->size() != N) return std::nullopt;
    std::array<std::byte, N> out;
    std::copy(found->begin(), found->end(), out.begin());
    return out;
  }
  std::optional<CborMap> map(std::string_view key) const;
  /// Absent if it is no array or if any element is no map.
  std::optional<std::vector<CborMap>> maps(std::string_view key) const;
  std::optional<std::vector<std::string>> texts(std::string_view key, std::size_t longest = 1024) const;

 private:
  struct Values;
  std::unique_ptr<Values> values_;
};

}  // namespace pshare
