// The command line of pshare-server (the contract of design section 9). The only files of this program that include CLI11.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "apps/answered.hpp"
#include "wire/address.hpp"
#include "wire/result.hpp"

namespace pshare {

/// The most places of --listen: a few addresses, each with a port or two.
inline constexpr std::size_t max_places = 16;

struct ServerOptions {
  std::optional<IpAddress> address;  // nothing: every address, IPv4 and IPv6
  Port port;
  struct Place {
    std::optional<IpAddress> address;  // as above
    Port port;
  };
  std::vector<Place> further;        // over TCP alone
  bool https_too = false;            // port 443 as well, if it is free and we may
  std::optional<IpAddress> alternate;  // a second address of this host; nothing: looked for, if every address is listened on
  std::filesystem::path data;
  std::size_t max_clients = 0;
  bool relays = true;
  std::size_t relay_sessions = 0;             // lanes at once
  std::optional<std::uint64_t> relay_rate;    // bytes each second, of all of them together
  std::optional<std::uint64_t> relay_quota;   // bytes of one lane
  int verbosity = 0;
};

struct Command;  // apps/command_line/command.hpp

/// All that can be said, with examples: what help, man page and completions are made of.
Command pshare_server_command();

/// The text of the file that --config names. Errors: local_io.
using ReadServerConfig = std::function<Result<std::string>(const std::filesystem::path& file)>;

/// The command line, and behind it what the file says that --config names. Errors: usage, with the line where it is the file; what `read` says.
Result<std::variant<ServerOptions, Answered>> parse_server_options(int argc, const char* const* argv, const ReadServerConfig& read);

}  // namespace pshare
