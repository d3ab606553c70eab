// pshare.toml, in the home: what is to hold for every `pshare VERB` unless its command line says otherwise. docs/configuration.md says how it is written and what goes
// before what. Here is what can stand in it, and the reading of it; no I/O.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/config_file/config_file.hpp"

namespace pshare {

struct Command;

/// What no option of the verb that runs says, and the file does.
struct Settings {
  std::optional<std::string> server = {};  // what parse_servers() takes, as written
  std::optional<std::string> name = {};    // as registered there, in the form of parse_name()
  friend bool operator==(const Settings&, const Settings&) = default;
};

/// All keys of the file, in the order of the help: what pshare.toml(5) is made of. `root`: pshare_command().
std::vector<ConfigKey> pshare_toml_keys(const Command& root);
ConfigGrammar pshare_toml_grammar(const Command& root);

/// Understands the file and checks it with the command line's own code: its `faults` are all that is wrong with it.
ConfigFile read_pshare_toml(std::string name, std::string_view text, const std::optional<std::string>& user_home);

/// A file with everything in it, explained and commented out.
std::string pshare_toml_sample();

}  // namespace pshare
