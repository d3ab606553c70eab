#include "apps/pshare/code_prompt.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace pshare {

namespace {

/// The line is drawn again so often, since what is said meanwhile takes its place.
constexpr Duration between_looks = std::chrono::milliseconds{250};
/// A line that goes on for longer is no code.
constexpr std::size_t longest_line = max_code_text + 2;

/// Keys one by one, not shown by the terminal itself; Ctrl-C stays what it is.
class KeyByKey {
 public:
  explicit KeyByKey(int tty) : tty_(tty) {
    if (::tcgetattr(tty_, &before_) != 0) throw Failure{{.code = Errc::local_io, .doing = "reading from the terminal", .cause = {errno, std::system_category()}}};
    auto now = before_;
    now.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    now.c_cc[VMIN] = 1;
    now.c_cc[VTIME] = 0;
    ::tcsetattr(tty_, TCSANOW, &now);
  }
  KeyByKey(const KeyByKey&) = delete;
  KeyByKey& operator=(const KeyByKey&) = delete;
  ~KeyByKey() { ::tcsetattr(tty_, TCSANOW, &before_); }

 private:
  int tty_;
  termios before_{};
};

awaitable<std::string> keys(asio::posix::stream_descriptor& screen) {
  std::array<char, 64> some{};
  const auto count = co_await screen.async_read_some(asio::buffer(some), use_awaitable);
  co_return std::string{some.data(), count};
}

/// In rows that fit the screen, since what wraps by itself cannot be taken back.
std::vector<std::string> folded(const std::vector<std::string>& lines) {
  const auto width = std::max<std::size_t>(screen_width().value_or(80), 2) - 1;
  std::vector<std::string> rows;
  for (const auto& line : lines)
    for (std::size_t at = 0; at == 0 || at < line.size(); at += width) rows.push_back(line.substr(at, width));
  return rows;
}

/// As long as the terminal is ours. Nothing: somebody else wants it.
awaitable<std::optional<std::string>> type_while_ours(Program& program, CodeLine& line, const std::function<bool()>& busy) {
  const auto hold = co_await program.terminal.hold();
  const int tty = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (tty < 0) throw Failure{{.code = Errc::local_io, .doing = "opening the terminal", .cause = {errno, std::system_category()}}};
  asio::posix::stream_descriptor screen{program.executor, tty};
  const KeyByKey key_by_key{tty};
  using namespace asio::experimental::awaitable_operators;
  for (;;) {
    if (!busy()) program.report.block(folded(line.lines()));
    const auto heard = co_await (keys(screen) || program.terminal.wanted(Clock::now() + between_looks));
    if (heard.index() == 1) {
      if (!program.terminal.is_wanted()) continue;
      program.report.block({});
      co_return std::nullopt;
    }
    for (const char c : std::get<0>(heard)) {
      const auto what = line.key(c);
      if (what == CodeLine::Key::taken) continue;
      program.report.block(folded(line.lines()));
      program.report.say("");
      if (what == CodeLine::Key::entered) co_return line.text();
      throw Failure{{.code = Errc::interrupted, .doing = "no code was typed: the input has ended"}};
    }
  }
}

}  // namespace

awaitable<Code> type_code(Program& program, std::function<bool()> busy) {
  CodeLine line;
  for (;;) {
    const auto typed = co_await type_while_ours(program, line, busy);
    if (!typed) continue;
    auto code = Code::parse(*typed);
    if (code) co_return *std::move(code);
    line.refuse(code.error().doing + ".");
  }
}

bool input_is_a_pipe() {
  struct stat what {};
  return ::fstat(STDIN_FILENO, &what) == 0 && S_ISFIFO(what.st_mode);
}

awaitable<std::optional<Code>> read_code(Program& program) {
  std::string text;
  if (input_is_a_pipe()) {
    // Opened anew: to make standard input itself non-blocking would do so for all that share it.
    const int pipe = ::open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (pipe < 0) throw Failure{{.code = Errc::local_io, .doing = "reading the code from standard input", .cause = {errno, std::system_category()}}};
    asio::posix::stream_descriptor input{program.executor, pipe};
    const auto ended = asio::experimental::as_tuple(use_awaitable);
    for (char c = 0; c != '\n' && text.size() < longest_line;) {  // byte by byte: what comes behind the line is not ours
      const auto [trouble, count] = co_await input.async_read_some(asio::buffer(&c, 1), ended);
      if (trouble == asio::error::operation_aborted) throw std::system_error{trouble};
      if (trouble) break;
      text += c;
    }
  } else {
    for (char c = 0; c != '\n' && text.size() < longest_line && ::read(STDIN_FILENO, &c, 1) == 1;) text += c;
  }
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) co_return std::nullopt;
  co_return value_or_throw(Code::parse(text));
}

std::optional<std::string> take_code_from_environment() {
  char* const given = std::getenv("PSHARE_CODE");
  if (given == nullptr || *given == '\0') return std::nullopt;
  std::string code{given};
  std::memset(given, 'x', code.size());
  ::unsetenv("PSHARE_CODE");
  return code;
}

void wipe_codes(int argc, char** argv) {
  bool about_codes = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument{argv[i]};
    if (about_codes && looks_like_a_code(argument)) std::fill_n(argv[i], argument.size(), 'x');
    about_codes = about_codes || argument == "receive" || argument == "pair";
  }
}

}  // namespace pshare
