// A word to the service manager that started us: sd_notify(3), which systemd and others understand. A datagram to a socket, no library.
#pragma once

#include <string>
#include <string_view>

namespace pshare {

/// "READY=1", "STATUS=..." to the socket that `address` names: a path, or with "@" in front a name in Linux' abstract namespace ($NOTIFY_SOCKET). Nothing comes back
/// and nothing depends on it; false where it could not be sent.
bool notify_service_manager(const std::string& address, std::string_view state);

}  // namespace pshare
