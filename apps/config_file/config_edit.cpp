#include "apps/config_file/config_edit.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "apps/config_file/config_text.hpp"

namespace pshare {

namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// Where the lines of a text begin; the last one is behind its end.
std::vector<std::size_t> line_starts(std::string_view text) {
  std::vector<std::size_t> starts{0};
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '\n') starts.push_back(i + 1);
  if (starts.back() != text.size()) starts.push_back(text.size());
  return starts;
}

/// The byte at a place; the end of the text, for one beyond it.
std::size_t offset(std::string_view text, const ConfigPlace& place) {
  const auto starts = line_starts(text);
  if (place.line > starts.size()) return text.size();
  auto at = starts[place.line - 1];
  const auto continues = [&] { return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80; };
  for (std::size_t column = 1; column < place.column && at < text.size(); ++column) {
    ++at;
    while (continues()) ++at;
  }
  return at;
}

std::string_view without_blanks(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line;
}

bool has_commented_out(std::string_view line, std::string_view key) {
  line = without_blanks(line);
  if (!line.starts_with('#')) return false;
  line = without_blanks(line.substr(1));
  return line.starts_with(key) && without_blanks(line.substr(key.size())).starts_with('=');
}

/// Where a new line for `key` goes: the start of the line that it is to stand before.
std::size_t place_for(std::string_view text, const ConfigText& read, std::string_view key) {
  const auto starts = line_starts(text);
  const auto first_table = std::ranges::find_if(starts, [&](std::size_t start) { return without_blanks(text.substr(start)).starts_with('['); });
  const auto tables_at = first_table == starts.end() ? text.size() : *first_table;
  for (std::size_t i = 0; i + 1 < starts.size() && starts[i] < tables_at; ++i)
    if (has_commented_out(text.substr(starts[i], starts[i + 1] - starts[i]), key)) return starts[i + 1];
  std::size_t place = 0;
  for (const auto& line : read.lines)
    if (const auto end = offset(text, line.value_end); line.table.empty() && end <= tables_at) place = std::max(place, *std::ranges::lower_bound(starts, end));
  return place;
}

std::optional<ConfigValue> value_of(const ConfigText& read, std::string_view key) {
  const auto found = std::ranges::find_if(read.lines, [&](const ConfigLine& each) { return each.table.empty() && each.key == key; });
  return found == read.lines.end() ? std::nullopt : std::optional{found->value};
}

/// Whether `after` says what `before` does, but for this line.
bool says_the_same_but(const ConfigText& before, const ConfigText& after, std::string_view key, std::string_view value) {
  const auto others = [&](const ConfigText& read) {
    std::vector<std::pair<std::string, ConfigValue>> lines;
    for (const auto& each : read.lines)
      if (!each.table.empty() || each.key != key) lines.emplace_back(each.table + '\n' + each.key, each.value);
    return lines;
  };
  return after.faults.empty() && value_of(after, key) == ConfigValue{std::string{value}} && others(before) == others(after);
}

}  // namespace

Result<std::string> with_line(std::string_view text, std::string_view key, std::string_view value) {
  const auto mark = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
  const auto body = text.substr(mark);
  const auto before = read_config_text(body);
  const auto refuse = [&](std::string why) {
    return Unexpected{{.code = Errc::malformed, .doing = std::move(why), .hint = "Write the line yourself: " + std::string{key} + " = " + toml_quoted(value)}};
  };
  if (!before.faults.empty()) return refuse("line " + std::to_string(before.faults.front().at.line) + ": " + before.faults.front().words);
  std::string changed{body};
  const std::string_view line_end = body.find("\r\n") == std::string_view::npos ? "\n" : "\r\n";
  const auto old = std::ranges::find_if(before.lines, [&](const ConfigLine& each) { return each.table.empty() && each.key == key; });
  if (old != before.lines.end()) {
    const auto begin = offset(body, old->value_at), end = offset(body, old->value_end);
    changed.replace(begin, end - begin, toml_quoted(value));
  } else {
    const auto place = place_for(body, before, key);
    const bool torn = place == body.size() && !body.empty() && !body.ends_with('\n');
    changed.insert(place, (torn ? std::string{line_end} : "") + std::string{key} + " = " + toml_quoted(value) + std::string{line_end});
  }
  if (!says_the_same_but(before, read_config_text(changed), key, value)) return refuse("the line " + std::string{key} + " could not be changed without harm to others");
  return std::string{text.substr(0, mark)} + changed;
}

}  // namespace pshare
