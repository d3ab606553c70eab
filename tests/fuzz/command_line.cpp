// Fuzzes the command lines of both programs: a wrong one is refused in words, whatever is wrong with it, and what is accepted is within the limits that
// the help names. What the Tab key is told of them is well-formed. The arguments stand in the input with a NUL behind each; the first byte says which program.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "apps/command_line/command.hpp"
#include "apps/command_line/completion.hpp"
#include "apps/pshare-server/options.hpp"
#include "apps/pshare/options.hpp"
#include "traversal/path_rank.hpp"
#include "wire/lane_messages.hpp"
#include "wire/signal.hpp"

namespace pshare {
namespace {

void demand(bool fact) {
  if (!fact) std::abort();
}

void check(const CommonOptions& common) {
  demand(!common.tiers.empty() && (common.tcp || common.udp));
  demand(common.tcp || std::ranges::any_of(common.tiers, [](Tier tier) { return is_straight(tier); }));
  demand(!common.port || common.port->number != 0);
  demand(!common.timeout || *common.timeout > Duration::zero());
}

void check(const Verb& verb) {
  if (const auto* send = std::get_if<SendOptions>(&verb)) {
    demand(send->lanes >= 1 && send->lanes <= max_lanes && send->give_up > Duration::zero());
    demand(send->chunk_size == 0 || (send->chunk_size >= min_chunk_size && send->chunk_size <= max_chunk_size));
    demand(send->text.has_value() == send->paths.empty() && (!send->text || send->text->size() <= max_text));
  }
  if (const auto* receive = std::get_if<ReceiveOptions>(&verb)) demand(receive->give_up > Duration::zero());
  if (const auto* doctor = std::get_if<DoctorOptions>(&verb)) demand(!doctor->lifetime || *doctor->lifetime <= std::chrono::minutes{10});
  if (const auto* supernode = std::get_if<SupernodeOptions>(&verb))
    demand(supernode->sessions >= 1 && supernode->sessions <= max_supernode_sessions && supernode->volume != 0u && supernode->rate != 0u);
}

void check(const ServerOptions& options) {
  demand(options.max_clients >= 1 && options.relay_sessions >= 1 && options.further.size() < max_places);
  demand(options.relay_rate != 0u && options.relay_quota != 0u);
}

/// Whatever was typed, what is offered goes on from it, and is a line for the shell.
void check_completion(const std::vector<std::string>& words) {
  static const auto command = pshare_command();
  const Lookup nobody{[](ValueKind, std::string_view, const std::string&) { return std::vector<Suggestion>{}; }};
  const auto completion = complete(command, std::span{words}.subspan(1), nobody);
  for (const auto& each : completion.suggestions) demand(each.word.starts_with(words.back()) && each.word.size() >= words.back().size());
}

template <typename Given>
void check_refusal(const Given& given) {
  demand(given || (given.error().code == Errc::usage && !given.error().doing.empty()));
}

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  if (size == 0 || size > 4096) return 0;
  static const bool home = ::setenv("HOME", "/nonexistent", 1) == 0;
  demand(home);
  std::vector<std::string> words{"pshare"};
  for (std::string_view rest{reinterpret_cast<const char*>(data + 1), size - 1}; !rest.empty() && words.size() < 64;) {
    const auto end = std::min(rest.find('\0'), rest.size());
    words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  std::vector<const char*> arguments;
  for (const auto& each : words) arguments.push_back(each.c_str());
  const auto count = static_cast<int>(arguments.size());
  if (data[0] % 4 == 0) {
    const auto given = parse_server_options(count, arguments.data(), [](const std::filesystem::path&) { return Result<std::string>{"relay-rate = \"1M\"\n"}; });
    check_refusal(given);
    if (given && std::holds_alternative<ServerOptions>(*given)) check(std::get<ServerOptions>(*given));
  } else {
    check_completion(words);
    const auto given = parse_options(count, arguments.data());
    check_refusal(given);
    if (given && std::holds_alternative<Options>(*given)) {
      check(std::get<Options>(*given).common);
      check(std::get<Options>(*given).verb);
    }
  }
  return 0;
}
