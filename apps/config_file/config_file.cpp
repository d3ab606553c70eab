#include "apps/config_file/config_file.hpp"

#include <algorithm>
#include <filesystem>

#include "apps/command_line/misspelt.hpp"
#include "wire/native_path.hpp"
#include "wire/result.hpp"

namespace pshare {

namespace {

std::string in_quotes(std::string_view text) { return "\"" + std::string{text} + "\""; }

std::string perhaps_meant(std::string_view word, const std::vector<std::string>& known) {
  std::string words;
  for (const auto& each : nearest(word, known)) words += (words.empty() ? " Perhaps you mean " : " or ") + each;
  return words.empty() ? words : words + ".";
}

const KeyRefusal* refusal_of(const ConfigGrammar& grammar, std::string_view table, std::string_view name) {
  const auto found = std::ranges::find_if(grammar.refusals, [&](const KeyRefusal& each) { return each.table == table && each.name == name; });
  return found == grammar.refusals.end() ? nullptr : &*found;
}

const ConfigKey* key_of(const ConfigGrammar& grammar, std::string_view table, std::string_view name) {
  const auto found = std::ranges::find_if(grammar.keys, [&](const ConfigKey& each) { return each.table == table && each.name == name; });
  return found == grammar.keys.end() ? nullptr : &*found;
}

/// The key that a line means. An option that every verb takes may stand in a verb's table as well: for that verb alone.
const ConfigKey* key_meant(const ConfigGrammar& grammar, const ConfigLine& line) {
  const auto* own = key_of(grammar, line.table, line.key);
  if (own || line.table.empty()) return own;
  const auto* common = key_of(grammar, "", line.key);
  return common && common->of_verb.empty() ? common : nullptr;
}

/// "below [receive] and below [send]"; empty where there is no such key.
std::string places_of(const ConfigGrammar& grammar, std::string_view name) {
  std::vector<std::string> places;
  for (const auto& each : grammar.keys)
    if (each.name == name) places.push_back(each.table.empty() ? "above all tables" : "below [" + each.table + "]");
  std::string words;
  for (const auto& each : places) words += (each == places.front() ? "" : each == places.back() ? " and " : ", ") + each;
  return words;
}

/// What could stand in another table than the line does.
std::string perhaps_meant_elsewhere(std::string_view word, const ConfigGrammar& grammar) {
  std::vector<std::string> names;
  for (const auto& each : grammar.keys)
    if (std::ranges::find(names, each.name) == names.end()) names.push_back(each.name);
  std::string words;
  for (const auto& each : nearest(word, names)) words += (words.empty() ? " Perhaps you mean " : ", or ") + each + ", " + places_of(grammar, each);
  return words.empty() ? words : words + ".";
}

std::string unknown_key(const ConfigGrammar& grammar, const ConfigLine& line) {
  for (const auto table : {std::string_view{line.table}, std::string_view{}})
    if (const auto* refusal = refusal_of(grammar, table, line.key); refusal && !line.key.empty()) return in_quotes(line.key) + " cannot stand here: " + std::string{refusal->why};
  std::vector<std::string> known;
  for (const auto& each : grammar.keys)
    if (each.table == line.table || (each.table.empty() && each.of_verb.empty())) known.push_back(each.name);
  auto words = line.table.empty() ? in_quotes(line.key) + " is no setting" : in_quotes(line.key) + " is nothing that can be said of [" + line.table + "]";
  if (const auto places = places_of(grammar, line.key); !places.empty()) return words + ". It can stand " + places + ".";
  auto typed = line.key;
  std::ranges::replace(typed, '_', '-');
  const auto meant = perhaps_meant(typed, known);
  return words + "." + (meant.empty() ? perhaps_meant_elsewhere(typed, grammar) : meant);
}

/// "~/Downloads" is under the user's home, and everything else absolute: what a file says must not depend on where a program is started.
Result<std::string> folder(const std::string& text, const std::optional<std::string>& user_home) {
  constexpr bool backslash_separates = std::filesystem::path::preferred_separator == '\\';
  const bool of_home = text == "~" || text.starts_with("~/") || (backslash_separates && text.starts_with("~\\"));
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }))
    return Unexpected{{.code = Errc::usage, .doing = R"(has a control character in it. Within "..." a backslash is written twice)"}};
  if (of_home && user_home) return *user_home + text.substr(1);
  if (!of_home && path_from(text).is_absolute()) return text;
  return Unexpected{{.code = Errc::usage, .doing = in_quotes(text) + (of_home ? " begins with ~, and there is no home to put in its place" : " must be a whole path, or begin with ~/")}};
}

struct WordsOfValue {
  const ConfigKey& key;
  const std::optional<std::string>& user_home;

  Result<std::vector<std::string>> operator()(const std::string& text) const {
    if (key.type == KeyType::number || key.type == KeyType::truth) return wrong_type();
    if (text.empty()) return empty();
    if (key.value != "DIR") return std::vector{text};
    auto whole = folder(text, user_home);
    if (!whole) return Unexpected{std::move(whole).error()};
    return std::vector{*std::move(whole)};
  }
  Result<std::vector<std::string>> operator()(std::int64_t number) const {
    if (key.type != KeyType::number && key.type != KeyType::quantity) return wrong_type();
    if (number < 0) return Unexpected{{.code = Errc::usage, .doing = "is negative"}};
    constexpr std::int64_t most_repetitions = 9;  // of -v; more of them than anybody types
    if (key.value.empty() && number > most_repetitions) return Unexpected{{.code = Errc::usage, .doing = "is a number from 0 to " + std::to_string(most_repetitions)}};
    return std::vector{std::to_string(number)};
  }
  Result<std::vector<std::string>> operator()(bool truth) const {
    if (key.type != KeyType::truth) return wrong_type();
    return std::vector<std::string>{truth ? "true" : "false"};
  }
  Result<std::vector<std::string>> operator()(const std::vector<std::string>& list) const {
    if (key.type != KeyType::list) return wrong_type();
    if (std::ranges::find(list, "") != list.end()) return empty();
    if (list.empty() && !key.by_default.empty()) return empty();  // to have nothing of it is no choice
    if (!key.commas) return list;
    std::string joined;
    for (const auto& each : list) joined += (joined.empty() ? "" : ",") + each;
    return std::vector{joined};
  }
  /// To the command line an empty word is mostly as good as none; here it may be something forgotten.
  static Unexpected empty() { return Unexpected{{.code = Errc::usage, .doing = "is empty. Leave the line out"}}; }
  Unexpected wrong_type() const { return Unexpected{{.code = Errc::usage, .doing = "is " + std::string{type_words(key.type)} + ", for instance " + key.name + " = " + key.example}}; }
};

void understand(ConfigFile& file, const ConfigLine& line, const ConfigGrammar& grammar, const std::optional<std::string>& user_home) {
  const auto* key = key_meant(grammar, line);
  if (!key) {
    file.faults.push_back({line.key_at, unknown_key(grammar, line)});
    return;
  }
  StandingOption option{.key = *key, .table = line.table, .words = {}, .key_at = line.key_at, .value_at = line.value_at};
  auto words = std::visit(WordsOfValue{*key, user_home}, line.value);
  if (!words) {
    file.faults.push_back({line.value_at, option.shown() + " " + words.error().doing + "."});
    return;
  }
  option.words = *std::move(words);
  file.options.push_back(std::move(option));
}

}  // namespace

ConfigGrammar config_grammar(const Command& root, std::span<const KeyNote> notes, std::span<const KeyRefusal> refusals, std::string advice) {
  ConfigGrammar grammar{.keys = config_keys(root, notes, refusals), .tables = {}, .refusals = refusals, .advice = std::move(advice)};
  for (const auto& verb : root.verbs)
    if (!refusal_of(grammar, verb.word(), "")) grammar.tables.emplace_back(verb.word());
  return grammar;
}

std::vector<const StandingOption*> ConfigFile::of(std::string_view verb) const {
  std::vector<const StandingOption*> lines;
  for (const auto& each : options)
    if (each.table == verb || (each.table.empty() && find(verb, each.key.name) == &each)) lines.push_back(&each);
  return lines;
}

const StandingOption* ConfigFile::find(std::string_view verb, std::string_view option) const {
  const StandingOption* found = nullptr;
  for (const auto& each : options)
    if (each.key.name == option && (each.table == verb || (each.table.empty() && !found))) found = &each;
  return found;
}

std::string ConfigFile::at(const ConfigPlace& place) const { return name + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": "; }

Error ConfigFile::error(const ConfigGrammar& grammar) const {
  const auto& first = *std::ranges::min_element(faults, {}, &ConfigFault::at);
  Error error{.code = Errc::usage, .doing = at(first.at) + first.words, .hint = "Correct the line. " + grammar.advice};
  if (faults.size() > 1) error.hint = std::to_string(faults.size() - 1) + (faults.size() == 2 ? " more line is" : " more lines are") + " wrong. " + error.hint;
  return error;
}

ConfigFile read_config_file(std::string name, std::string_view text, const ConfigGrammar& grammar, const std::optional<std::string>& user_home) {
  const auto read = read_config_text(text);
  ConfigFile file{.name = std::move(name), .options = {}, .faults = read.faults};
  for (const auto& table : read.tables) {
    if (std::ranges::find(grammar.tables, table.name) != grammar.tables.end()) continue;
    const auto* refusal = refusal_of(grammar, table.name, "");
    const auto* key = key_of(grammar, "", table.name);
    auto words = "[" + table.name + "] is no table.";
    if (key) words = in_quotes(table.name) + " is no table, but " + std::string{type_words(key->type)} + ", for instance " + key->name + " = " + key->example + ".";
    else if (refusal) words = "[" + table.name + "] cannot stand here: " + std::string{refusal->why};
    else if (grammar.tables.empty()) words += " This file has none.";
    else words += perhaps_meant(table.name, grammar.tables);
    file.faults.push_back({table.at, words});
  }
  for (const auto& line : read.lines)
    if (line.table.empty() || std::ranges::find(grammar.tables, line.table) != grammar.tables.end()) understand(file, line, grammar, user_home);
  std::ranges::sort(file.faults, {}, &ConfigFault::at);
  return file;
}

}  // namespace pshare
