// The line in which a code is typed: keys in, what the screen shows out. Completes words at the Tab key, and points out a word that is none as soon as it is
// finished. A core; apps/pshare/code_prompt.hpp gives it a terminal.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace pshare {

class CodeLine {
 public:
  enum class Key { taken, entered, ended };

  /// One byte from the terminal (not in canonical mode).
  Key key(char c);
  /// What was entered is refused: it stays there to be mended, and this is shown above it.
  void refuse(std::string why);

  const std::string& text() const { return text_; }
  /// A remark, if there is one, and the line itself.
  std::vector<std::string> lines() const;

 private:
  void complete();
  void remark_on_words();

  std::string text_, remark_;
  enum class Escape { none, begun, sequence } escape_ = Escape::none;
};

}  // namespace pshare
