// A configuration file with all that can stand in it, explained and commented out: it says what is so anyway.
#pragma once

#include <string>
#include <string_view>

#include "apps/config_file/config_file.hpp"

namespace pshare {

/// `introduction`: comment lines without the # in front of them, each with a line break behind it.
std::string config_sample(const ConfigGrammar& grammar, std::string_view introduction);

}  // namespace pshare
