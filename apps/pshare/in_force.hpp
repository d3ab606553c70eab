// What is in force, setting by setting, and where it comes from: the command line, else the environment, else pshare.toml, else the default. For `pshare config`;
// pure, with its words for people (80 columns) and its lines of JSON.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/config_file/config_file.hpp"

namespace pshare {

struct SettingInForce {
  std::string name;                        // "send.limit", "timeout"
  KeyType type = KeyType::text;
  std::optional<std::vector<std::string>> words;  // nothing: there is no such value, as without a limit
  std::string without = {};                // then: what is so without it
  std::string source;                      // "command line", "PSHARE_SERVER", "pshare.toml:12", "default"
};

/// What was said beside the file.
struct SaidElsewhere {
  std::map<std::string, std::vector<std::string>> command_line;  // common options by their long names
  std::function<std::optional<std::string>(const char* name)> environment;
};

/// The home first, then all keys, a verb's table behind what is common. `home`: where it is. The password of a proxy is not among the words.
std::vector<SettingInForce> settings_in_force(const ConfigGrammar& grammar, const ConfigFile& file, const SaidElsewhere& said, const std::string& home);

/// A table with a line for each, two for what is long.
std::string in_force_words(const std::vector<SettingInForce>& settings);
/// {"event":"setting","key":"send.lanes","value":4,"source":"pshare.toml:12"}, a line for each; null for no value.
std::string in_force_json(const std::vector<SettingInForce>& settings);

}  // namespace pshare
