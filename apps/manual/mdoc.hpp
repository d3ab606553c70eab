// Writes mdoc(7), the language of manual pages: what is text stays text, whatever it begins with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/manual/prose.hpp"

namespace pshare {

class Mdoc {
 public:
  /// A macro with what it is told, which must be no text of others.
  void macro(std::string_view line);
  /// A paragraph's words, with `code` and *emphasis*; each sentence in a line of its own, as the language wants it.
  void text(std::string_view words);
  void paragraph(std::string_view words);
  /// A tagged list; each item's tag is what `.It` is told.
  void begin_items();
  void item(std::string_view tag, std::string_view words);
  void end_items();
  /// A block of prose. Not of a Placeholder.
  void block(const Block& block);

  const std::string& page() const { return page_; }

 private:
  void begin_paragraph();

  std::string page_;
  bool section_begun_ = false;  // nothing stands in it: no space is wanted
};

/// As one argument of a macro: quoted, with its special characters told apart.
std::string quoted(std::string_view argument);
/// "-q, --quiet", "--dir DIR" for `.It`.
std::string option_tag(const std::vector<std::string>& names, std::string_view value);

}  // namespace pshare
