// Windows alone: recvmsg() by its name there, WSARecvMsg(), which a program has to ask for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

struct _WSAMSG;

namespace pshare {

/// How many bytes came; or nothing, and WSAGetLastError() says why.
std::optional<std::size_t> receive_message(std::uintptr_t socket, _WSAMSG& message) noexcept;

}  // namespace pshare
