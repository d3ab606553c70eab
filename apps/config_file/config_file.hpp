// A configuration file, understood: which of its lines stands for which option of the command line, in which words. What is no known table or key and what has
// a value of the wrong type is found here; whether the words are right, the command line's own checks say (check.hpp). No I/O.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/config_file/config_key.hpp"
#include "apps/config_file/config_text.hpp"
#include "wire/error.hpp"

namespace pshare {

/// One line of the file, as words of the command line.
struct StandingOption {
  ConfigKey key;
  std::string table;               // where it stands: that of `key`, or a verb's, for an option that every verb takes
  std::vector<std::string> words;  // one, but for lists
  ConfigPlace key_at, value_at;

  /// "[send] limit", "timeout".
  std::string shown() const { return (table.empty() ? "" : "[" + table + "] ") + key.name; }
};

/// What can stand in a certain file.
struct ConfigGrammar {
  std::vector<ConfigKey> keys;
  std::vector<std::string> tables;          // also those that have options of every verb alone
  std::span<const KeyRefusal> refusals;
  std::string advice;                       // where one can read what can stand there
};
ConfigGrammar config_grammar(const Command& root, std::span<const KeyNote> notes, std::span<const KeyRefusal> refusals, std::string advice);

struct ConfigFile {
  std::string name;  // as it is shown
  std::vector<StandingOption> options = {};
  std::vector<ConfigFault> faults = {};

  /// Lines that count for a verb: its own ones, and those above all tables that it does not say otherwise.
  std::vector<const StandingOption*> of(std::string_view verb) const;
  /// Such a line for one option; nothing if there is none.
  const StandingOption* find(std::string_view verb, std::string_view option) const;
  /// "pshare.toml:7:9: "
  std::string at(const ConfigPlace& place) const;
  /// Of its first fault, and how many more there are. There is one.
  Error error(const ConfigGrammar& grammar) const;
};

/// `user_home`: what ~ means; nothing where nobody knows.
ConfigFile read_config_file(std::string name, std::string_view text, const ConfigGrammar& grammar, const std::optional<std::string>& user_home);

}  // namespace pshare
