#include "apps/command_line/help.hpp"

#include <algorithm>
#include <sstream>

namespace pshare {

namespace {

constexpr std::size_t width = 80;
/// Where the meanings of options begin. What is longer in front of them has its own line.
constexpr std::size_t meanings_at = 24;

/// `text` in lines of `width`, all but the first indented.
std::string wrapped(const std::string& text, std::size_t first_at, std::size_t further_at) {
  std::string out;
  auto column = first_at;
  std::istringstream words{text};
  for (std::string word; words >> word;) {
    if (out.empty()) {
      out = word;
    } else if (column + 1 + word.size() >= width) {
      out += "\n" + std::string(further_at, ' ') + word;
      column = further_at + word.size();
      continue;
    } else {
      out += " " + word;
      ++column;
    }
    column += word.size();
  }
  return out;
}

std::string entry(const std::string& what, const std::string& meaning, std::size_t meaning_at = meanings_at) {
  auto line = "  " + what;
  if (meaning.empty()) return line + "\n";
  if (line.size() + 2 > meaning_at) line += "\n" + std::string(meaning_at, ' ');
  else line.resize(meaning_at, ' ');
  return line + wrapped(meaning, meaning_at, meaning_at) + "\n";
}

std::string arguments_of(const Command& command) {
  std::string text;
  for (const auto& each : command.arguments)
    if (!each.meaning.empty()) text += entry(each.name + (each.repeatable ? "..." : ""), each.meaning);
  return text.empty() ? "" : "\n" + text;
}

std::string verbs_of(const Command& command) {
  if (command.verbs.empty()) return "";
  std::size_t longest = 0;
  for (const auto& each : command.verbs) longest = std::max(longest, each.word().size());
  std::string text = "\nVerbs:\n";
  for (const auto& each : command.verbs) text += entry(std::string{each.word()}, each.meaning, longest + 4);
  return text;
}

/// That a verb has --help as well is said with the options of every verb.
bool is_told(const CommandOption& option, const Command* common) { return !common || option.names.back() != "--help"; }

std::string options_of(const Command& command, const Command* common) {
  std::string text;
  for (const auto& group : command.groups()) {
    std::string entries;
    for (const auto& each : command.options)
      if (each.group == group && is_told(each, common)) entries += entry(spelt(each), each.meaning);
    if (!entries.empty()) text += "\n" + group + ":\n" + entries;
  }
  return text;
}

std::string examples_of(const Command& command) {
  if (command.examples.empty()) return "";
  std::string text = "\nExamples:\n";
  for (const auto& each : command.examples) {
    text += "  " + each.command + "\n";
    if (!each.meaning.empty()) text += "      " + wrapped(each.meaning, 6, 6) + "\n";
  }
  return text;
}

std::string exit_statuses_of(const Command& command) {
  if (command.exit_statuses.empty()) return "";
  std::string text = "\nExit status:\n";
  for (const auto& each : command.exit_statuses) text += "  " + std::to_string(each.status) + "  " + each.meaning + "\n";
  return text;
}

/// One line or two that name the options which every verb takes.
std::string common_options(const Command& common) {
  std::string names;
  for (const auto& each : common.options)
    if (each.names.back() != "--version") names += (names.empty() ? "" : ", ") + each.names.front();
  return "\nOptions of every verb, which `" + common.name + " --help` explains:\n  " + wrapped(names, 2, 2) + "\n";
}

}  // namespace

std::string spelt(const CommandOption& option) {
  std::string names;
  for (const auto& each : option.names) names += (names.empty() ? "" : ", ") + each;
  return option.takes_value() ? names + " " + option.value : names;
}

std::string help_text(const Command& command, const Command* common) {
  auto text = wrapped(command.meaning + (command.meaning.ends_with('.') ? "" : "."), 0, 0) + "\n\nUsage: " + wrapped(command.usage(), 7, 9) + "\n";
  text += arguments_of(command) + verbs_of(command) + options_of(command, common) + examples_of(command) + exit_statuses_of(command);
  if (common) text += common_options(*common);
  return text;
}

}  // namespace pshare
