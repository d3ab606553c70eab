#include "apps/pshare/terminal.hpp"

#include <algorithm>
#include <cctype>

#include "wire/error.hpp"

namespace pshare {

namespace {
/// Whoever types more than this, in bytes, answers no question of ours.
constexpr std::size_t longest_answer = 1024;
}

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
  Shown(Console& console, const std::function<void(std::string_view)>& tell, std::string_view question) : console_(console), tell_(tell) {
    tell_(question);
    console_.show(question);
  }
  Shown(const Shown&) = delete;
  Shown& operator=(const Shown&) = delete;
  ~Shown() {
    tell_({});
    // Whoever types an answer ends the line; what comes after a question that nobody needs any more begins one.
    if (!answered_) console_.show("\n");
  }
  void answered() { answered_ = true; }

 private:
  Console& console_;
  bool answered_ = false;
  const std::function<void(std::string_view)>& tell_;
};

std::optional<std::size_t> screen_width() {
  const auto size = screen_size();
  return size ? std::optional{size->columns} : std::nullopt;
}

Terminal::Terminal(asio::any_io_executor executor, std::function<void(std::string_view)> on_question)
    : executor_(executor), on_question_(std::move(on_question)), present_(somebody_is_there()), answered_(executor), wanted_(executor) {}

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

  Console console{executor_, Console::Keys::in_lines};
  Shown shown{console, on_question_, question};
  std::string typed;
  while (!typed.ends_with('\n') && typed.size() < longest_answer) {
    const auto more = co_await console.typed();
    if (!more) throw Failure{{.code = Errc::interrupted, .doing = "reading your answer: the input has ended"}};
    typed += *more;
  }
  shown.answered();
  while (typed.ends_with('\n') || typed.ends_with('\r')) typed.pop_back();
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
