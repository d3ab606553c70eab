// The files of tests/vectors (tests/vectors/README.md has their form), and what is made of what stands in them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "secure/identity.hpp"
#include "wire/address.hpp"
#include "wire/bytes.hpp"
#include "wire/ids.hpp"
#include "wire/random.hpp"

namespace pshare::testing {

using Json = nlohmann::json;

/// The file of this name, without its ".json". Throws what the JSON library does when it is none.
const Json& vectors(const std::string& file);

/// {"hex": "..."}
ByteBuffer bytes_in(const Json& value);
template <std::size_t N>
std::array<std::byte, N> array_in(const Json& value) {
  const auto bytes = bytes_in(value);
  if (bytes.size() != N) throw std::runtime_error{"a vector holds " + std::to_string(bytes.size()) + " bytes instead of " + std::to_string(N)};
  std::array<std::byte, N> out;
  std::ranges::copy(bytes, out.begin());
  return out;
}
inline PeerId peer_in(const Json& value) { return PeerId{array_in<32>(value)}; }
inline PublicKey key_in(const Json& value) { return PublicKey{array_in<32>(value)}; }
inline SessionId session_in(const Json& value) { return SessionId{array_in<16>(value)}; }
inline std::string text_in(const Json& value) { return value.get<std::string>(); }
inline std::uint64_t number_in(const Json& value) { return value.get<std::uint64_t>(); }
inline Port port_in(const Json& value) { return Port{value.get<std::uint16_t>()}; }
IpAddress address_in(const Json& value);

/// What is there under the key, or what `missing` says.
template <typename Value>
Value value_or(const Json& fields, const char* key, Value missing) {
  return fields.contains(key) ? fields.at(key).get<Value>() : missing;
}

/// One of identities.json's people.
Identity identity_of(const std::string& name);

/// Gives the pieces one after the other, as if they had been drawn.
class Drawn final : public Random {
 public:
  explicit Drawn(std::vector<ByteBuffer> pieces) : pieces_(std::move(pieces)) {}
  void fill(std::span<std::byte> out) override;

 private:
  std::vector<ByteBuffer> pieces_;
  std::size_t next_ = 0;
};

/// Bytes that a failing test shows readably.
inline std::string shown(ByteView bytes) { return hex(bytes); }

}  // namespace pshare::testing
