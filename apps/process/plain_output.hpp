// Standard output and standard error take what we write as it is: UTF-8, a line ended by '\n' alone, wherever they lead. Whoever reads them has gone: that is an error
// of writing, no reason to vanish.
#pragma once

#include <array>
#include <optional>

namespace pshare {

class PlainOutput {
 public:
  /// On a Windows console: what we write there is UTF-8 and may move the cursor, as on every other terminal. Both are from now on written when they are flushed.
  PlainOutput();
  PlainOutput(const PlainOutput&) = delete;
  PlainOutput& operator=(const PlainOutput&) = delete;
  /// Gives a console back as it was.
  ~PlainOutput();

 private:
  // Of the console before.
  [[maybe_unused]] unsigned code_page_ = 0;                         // 0: there is none
  [[maybe_unused]] std::array<std::optional<unsigned>, 2> modes_{};  // of what stdout and stderr lead to, if it is one
};

}  // namespace pshare
