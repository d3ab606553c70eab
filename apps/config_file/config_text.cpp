#include "apps/config_file/config_text.hpp"

#include <algorithm>
#include <optional>
#include <toml++/toml.h>

#include "apps/config_file/nesting.hpp"

namespace pshare {

namespace {

ConfigPlace place(const toml::source_position& position) { return {.line = position.line, .column = position.column}; }

std::optional<std::vector<std::string>> texts(const toml::array& array) {
  std::vector<std::string> list;
  for (const auto& each : array) {
    const auto text = each.value_exact<std::string>();
    if (!text) return std::nullopt;
    list.push_back(*text);
  }
  return list;
}

std::optional<ConfigValue> value_of(const toml::node& node) {
  if (const auto text = node.value_exact<std::string>()) return ConfigValue{*text};
  if (const auto number = node.value_exact<std::int64_t>()) return ConfigValue{*number};
  if (const auto truth = node.value_exact<bool>()) return ConfigValue{*truth};
  if (const auto* array = node.as_array())
    if (auto list = texts(*array)) return ConfigValue{*std::move(list)};
  return std::nullopt;
}

void read_line(ConfigText& into, const std::string& table, const toml::key& key, const toml::node& node) {
  if (auto value = value_of(node)) {
    into.lines.push_back({.table = table, .key = std::string{key.str()}, .value = *std::move(value), .key_at = place(key.source().begin),
                          .value_at = place(node.source().begin), .value_end = place(node.source().end)});
    return;
  }
  const bool nested = node.is_table() || (node.is_array() && !node.as_array()->empty() && node.as_array()->is_homogeneous<toml::table>());
  const auto name = "\"" + std::string{key.str()} + "\"";
  into.faults.push_back({place(key.source().begin), nested ? name + " is a table where there can be none: a table is written [send], once, and holds no others"
                                                           : name + " must be a text in quotes, a whole number, true or false, or a list of texts in [ ]"});
}

/// Those of the library are right, but not of much use to whoever has left out a quote or has written a path of Windows.
std::string words_of(const toml::parse_error& trouble) {
  std::string words{trouble.description()};
  if (words.find("redefine") == std::string::npos)
    words += R"(. A text stands in quotes, on one line; within "..." a backslash is written twice, or the text is put in '...': dir = 'C:\in')";
  return words;
}

}  // namespace

ConfigText read_config_text(std::string_view text) {
  ConfigText read;
  if (text.size() > max_config_text) {
    read.faults.push_back({{}, "the file is longer than " + std::to_string(max_config_text / 1024) + " KiB"});
    return read;
  }
  if (const auto line = line_that_nests(text)) {
    read.faults.push_back({{.line = *line}, "values are texts in quotes on one line, numbers, true, false, and lists of texts in [ ]: no lists in lists, no { }, no \"\"\""});
    return read;
  }
  try {
    const auto file = toml::parse(text);
    for (const auto& [key, node] : file) {
      const auto* table = node.as_table();
      if (!table) {
        read_line(read, "", key, node);
        continue;
      }
      read.tables.push_back({std::string{key.str()}, place(key.source().begin)});
      for (const auto& [inner, value] : *table) read_line(read, read.tables.back().name, inner, value);
    }
  } catch (const toml::parse_error& trouble) {
    read = {};
    read.faults.push_back({place(trouble.source().begin), words_of(trouble) + ". What comes behind it was not looked at."});
  }
  // toml++ hands them out by name.
  std::ranges::sort(read.lines, {}, &ConfigLine::key_at);
  std::ranges::sort(read.tables, {}, &ConfigTable::at);
  std::ranges::sort(read.faults, {}, &ConfigFault::at);
  return read;
}

std::string toml_quoted(std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') quoted += '\\', quoted += c;
    else if (byte < 0x20 || byte == 0x7F) quoted += "\\u00", quoted += digits[byte >> 4], quoted += digits[byte & 15];
    else quoted += c;
  }
  return quoted + '"';
}

}  // namespace pshare
