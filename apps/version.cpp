#include "apps/version.hpp"

#include "wire/control.hpp"
#include "wire/relay_hello.hpp"
#include "wire/signal.hpp"

namespace pshare {

namespace {

std::string first_line(std::string_view program) { return std::string{program} + " " + std::string{version()} + "\n"; }

std::string with_libraries(std::string_view libraries) {
  const auto build = built_with();
  std::string text = "built with " + std::string{build.compiler} + " for " + std::string{build.platform} + ", " + std::string{build.kind} + "\n" + std::string{libraries};
  text.pop_back();  // whoever prints it ends the line
  return text;
}

std::string protocol(std::string_view of, std::uint64_t number) { return std::string{of} + " " + std::to_string(number); }

}  // namespace

std::string version_of_pshare() {
  return first_line("pshare") + "protocols: " + protocol("server", control_version) + ", " + protocol("peer", peer_protocol_version) + ", " +
         protocol("relay", relay_version) + "\n" + with_libraries(built_with().libraries_of_pshare);
}

std::string version_of_server() {
  return first_line("pshare-server") + "protocols: " + protocol("server", control_version) + ", " + protocol("relay", relay_version) + "\n" +
         with_libraries(built_with().libraries_of_server);
}

}  // namespace pshare
