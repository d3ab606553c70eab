// The written part of a manual page: a small part of Markdown, so that it can be read (and looked at in a browser) as it stands.
//
//   # Description             a section
//   a paragraph, with `code` and *emphasis*
//   - `PSHARE_HOME`: words    a list of terms, if all items begin so; else of bullets
//       four spaces           lines to be kept as they are
//   {exit statuses}           alone in a line: put in from the program's own tables
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pshare {

struct Paragraph   { std::string text; };
struct Terms       { struct Item { std::string term, text; }; std::vector<Item> items; };
struct Bullets     { std::vector<std::string> items; };
struct Literal     { std::vector<std::string> lines; };
struct Placeholder { std::string name; };
using Block = std::variant<Paragraph, Terms, Bullets, Literal, Placeholder>;

struct Section {
  std::string title;            // "" for what stands before the first
  std::vector<Block> blocks = {};
};

/// Throws std::runtime_error with the line, for what is none of the above.
std::vector<Section> parse_prose(std::string_view text);

}  // namespace pshare
