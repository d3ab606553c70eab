// The text of a configuration file (TOML) taken apart into its lines, without any idea of what they mean: names and values, and where each of them stands, so that
// whoever finds something wrong with one can say in which line. The values are texts, whole numbers, truths and lists of texts; nothing nests. The only files
// of this folder that include toml++.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pshare {

/// No configuration file is longer.
inline constexpr std::size_t max_config_text = 64 * 1024;

/// Counted from 1; a column is a character, not a byte.
struct ConfigPlace {
  std::size_t line = 1, column = 1;
  friend auto operator<=>(const ConfigPlace&, const ConfigPlace&) = default;
};

using ConfigValue = std::variant<std::string, std::int64_t, bool, std::vector<std::string>>;

/// `key = value`, below `[table]`; no table: above all of them.
struct ConfigLine {
  std::string table, key;
  ConfigValue value;
  ConfigPlace key_at;
  ConfigPlace value_at, value_end;  // the first character of the value, and the one behind its last
};

struct ConfigTable {
  std::string name;
  ConfigPlace at;
};

/// Something that is wrong, in words that go on after "FILE:LINE:COLUMN: ".
struct ConfigFault {
  ConfigPlace at;
  std::string words;
};

struct ConfigText {
  std::vector<ConfigLine> lines;    // in the order of the file
  std::vector<ConfigTable> tables;  // likewise
  std::vector<ConfigFault> faults;  // what is no TOML (then it is the only one), or no such value
};

ConfigText read_config_text(std::string_view text);

/// `text` in quotes, as TOML has it.
std::string toml_quoted(std::string_view text);

}  // namespace pshare
