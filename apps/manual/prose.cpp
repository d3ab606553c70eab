#include "apps/manual/prose.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace pshare {

namespace {

using Lines = std::vector<std::string>;

std::string joined(const Lines& lines) {
  std::string text;
  for (const auto& each : lines) text += (text.empty() ? "" : " ") + each.substr(std::min(each.find_first_not_of(' '), each.size()));
  return text;
}

/// Items go on in lines that are indented by two.
std::vector<std::string> items_of(const Lines& lines) {
  std::vector<std::string> items;
  for (const auto& each : lines) {
    if (each.starts_with("- ")) items.push_back(each.substr(2));
    else items.back() += " " + each.substr(std::min(each.find_first_not_of(' '), each.size()));
  }
  return items;
}

/// "`term`: text".
bool is_term(const std::string& item) { return item.starts_with('`') && item.find("`: ", 1) != std::string::npos; }

Block list_of(const Lines& lines) {
  auto items = items_of(lines);
  if (!std::ranges::all_of(items, is_term)) return Bullets{std::move(items)};
  Terms terms;
  for (const auto& each : items) {
    const auto end = each.find("`: ", 1);
    terms.items.push_back({each.substr(1, end - 1), each.substr(end + 3)});
  }
  return terms;
}

Block block_of(const Lines& lines, std::size_t line_number) {
  const auto& first = lines.front();
  if (first.starts_with("    ")) {
    Literal literal;
    for (const auto& each : lines) {
      if (!each.starts_with("    ")) throw std::runtime_error{"line " + std::to_string(line_number) + ": some of these lines are indented by four, and some are not"};
      literal.lines.push_back(each.substr(4));
    }
    return literal;
  }
  if (first.starts_with("- ")) return list_of(lines);
  if (lines.size() == 1 && first.starts_with('{') && first.ends_with('}')) return Placeholder{first.substr(1, first.size() - 2)};
  return Paragraph{joined(lines)};
}

}  // namespace

std::vector<Section> parse_prose(std::string_view text) {
  std::vector<Section> sections{{.title = ""}};
  Lines block;
  std::size_t number = 0;
  const auto end_block = [&] {
    if (!block.empty()) sections.back().blocks.push_back(block_of(block, number));
    block.clear();
  };
  std::istringstream lines{std::string{text}};
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.starts_with("# ")) {
      end_block();
      sections.push_back({.title = line.substr(2)});
    } else if (line.starts_with('#')) {
      throw std::runtime_error{"line " + std::to_string(number) + ": there are sections, and nothing below them"};
    } else if (line.empty()) {
      end_block();
    } else {
      block.push_back(line);
    }
  }
  end_block();
  return sections;
}

}  // namespace pshare
