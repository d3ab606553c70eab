// What can stand in a configuration file, as data: each option of the command line that makes sense as a standing choice, under its long name. Read off the tree
// of the command line (apps/command_line), so that there is no second list of options that could differ from it; beside it stand notes on what CLI11 has no place
// for. The sample file, pshare.toml(5) and `pshare config` are made of it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/command_line/command.hpp"

namespace pshare {

enum class KeyType {
  text,      // "bob"
  quantity,  // "2M", or a plain number of bytes or seconds
  number,    // 4
  truth,     // true, false
  list,      // ["a", "b"], or one text
};

struct ConfigKey {
  std::string table;                      // the verb's; "": above all tables, and then of every verb
  std::string name;                       // of the option, without its dashes
  KeyType type = KeyType::text;
  bool commas = false;                    // a list that the command line writes in one word, with commas
  std::string value;                      // as the help names it: "RATE"; "" for a truth
  std::string meaning;                    // as the help says it
  std::vector<std::string> choices = {};  // all that it can be
  std::string by_default = {};            // as it would stand in the file; "" where there is nothing that says the same
  std::string without = {};               // then: what is so without it, in words, for instance "no limit"
  std::string example = {};               // as it may stand in the file
  std::string of_verb = {};               // whose option it is, where that is not `table`
  std::vector<std::string> yields = {};   // to these options: where one of them is given, it does not count

  /// "send.limit", "timeout".
  std::string full_name() const { return table.empty() ? name : table + "." + name; }
};

/// `table` and `name` say of what.
struct KeyNote {
  std::string_view table, name;
  std::string_view by_default = {}, without = {}, example = {};
  std::vector<std::string> yields = {};
  bool above = false;  // it stands above all tables, though it is the verb's
};
/// An option that has no place in the file; with `name` empty, a verb that has no table. An argument is named as the help does ("PATH").
struct KeyRefusal {
  std::string_view table, name, why;
};

/// All that can stand in a file for `root` and its verbs. Throws std::logic_error for an option without a note, and for a note or a refusal without one.
std::vector<ConfigKey> config_keys(const Command& root, std::span<const KeyNote> notes, std::span<const KeyRefusal> refusals);

/// "a text in quotes", "true or false", ...
std::string_view type_words(KeyType type);

}  // namespace pshare
