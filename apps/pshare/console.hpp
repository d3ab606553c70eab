// The terminal, or the console window, that the person sits at, wherever standard input and output lead.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/asio.hpp"

namespace pshare {

/// Standard input and standard error both belong to it: somebody can be asked.
bool somebody_is_there();
/// Something might be piped in.
bool input_is_a_pipe();

struct ScreenSize {
  std::size_t columns = 80, rows = 24;
};
/// Of the one behind standard error; nothing when that is none.
std::optional<ScreenSize> screen_size();

/// Ctrl-C means while it is open what it always does.
class Console {
 public:
  enum class Keys {
    in_lines,   // edited and shown by the system, and given when they end
    one_by_one  // not shown
  };
  /// Throws local_io. As it was, when this ends.
  Console(const asio::any_io_executor& executor, Keys keys);
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;
  ~Console();

  void show(std::string_view text);
  /// What has been typed since, in UTF-8; nothing when the input has ended. Lines come with their '\n'.
  awaitable<std::optional<std::string>> typed();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pshare
