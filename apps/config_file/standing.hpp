// Lines of a configuration file put in the place of words on the command line, so that the code that checks and understands these does so for those as well.
// Together with options.cpp of the programs, the only files that include CLI11.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/config_file/config_file.hpp"

namespace CLI {
class App;
class Option;
}

namespace pshare {

/// Errors: CLI::ParseError. Whatever stood there before is gone.
void stand_for(CLI::Option& option, const StandingOption& line);

/// One command line into which lines of a file are put. Both throw CLI::ParseError.
struct StandIn {
  std::function<CLI::Option&(const ConfigKey& key)> option;
  std::function<void()> understand;  // what follows from all that has been put there; may be called again
};

/// Puts these lines there, one after the other, and gives the first that is wrong, or does not go together with the others: `words` then say why.
struct Misfit {
  const StandingOption* line;
  std::string words;
};
std::optional<Misfit> stand_in(const StandIn& command_line, const std::vector<const StandingOption*>& lines);

}  // namespace pshare
