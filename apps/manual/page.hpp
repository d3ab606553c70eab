// One manual page: what a command says of itself, between what has been written about it.
#pragma once

#include <string>
#include <vector>

#include "apps/command_line/command.hpp"
#include "apps/manual/prose.hpp"

namespace pshare {

struct PageName {
  std::string name, section;  // "pshare-send", "1"
  /// "pshare-send.1". Throws std::runtime_error for what has no section.
  static PageName parse(const std::string& file_name);
};

/// Of a program (`command` is `root`) or one of its verbs. Sections of `prose` come where readers look for them; {exit statuses} is what the program says.
std::string command_page(const PageName& name, const Command& root, const Command& command, const std::vector<Section>& prose);

/// Of something else, a file for instance: all of it is written, with what it is in the first lines. `tables` has blocks for placeholders by name.
struct Table {
  std::string name;
  std::vector<Block> blocks;
};
std::string written_page(const PageName& name, const std::vector<Section>& prose, const std::vector<Table>& tables);

}  // namespace pshare
