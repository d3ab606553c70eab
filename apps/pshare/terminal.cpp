#include "apps/pshare/terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cctype>

#include "wire/error.hpp"

namespace pshare {

/// A question that waits for its turn.
class Waits {
 public:
  explicit Waits(std::size_t& waiting) : waiting_(waiting) { ++waiting_; }
  Waits(const Waits&) = delete;
  Waits& operator=(const Waits&) = delete;
  ~Waits() { --waiting_; }

 private:
  std::size_t& waiting_;
};

/// A question that is on the screen.
class Shown {
 public:
  Shown(int tty, const std::function<void(std::string_view)>& tell, std::string_view question) : tty_(tty), tell_(tell) { tell_(question); }
  Shown(const Shown&) = delete;
  Shown& operator=(const Shown&) = delete;
  ~Shown() {
    tell_({});
    // Whoever types an answer ends the line; what comes after a question that nobody needs any more begins one.
    if (!answered_) [[maybe_unused]] const auto shown = ::write(tty_, "\n", 1);
  }
  void answered() { answered_ = true; }

 private:
  int tty_;
  bool answered_ = false;
  const std::function<void(std::string_view)>& tell_;
};

std::optional<ScreenSize> screen_size() {
  if (!::isatty(STDERR_FILENO)) return std::nullopt;
  winsize size{};
  ScreenSize screen;
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) return screen;
  if (size.ws_col > 0) screen.columns = size.ws_col;
  if (size.ws_row > 0) screen.rows = size.ws_row;
  return screen;
}

std::optional<std::size_t> screen_width() {
  const auto size = screen_size();
  return size ? std::optional{size->columns} : std::nullopt;
}

Terminal::Terminal(asio::any_io_executor executor, std::function<void(std::string_view)> on_question)
    : executor_(executor), on_question_(std::move(on_question)), present_(::isatty(STDIN_FILENO) && ::isatty(STDERR_FILENO)), answered_(executor), wanted_(executor) {}

awaitable<Terminal::Hold> Terminal::hold() {
  while (asking_ || waiting_ > 0) co_await answered_.wait();
  co_return Hold{*this};
}

awaitable<void> Terminal::wanted(TimePoint until) {
  if (waiting_ == 0) co_await wanted_.wait(until);
}

awaitable<Terminal::Hold> Terminal::turn() {
  const Waits waits{waiting_};
  wanted_.ring();
  while (asking_) co_await answered_.wait();
  co_return Hold{*this};
}

awaitable<std::string> Terminal::ask(std::string question) {
  const auto hold = co_await turn();

  // Opened anew: making standard input itself non-blocking would outlive us in the shell that shares it.
  const int tty = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (tty < 0)
    throw Failure{{.code = Errc::local_io, .doing = "opening the terminal", .cause = {errno, std::system_category()}}};
  asio::posix::stream_descriptor screen{executor_, tty};
  Shown shown{tty, on_question_, question};
  co_await asio::async_write(screen, asio::buffer(question), use_awaitable);
  std::string typed;
  const auto ended = asio::experimental::as_tuple(use_awaitable);
  const auto [trouble, length] = co_await asio::async_read_until(screen, asio::dynamic_buffer(typed, 1024), '\n', ended);
  if (trouble == asio::error::operation_aborted) throw std::system_error{trouble};
  if (trouble) throw Failure{{.code = Errc::interrupted, .doing = "reading your answer: the input has ended"}};
  shown.answered();
  typed.resize(length - 1);
  if (!typed.empty() && typed.back() == '\r') typed.pop_back();
  co_return typed;
}

awaitable<bool> Terminal::agree(std::string question) {
  std::string prompt = question + " [y/n] ";
  for (;;) {
    auto answer = co_await ask(prompt);
    std::ranges::transform(answer, answer.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (answer == "y" || answer == "yes") co_return true;
    if (answer == "n" || answer == "no") co_return false;
    prompt = "Please answer y or n: ";
  }
}

}  // namespace pshare
