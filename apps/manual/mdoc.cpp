#include "apps/manual/mdoc.hpp"

#include <sstream>
#include <type_traits>

namespace pshare {

namespace {

/// In bytes, of the page's source: for those who read it, and for mandoc.
constexpr std::size_t longest_line = 79;

/// Backslashes are the language's own; a '-' is a minus where it has to be copied, a hyphen elsewhere.
std::string escaped(std::string_view text, std::string_view minus) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += "\\e";
    else if (c == '-') out += minus;
    else out += c;
  }
  return out;
}

bool begins_option(std::string_view text) { return text.size() > 2 && text[0] == '-' && text[1] == '-' && text[2] >= 'a' && text[2] <= 'z'; }

/// Fonts for `code` and *emphasis*; options are code wherever they stand.
std::string with_fonts(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text[0] == '`' || text[0] == '*') {
      const auto end = text.find(text[0], 1);
      if (end != std::string_view::npos && end > 1) {
        out += (text[0] == '`' ? "\\fB" : "\\fI") + escaped(text.substr(1, end - 1), "\\-") + "\\fR";
        text.remove_prefix(end + 1);
        continue;
      }
    }
    if (begins_option(text)) {
      const auto end = text.find_first_not_of("-abcdefghijklmnopqrstuvwxyz");
      out += "\\fB" + escaped(text.substr(0, end), "\\-") + "\\fR";
      text.remove_prefix(end == std::string_view::npos ? text.size() : end);
      continue;
    }
    out += escaped(text.substr(0, 1), "-");
    text.remove_prefix(1);
  }
  return out;
}

bool ends_sentence(std::string_view text, std::size_t at) {
  return (text[at] == '.' || text[at] == '?' || text[at] == '!') && text.substr(at + 1).starts_with(' ');
}

/// What a line of text begins with is no macro.
std::string as_text(std::string line) {
  if (line.starts_with('.') || line.starts_with('\'')) line.insert(0, "\\&");
  return line;
}

}  // namespace

std::string quoted(std::string_view argument) {
  std::string out;
  for (const char c : escaped(argument, "\\-")) out += c == '"' ? std::string{"\\(dq"} : std::string{c};
  return "\"" + out + "\"";
}

std::string option_tag(const std::vector<std::string>& names, std::string_view value) {
  std::string tag;
  for (const auto& each : names) tag += (tag.empty() ? "Fl " : " , ") + escaped(each.substr(1), "\\-");
  if (!value.empty()) tag += " Ar " + quoted(value);
  return tag;
}

void Mdoc::macro(std::string_view line) {
  page_ += ".";
  page_ += line;
  page_ += "\n";
  section_begun_ = line.starts_with("Sh ") || line.starts_with("Ss ");
}

void Mdoc::text(std::string_view words) {
  std::string_view rest = words;
  const auto sentence_lines = [&](std::string_view sentence) {
    std::string line;
    std::istringstream parts{with_fonts(sentence)};
    for (std::string part; parts >> part;) {
      if (!line.empty() && line.size() + 1 + part.size() > longest_line) {
        page_ += as_text(line) + "\n";
        line.clear();
      }
      // Addresses, variables and the like are not to be parted at the end of a line.
      if (part.find_first_of("/_@:(") != std::string::npos) part.insert(0, "\\%");
      line += (line.empty() ? "" : " ") + part;
    }
    page_ += as_text(line) + "\n";
  };
  for (std::size_t at = 0; at < rest.size(); ++at) {
    if (!ends_sentence(rest, at)) continue;
    sentence_lines(rest.substr(0, at + 1));
    rest.remove_prefix(at + 2);
    at = 0;
  }
  if (!rest.empty()) sentence_lines(rest);
  section_begun_ = false;
}

void Mdoc::begin_paragraph() {
  if (!section_begun_) macro("Pp");
  section_begun_ = false;
}

void Mdoc::paragraph(std::string_view words) {
  begin_paragraph();
  text(words);
}

void Mdoc::begin_items() { macro("Bl -tag -width 8n"); }

void Mdoc::item(std::string_view tag, std::string_view words) {
  macro("It " + std::string{tag});
  if (!words.empty()) text(words);
}

void Mdoc::end_items() { macro("El"); }

void Mdoc::block(const Block& block) {
  std::visit(
      [this](const auto& it) {
        using Kind = std::decay_t<decltype(it)>;
        if constexpr (std::is_same_v<Kind, Paragraph>) {
          paragraph(it.text);
        } else if constexpr (std::is_same_v<Kind, Terms>) {
          begin_items();
          for (const auto& each : it.items) item("Sy " + quoted(each.term), each.text);
          end_items();
        } else if constexpr (std::is_same_v<Kind, Bullets>) {
          macro("Bl -bullet");
          for (const auto& each : it.items) item("", each);
          end_items();
        } else if constexpr (std::is_same_v<Kind, Literal>) {
          macro("Bd -literal -offset indent");
          for (const auto& each : it.lines) page_ += as_text(escaped(each, "\\-")) + "\n";
          macro("Ed");
        }
      },
      block);
}

}  // namespace pshare
