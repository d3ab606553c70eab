// The person at the keyboard: is there one, how wide is the screen, what do they answer.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "apps/pshare/console.hpp"
#include "io/asio.hpp"
#include "io/wakeup.hpp"

namespace pshare {

/// Of the terminal behind standard error; nothing when that is none.
std::optional<std::size_t> screen_width();

/// Asks one question at a time, whoever asks; a cancelled question (its offer was withdrawn) makes room for the next.
class Terminal {
 public:
  /// `on_question` is told of each question before it is shown, and with nothing when it is over.
  Terminal(asio::any_io_executor executor, std::function<void(std::string_view)> on_question);

  /// Somebody can be asked: standard input and standard error are a terminal.
  bool present() const { return present_; }

  /// Shows `question` on the terminal and gives the line typed, without its end. Throws interrupted at end of input.
  awaitable<std::string> ask(std::string question);
  /// Keeps the terminal for something that can be put aside: it is to let go when it is wanted() for a question.
  class Hold;
  awaitable<Hold> hold();
  /// Until somebody wants to ask something, or until then.
  awaitable<void> wanted(TimePoint until);
  bool is_wanted() const { return waiting_ > 0; }

  /// Until the answer is a clear yes or no.
  awaitable<bool> agree(std::string question);

 private:
  /// The right to ask, before anything that can be put aside.
  awaitable<Hold> turn();

  asio::any_io_executor executor_;
  std::function<void(std::string_view)> on_question_;
  bool present_ = false;
  bool asking_ = false;
  std::size_t waiting_ = 0;  // questions that wait for their turn
  Wakeups answered_, wanted_;
};

class Terminal::Hold {
 public:
  explicit Hold(Terminal& terminal) : terminal_(&terminal) { terminal_->asking_ = true; }
  Hold(Hold&& other) noexcept : terminal_(std::exchange(other.terminal_, nullptr)) {}
  Hold& operator=(Hold&&) = delete;
  ~Hold() {
    if (!terminal_) return;
    terminal_->asking_ = false;
    terminal_->answered_.ring();
  }

 private:
  Terminal* terminal_;
};

}  // namespace pshare
