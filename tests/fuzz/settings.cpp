// Fuzzes the configuration files of both programs: what is wrong with one is said with a place within it, what is accepted gives a command line within the limits
// of the help, and `pshare init` changes the line that it is about, and no other. The first byte says which program.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "apps/config_file/config_edit.hpp"
#include "apps/pshare-server/options.hpp"
#include "apps/pshare/options.hpp"
#include "apps/pshare/server_spec.hpp"

namespace pshare {
namespace {

void demand(bool fact) {
  if (!fact) std::abort();
}

std::size_t lines_in(std::string_view text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1; }

/// What is left of a text without one line above its tables.
std::vector<std::pair<std::string, ConfigValue>> others(std::string_view text, std::string_view key) {
  std::vector<std::pair<std::string, ConfigValue>> lines;
  for (const auto& each : read_config_text(text).lines)
    if (!each.table.empty() || each.key != key) lines.emplace_back(each.table + '\n' + each.key, each.value);
  return lines;
}

void check_edit(std::string_view text) {
  const auto changed = with_line(text, "name", "bob \"\\");
  if (!changed) return;
  demand(read_config_text(*changed).faults.empty() && others(*changed, "name") == others(text, "name"));
  const auto again = with_line(*changed, "name", "bob \"\\");
  demand(again && *again == *changed);
}

void check_pshare(std::string_view text) {
  const auto file = read_pshare_toml("pshare.toml", text, "/home/ann");
  for (const auto& fault : file.faults) demand(!fault.words.empty() && fault.at.line >= 1 && fault.at.line <= lines_in(text));
  for (const char* verb : {"send", "receive", "supernode"}) {
    const char* arguments[]{"pshare", verb, "-"};
    const auto find = [&](const CommonOptions&) -> Result<std::optional<PshareTomlText>> { return std::optional{PshareTomlText{"pshare.toml", std::string{text}, "/home/ann"}}; };
    const auto given = parse_options(std::string_view{verb} == "send" ? 3 : 2, arguments, find);
    demand(file.faults.empty() || !given);
    if (!given) {
      demand(given.error().code == Errc::usage && given.error().doing.starts_with("pshare.toml:"));
      continue;
    }
    const auto& options = std::get<Options>(*given);
    demand(!options.common.tiers.empty() && (options.common.tcp || options.common.udp) && (!options.common.timeout || *options.common.timeout > Duration::zero()));
    demand(!options.common.settings.server || parse_servers(*options.common.settings.server));
    if (const auto* send = std::get_if<SendOptions>(&options.verb)) demand(send->lanes >= 1 && send->lanes <= 16 && send->paths.size() == 1 && !send->to && !send->text);
    if (const auto* receive = std::get_if<ReceiveOptions>(&options.verb)) demand(!receive->code && !receive->to_stdout && receive->give_up > Duration::zero());
    if (const auto* supernode = std::get_if<SupernodeOptions>(&options.verb)) demand(supernode->sessions >= 1 && supernode->sessions <= max_supernode_sessions);
  }
}

void check_server(std::string_view text) {
  const char* arguments[]{"pshare-server", "--config", "server.toml"};
  const auto given = parse_server_options(3, arguments, [&](const std::filesystem::path&) { return Result<std::string>{std::string{text}}; });
  if (!given) {
    demand(given.error().code == Errc::usage && !given.error().doing.empty());
    return;
  }
  const auto& options = std::get<ServerOptions>(*given);
  demand(options.max_clients >= 1 && options.relay_sessions >= 1 && options.further.size() < max_places && options.relay_rate != 0u && options.relay_quota != 0u);
}

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  if (size == 0) return 0;
  static const bool home = ::setenv("HOME", "/nonexistent", 1) == 0;
  demand(home);
  const std::string_view text{reinterpret_cast<const char*>(data + 1), std::min(size - 1, max_config_text)};
  check_edit(text);
  if (data[0] % 4 == 0) check_server(text);
  else check_pshare(text);
  return 0;
}
