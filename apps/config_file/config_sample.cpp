#include "apps/config_file/config_sample.hpp"

#include <sstream>

namespace pshare {

namespace {

constexpr std::size_t columns = 78;

std::string comment(std::string_view text) {
  std::istringstream words{std::string{text}};
  std::string out, line = "#";
  for (std::string word; words >> word;) {
    if (line.size() + 1 + word.size() > columns) out += line + "\n", line = "#";
    line += " " + word;
  }
  return out + line + "\n";
}

/// The meaning, and how it is without the line, unless that says so itself.
std::string explained(const ConfigKey& key) {
  auto words = key.meaning;
  if (!key.choices.empty()) {
    words += "; one of";
    for (const auto& each : key.choices) words += " " + each;
  }
  if (!key.without.empty() && words.find("(default") == std::string::npos) words += " (default: " + key.without + ")";
  return comment(words + ".");
}

}  // namespace

std::string config_sample(const ConfigGrammar& grammar, std::string_view introduction) {
  std::string text, table;
  std::istringstream lines{std::string{introduction}};
  for (std::string line; std::getline(lines, line);) text += line.empty() ? "#\n" : "# " + line + "\n";
  for (const auto& key : grammar.keys) {
    if (key.table != table) {
      table = key.table;
      text += "\n\n[" + table + "]\n";
    }
    text += "\n" + explained(key) + "#" + key.name + " = " + (key.by_default.empty() ? key.example : key.by_default) + "\n";
  }
  return text;
}

}  // namespace pshare
