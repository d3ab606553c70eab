// What can stand in a configuration file, as a part of a manual page: from the same keys that the file is read by.
#pragma once

#include <vector>

#include "apps/config_file/config_key.hpp"
#include "apps/manual/prose.hpp"

namespace pshare {

/// A list of those above all tables, and one for each table, with its name in front.
std::vector<Block> settings_table(const std::vector<ConfigKey>& keys);

}  // namespace pshare
