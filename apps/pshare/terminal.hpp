// The person at the keyboard: is there one, how wide is the screen, what do they answer.
#pragma once

#include <optional>
#include <string>

#include "io/asio.hpp"
#include "io/wakeup.hpp"

namespace pshare {

struct ScreenSize {
  std::size_t columns = 80, rows = 24;
};
/// Of the terminal behind standard error; nothing when that is none.
std::optional<ScreenSize> screen_size();
std::optional<std::size_t> screen_width();

/// Asks one question at a time, whoever asks; a cancelled question (its offer was withdrawn) makes room for the next.
class Terminal {
 public:
  explicit Terminal(asio::any_io_executor executor);

  /// Somebody can be asked: standard input and standard error are a terminal.
  bool present() const { return present_; }

  /// Shows `question` on the terminal and gives the line typed, without its end. Throws interrupted at end of input.
  awaitable<std::string> ask(std::string question);
  /// Until the answer is a clear yes or no.
  awaitable<bool> agree(std::string question);

 private:
  class Turn;

  asio::any_io_executor executor_;
  bool present_ = false;
  bool asking_ = false;
  Wakeups answered_;
};

}  // namespace pshare
