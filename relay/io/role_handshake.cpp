#include "relay/io/role_handshake.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "io/printable.hpp"
#include "wire/bytes.hpp"
#include "wire/error.hpp"
#include "wire/role.hpp"

namespace pshare {

namespace {

/// Reads the frame that names the role, and not a byte more.
awaitable<std::string> named_role(TlsStream& stream) {
  std::array<std::byte, sizeof(std::uint32_t)> header;
  co_await stream.read_exactly(header);
  const auto length = ByteReader{header}.u32().value_or(0);
  if (length > max_role_frame) throw Failure{{.code = Errc::limit, .doing = "reading in which role a connection is meant: a frame of " + std::to_string(length) + " bytes"}};
  ByteBuffer body(length);
  co_await stream.read_exactly(body);
  co_return value_or_throw(decode_role(body));
}

}  // namespace

std::vector<std::string> alpns_of(std::vector<std::string> roles) {
  roles.emplace_back(ordinary_alpn);
  return roles;
}

awaitable<std::string> shake_hands(TlsStream& stream, std::vector<std::string> roles) {
  co_await stream.handshake();
  if (stream.alpn() != ordinary_alpn) co_return stream.alpn();
  auto named = co_await named_role(stream);
  if (std::ranges::find(roles, named) == roles.end())
    throw Failure{{.code = Errc::malformed, .doing = "a connection that is meant for \"" + printable(named) + "\", which is no role here"}};
  co_return named;
}

}  // namespace pshare
