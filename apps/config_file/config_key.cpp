#include "apps/config_file/config_key.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace pshare {

namespace {

constexpr std::array<std::string_view, 2> numbers{"N", "P"};
constexpr std::array<std::string_view, 4> quantities{"RATE", "SIZE", "DURATION", "auto|none|1..19"};

template <typename Words>
bool is_one_of(std::string_view word, const Words& words) {
  return std::ranges::find(words, word) != words.end();
}

KeyType type_of(const CommandOption& option) {
  if (!option.takes_value()) return option.repeatable ? KeyType::number : KeyType::truth;  // of `-v -v` the file has the number
  if (option.repeatable || option.value == "LIST") return KeyType::list;
  if (is_one_of(option.value, numbers)) return KeyType::number;
  return is_one_of(option.value, quantities) ? KeyType::quantity : KeyType::text;
}

template <typename Note>
const Note* note_of(std::span<const Note> notes, std::string_view table, std::string_view name) {
  const auto found = std::ranges::find_if(notes, [&](const Note& each) { return each.table == table && each.name == name; });
  return found == notes.end() ? nullptr : &*found;
}

ConfigKey key_of(const CommandOption& option, std::string table, std::string name) {
  ConfigKey key{.table = std::move(table), .name = std::move(name), .type = type_of(option), .commas = option.value == "LIST", .value = option.value, .meaning = option.meaning,
                .choices = option.choices};
  if (key.type != KeyType::text || option.kind != ValueKind::text) key.choices.clear();  // of others they are proposals
  if (key.type == KeyType::truth) key.by_default = "false";
  return key;
}

void add_keys(std::vector<ConfigKey>& keys, const Command& command, const std::string& table, std::span<const KeyNote> notes, std::span<const KeyRefusal> refusals) {
  for (const auto& option : command.options) {
    const auto name = option.names.back().substr(std::min(option.names.back().find_first_not_of('-'), option.names.back().size()));
    if (name == "help" || name == "version" || note_of(refusals, table, name)) continue;
    auto key = key_of(option, table, name);
    if (const auto* note = note_of(notes, table, name)) {
      if (!note->by_default.empty() || !note->without.empty()) key.by_default = note->by_default;
      key.without = note->without, key.example = note->example, key.yields = note->yields;
      if (note->above) key.of_verb = std::exchange(key.table, "");
    }
    if (key.by_default.empty() && key.without.empty()) throw std::logic_error{key.full_name() + ": no note says what is so without it"};
    if (key.example.empty() && key.by_default.empty()) throw std::logic_error{key.full_name() + ": no note has an example of it"};
    if (key.example.empty()) key.example = key.type == KeyType::truth ? "true" : key.by_default;
    keys.insert(key.of_verb.empty() ? keys.end() : keys.begin(), std::move(key));
  }
}

bool is_there(const std::vector<ConfigKey>& keys, std::string_view table, std::string_view name) {
  return std::ranges::any_of(keys, [&](const ConfigKey& each) { return each.table == table && each.name == name; });
}

/// An option of a verb, an argument of its (also in small letters, as somebody might write a key), or with no name the verb itself.
bool is_of_verb(const Command& root, const KeyRefusal& refusal) {
  const auto* verb = root.verb(refusal.table);
  if (!verb || refusal.name.empty()) return verb != nullptr;
  const auto is_meant = [&](const CommandArgument& argument) {
    auto key = argument.name;
    std::ranges::transform(key, key.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return refusal.name == argument.name || refusal.name == key;
  };
  return verb->option("--" + std::string{refusal.name}) || std::ranges::any_of(verb->arguments, is_meant);
}

}  // namespace

std::vector<ConfigKey> config_keys(const Command& root, std::span<const KeyNote> notes, std::span<const KeyRefusal> refusals) {
  std::vector<ConfigKey> keys;
  add_keys(keys, root, "", notes, refusals);
  for (const auto& verb : root.verbs)
    if (const auto table = std::string{verb.word()}; !note_of(refusals, table, "")) add_keys(keys, verb, table, notes, refusals);
  for (const auto& note : notes)
    if (!is_there(keys, note.above ? "" : note.table, note.name)) throw std::logic_error{"a note on " + std::string{note.table} + "." + std::string{note.name} + ", which is no option"};
  for (const auto& refusal : refusals)  // those above all tables may be about what no help shows
    if (!refusal.table.empty() && !is_of_verb(root, refusal)) throw std::logic_error{"a refusal of " + std::string{refusal.table} + "." + std::string{refusal.name} + ", which is not there anyway"};
  return keys;
}

std::string_view type_words(KeyType type) {
  switch (type) {
    case KeyType::text: return "a text in quotes";
    case KeyType::quantity: return "a text in quotes, or a whole number";
    case KeyType::number: return "a whole number, without quotes";
    case KeyType::truth: return "true or false, without quotes";
    case KeyType::list: return "a text in quotes, or a list of such texts in [ ]";
  }
  return {};
}

}  // namespace pshare
