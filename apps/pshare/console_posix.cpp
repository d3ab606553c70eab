#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "apps/pshare/console.hpp"
#include "wire/error.hpp"

namespace pshare {

namespace {

/// Opened anew: making standard input itself non-blocking would outlive us in the shell that shares it.
int opened_terminal() {
  const int tty = ::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (tty < 0) throw Failure{{.code = Errc::local_io, .doing = "opening the terminal", .cause = {errno, std::system_category()}}};
  return tty;
}

/// Keys one by one, not shown by the terminal itself.
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

}  // namespace

bool somebody_is_there() { return ::isatty(STDIN_FILENO) && ::isatty(STDERR_FILENO); }

bool input_is_a_pipe() {
  struct stat what {};
  return ::fstat(STDIN_FILENO, &what) == 0 && S_ISFIFO(what.st_mode);
}

std::optional<ScreenSize> screen_size() {
  if (!::isatty(STDERR_FILENO)) return std::nullopt;
  winsize size{};
  ScreenSize screen;
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0) return screen;
  if (size.ws_col > 0) screen.columns = size.ws_col;
  if (size.ws_row > 0) screen.rows = size.ws_row;
  return screen;
}

struct Console::State {
  asio::posix::stream_descriptor terminal;
  std::optional<KeyByKey> key_by_key;  // before the terminal is closed
};

Console::Console(const asio::any_io_executor& executor, Keys keys) : state_(new State{asio::posix::stream_descriptor{executor, opened_terminal()}, {}}) {
  if (keys == Keys::one_by_one) state_->key_by_key.emplace(state_->terminal.native_handle());
}
Console::~Console() = default;

void Console::show(std::string_view text) { [[maybe_unused]] const auto shown = ::write(state_->terminal.native_handle(), text.data(), text.size()); }

awaitable<std::optional<std::string>> Console::typed() {
  std::array<char, 1024> some{};
  const auto ended = asio::experimental::as_tuple(use_awaitable);
  const auto [trouble, count] = co_await state_->terminal.async_read_some(asio::buffer(some), ended);
  if (trouble == asio::error::operation_aborted) throw std::system_error{trouble};
  if (trouble) co_return std::nullopt;
  co_return std::string{some.data(), count};
}

}  // namespace pshare
