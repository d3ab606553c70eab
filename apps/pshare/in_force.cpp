#include "apps/pshare/in_force.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <sstream>

#include "io/printable.hpp"

namespace pshare {

namespace {

constexpr std::string_view by_command_line = "command line", by_default = "default";

/// In the order in which io/outlet asks for them.
constexpr std::array proxy_variables{"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

/// "http://ann:***@proxy:3128".
std::string without_password(const std::string& url) {
  const auto at = url.rfind('@');
  if (at == std::string::npos) return url;
  const auto scheme = url.substr(0, at).find("://");
  const auto login = scheme == std::string::npos || scheme != url.find(':') ? 0 : scheme + 3;  // a password may have "://" in it
  const auto colon = url.find(':', login);
  return colon < at ? url.substr(0, colon + 1) + "***" + url.substr(at) : url;
}

std::vector<std::string> parts(const std::string& list) {
  std::vector<std::string> words;
  std::istringstream rest{list};
  for (std::string each; std::getline(rest, each, ',');) words.push_back(each);
  return words;
}

SettingInForce from(const ConfigKey& key, std::string name, std::vector<std::string> words, std::string source) {
  if (key.name == "proxy")
    for (auto& each : words) each = without_password(each);
  if (key.commas && words.size() == 1) words = parts(words.front());
  return {.name = std::move(name), .type = key.type, .words = std::move(words), .source = std::move(source)};
}

/// What the file would have to say for what is so without it.
SettingInForce unsaid(const ConfigKey& key, const ConfigGrammar& grammar) {
  if (key.by_default.empty()) return {.name = key.full_name(), .type = key.type, .words = std::nullopt, .without = key.without, .source = std::string{by_default}};
  const auto line = (key.table.empty() ? "" : "[" + key.table + "]\n") + key.name + " = " + key.by_default;
  return from(key, key.full_name(), read_config_file("", line, grammar, std::nullopt).options.front().words, std::string{by_default});
}

std::optional<SettingInForce> of_environment(const ConfigKey& key, const SaidElsewhere& said) {
  if (!key.table.empty()) return std::nullopt;
  if (key.name == "server") {
    if (auto value = said.environment("PSHARE_SERVER")) return from(key, key.name, {*value}, "PSHARE_SERVER");
  } else if (key.name == "proxy") {
    for (const char* variable : proxy_variables)
      if (auto value = said.environment(variable)) return from(key, key.name, {*value}, variable);
  }
  return std::nullopt;
}

std::string line_of(const ConfigFile& file, const StandingOption& option) {
  return file.name.substr(file.name.find_last_of("/\\") + 1) + ":" + std::to_string(option.key_at.line);
}

/// Whether a line of the file for it does not count beside the command line.
bool overruled(const ConfigKey& key, const SaidElsewhere& said) {
  return said.command_line.contains(key.name) || std::ranges::any_of(key.yields, [&](const std::string& option) { return said.command_line.contains(option.substr(2)); });
}

SettingInForce common(const ConfigKey& key, const ConfigGrammar& grammar, const ConfigFile& file, const SaidElsewhere& said) {
  if (const auto given = said.command_line.find(key.name); given != said.command_line.end() && key.of_verb.empty()) return from(key, key.name, given->second, std::string{by_command_line});
  auto environment = of_environment(key, said);
  const auto* line = overruled(key, said) ? nullptr : file.find("", key.name);
  // The variables for proxies are meant for every program, and weaker than what is said of this one.
  if (environment && !(line && key.name == "proxy")) return *std::move(environment);
  return line ? from(key, key.name, line->words, line_of(file, *line)) : unsaid(key, grammar);
}

std::string shown(const SettingInForce& setting) {
  if (!setting.words) return "(" + setting.without + ")";
  std::string text;
  for (const auto& each : *setting.words) text += (text.empty() ? "" : ",") + each;
  return printable(text);
}

nlohmann::json json_value(const SettingInForce& setting) {
  if (!setting.words) return nullptr;
  if (setting.type == KeyType::list) return *setting.words;
  const auto& word = setting.words->empty() ? std::string{} : setting.words->front();
  if (setting.type == KeyType::truth) return word != "false";
  const bool digits = !word.empty() && word.size() < 19 && std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; });
  if (setting.type == KeyType::number && digits) return std::stoull(word);
  return word;
}

}  // namespace

std::vector<SettingInForce> settings_in_force(const ConfigGrammar& grammar, const ConfigFile& file, const SaidElsewhere& said, const std::string& home) {
  const auto home_source = said.command_line.contains("home") ? std::string{by_command_line} : said.environment("PSHARE_HOME") ? "PSHARE_HOME" : std::string{by_default};
  std::vector<SettingInForce> settings{{.name = "home", .type = KeyType::text, .words = std::vector{home}, .source = home_source}};
  for (const auto& key : grammar.keys)
    if (key.table.empty()) settings.push_back(common(key, grammar, file, said));
  for (const auto& table : grammar.tables) {
    for (const auto& option : file.options)  // what every verb takes, and this one otherwise
      if (option.table == table && option.key.table.empty() && !overruled(option.key, said) && !(option.key.name == "server" && said.environment("PSHARE_SERVER")))
        settings.push_back(from(option.key, table + "." + option.key.name, option.words, line_of(file, option)));
    for (const auto& key : grammar.keys) {
      if (key.table != table) continue;
      const auto* line = file.find(table, key.name);
      settings.push_back(line ? from(key, key.full_name(), line->words, line_of(file, *line)) : unsaid(key, grammar));
    }
  }
  return settings;
}

std::string in_force_words(const std::vector<SettingInForce>& settings) {
  constexpr std::size_t columns = 80, widest_source = 16;
  std::size_t name_width = 0;
  for (const auto& each : settings) name_width = std::max(name_width, each.name.size());
  const auto source_at = columns - widest_source;
  std::string text;
  for (const auto& each : settings) {
    auto line = each.name + std::string(name_width + 2 - each.name.size(), ' ') + shown(each);
    if (line.size() + 2 > source_at) line += "\n" + std::string(source_at, ' ');
    else line.resize(source_at, ' ');
    text += line + printable(each.source) + "\n";
  }
  return text;
}

std::string in_force_json(const std::vector<SettingInForce>& settings) {
  std::string lines;
  for (const auto& each : settings) {
    const nlohmann::ordered_json object{{"event", "setting"}, {"key", each.name}, {"value", json_value(each)}, {"source", each.source}};
    lines += object.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
  }
  return lines;
}

}  // namespace pshare
