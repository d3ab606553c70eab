#include "apps/config_file/standing.hpp"

#include <CLI/CLI.hpp>

namespace pshare {

namespace {

/// Without the name of the option, which the line has in front of it, and with a full stop.
std::string plain_words(std::string words, const StandingOption& line) {
  const auto prefix = "--" + line.key.name + ": ";
  if (words.starts_with(prefix)) words.erase(0, prefix.size());
  if (!words.ends_with('.')) words += '.';
  return words;
}

}  // namespace

void stand_for(CLI::Option& option, const StandingOption& line) {
  option.clear();
  if (line.words.empty()) return;
  const bool flag = option.get_items_expected_max() == 0;
  if (flag && line.words.front() == "0") return;  // as often as that: to CLI11 it would be the opposite of once
  for (const auto& word : line.words) option.add_result(flag ? option.get_flag_value(line.key.name, word) : word);
  option.run_callback();
}

std::optional<Misfit> stand_in(const StandIn& command_line, const std::vector<const StandingOption*>& lines) {
  for (const auto* line : lines) {
    try {
      stand_for(command_line.option(line->key), *line);
      command_line.understand();
    } catch (const CLI::ParseError& trouble) {
      return Misfit{line, plain_words(trouble.what(), *line)};
    }
  }
  return std::nullopt;
}

}  // namespace pshare
