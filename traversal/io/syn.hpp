// What punching asks of TCP that no socket interface has a name for: a SYN that goes out and is not waited for, and whether one was answered.
#pragma once

#include <system_error>

#include "io/asio.hpp"

namespace pshare {

/// What the system says at once; nothing if the SYN is on its way. Asio's own connect() waits for the answer even on a socket that is not to block, and
/// here none may ever come.
std::error_code send_syn(asio::ip::tcp::socket& socket, const asio::ip::tcp::endpoint& there, int ttl);

/// Whether the far side has answered the SYN: then closing would throw away what is about to be a connection. False where the system does not tell.
bool syn_is_answered(asio::ip::tcp::socket& socket);

}  // namespace pshare
