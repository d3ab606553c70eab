#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <string>

#include "transfer/disk/windows/native.hpp"
#include "transfer/io/standard_stream.hpp"

namespace pshare {

namespace {

/// What is asked for or handed over at once: more than any pipe holds, and what consoles take.
constexpr std::size_t most_at_once = 64 * 1024;
constexpr std::size_t most_letters_at_once = 4096;

/// A standard handle was opened by somebody else, most often for calls that do not return before they are done. So the one who interrupts cancels what the
/// other thread is in, again and again: a call that this one had not yet come to would not notice.
class Interruption {
 public:
  /// `call`, unless we were interrupted. False: we were, before or in the course of it, and it may have done a part.
  template <typename Call>
  bool allows(const Call& call) {
    {
      const std::lock_guard lock{mutex_};
      if (interrupted_) return false;
      thread_ = Handle{::OpenThread(THREAD_TERMINATE, FALSE, ::GetCurrentThreadId())};
      inside_ = true;
    }
    call();
    const std::lock_guard lock{mutex_};
    inside_ = false;
    left_.notify_all();
    return !interrupted_;
  }

  /// `nudge` is called as well, for what cannot be cancelled.
  template <typename Nudge>
  void interrupt(const Nudge& nudge) {
    constexpr auto between_tries = std::chrono::milliseconds{10};
    std::unique_lock lock{mutex_};
    interrupted_ = true;
    for (unsigned tries = 0; inside_; ++tries) {
      ::CancelSynchronousIo(thread_.native());
      if (left_.wait_for(lock, between_tries, [this] { return !inside_; })) return;
      nudge();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable left_;
  Handle thread_;
  bool inside_ = false, interrupted_ = false;
};

bool is_console(HANDLE handle) {
  DWORD mode = 0;
  return ::GetConsoleMode(handle, &mode) != 0;
}

Unexpected interrupted(const char* doing) { return Unexpected{{.code = Errc::interrupted, .doing = doing}}; }
constexpr auto reading = "reading the input", writing = "writing the output";

HANDLE standard(DWORD which) {
  const HANDLE handle = ::GetStdHandle(which);
  return handle == INVALID_HANDLE_VALUE ? nullptr : handle;
}

}  // namespace

Handle::Native standard_input() { return standard(STD_INPUT_HANDLE); }
Handle::Native standard_output() { return standard(STD_OUTPUT_HANDLE); }

struct InputStream::State {
  explicit State(HANDLE native) : input(native), console(is_console(native)) {}

  Result<std::size_t> read_bytes(std::span<std::byte> out);
  Result<void> read_line();

  const HANDLE input;
  const bool console;
  std::string typed;  // on a console, and not yet handed out
  wchar_t half = 0;   // of a surrogate pair
  bool ended = false;
  Interruption interruption;
};

InputStream::InputStream(Handle::Native native) : state_(new State{native}) {}

Result<std::size_t> InputStream::State::read_bytes(std::span<std::byte> out) {
  const auto wanted = static_cast<DWORD>(std::min(out.size(), most_at_once));
  for (bool once_more = ::GetFileType(input) == FILE_TYPE_PIPE;; once_more = false) {
    DWORD count = 0, error = 0;
    const bool allowed = interruption.allows([&] {
      if (!::ReadFile(input, out.data(), wanted, &count, nullptr)) error = ::GetLastError();
    });
    if (!allowed) return interrupted(reading);
    // The other end of a pipe has been closed; of a pipe that carries messages, which may be longer than what was asked for, the rest comes next.
    if (error == ERROR_BROKEN_PIPE || error == ERROR_HANDLE_EOF) return std::size_t{0};
    if (error != 0 && error != ERROR_MORE_DATA) return disk_failure(reading, code_of(error));
    // Somebody may write nothing into a pipe; that is not its end. But Wine says the end of a pipe of Linux' in that way, again and again.
    if (count > 0 || !once_more) return std::size_t{count};
  }
}

/// Not by ReadFile, which gives letters in the console's code page, and of most languages nothing in that of UTF-8.
Result<void> InputStream::State::read_line() {
  constexpr wchar_t ctrl_z = 26;
  std::array<wchar_t, most_letters_at_once> letters{half};
  const DWORD held = half != 0 ? 1 : 0;
  DWORD count = 0, error = 0;
  const bool allowed = interruption.allows([&] {
    // Ctrl-C makes it succeed, with nothing read and that as the last error.
    ::SetLastError(ERROR_SUCCESS);
    if (!::ReadConsoleW(input, letters.data() + held, static_cast<DWORD>(letters.size()) - held, &count, nullptr) || count == 0) error = ::GetLastError();
  });
  if (!allowed) return interrupted(reading);
  if (error == ERROR_OPERATION_ABORTED) return {};  // whoever Ctrl-C is meant for will hear of it
  if (error != 0) return disk_failure(reading, code_of(error));
  ended = count == 0 || letters[held] == ctrl_z;
  if (ended) return {};
  std::wstring_view text{letters.data(), held + count};
  half = 0;
  if (IS_HIGH_SURROGATE(text.back())) half = text.back(), text.remove_suffix(1);
  typed = narrow_name(text);
  return {};
}

Result<std::size_t> InputStream::read(std::span<std::byte> out) {
  auto& state = *state_;
  if (!state.console) return state.read_bytes(out);
  while (state.typed.empty() && !state.ended)
    if (auto read = state.read_line(); !read) return Unexpected{std::move(read).error()};
  const auto count = std::min(out.size(), state.typed.size());
  std::ranges::copy(bytes_of(state.typed).first(count), out.begin());
  state.typed.erase(0, count);
  return count;
}

void InputStream::interrupt() {
  state_->interruption.interrupt([this] {
    if (!state_->console) return;
    // Who waits for a line wakes only at its end: so we press Enter.
    INPUT_RECORD enter{};
    enter.EventType = KEY_EVENT;
    enter.Event.KeyEvent.bKeyDown = TRUE;
    enter.Event.KeyEvent.wRepeatCount = 1;
    enter.Event.KeyEvent.wVirtualKeyCode = VK_RETURN;
    enter.Event.KeyEvent.uChar.UnicodeChar = L'\r';
    DWORD written = 0;
    ::WriteConsoleInputW(state_->input, &enter, 1, &written);
  });
}

InputStream::InputStream(InputStream&&) noexcept = default;
InputStream& InputStream::operator=(InputStream&&) noexcept = default;
InputStream::~InputStream() = default;

struct OutputStream::State {
  const HANDLE output;
  Interruption interruption;
};

OutputStream::OutputStream(Handle::Native native) : state_(new State{native, {}}) {}

Result<void> OutputStream::write(ByteView bytes) {
  while (!bytes.empty()) {
    DWORD count = 0, error = 0;
    const bool allowed = state_->interruption.allows([&] {
      if (!::WriteFile(state_->output, bytes.data(), static_cast<DWORD>(std::min(bytes.size(), most_at_once)), &count, nullptr)) error = ::GetLastError();
    });
    if (!allowed) return interrupted(writing);
    if (error == ERROR_BROKEN_PIPE || error == ERROR_NO_DATA || error == ERROR_PIPE_NOT_CONNECTED)
      return disk_failure(writing, std::make_error_code(std::errc::broken_pipe));
    if (error != 0) return disk_failure(writing, code_of(error));
    bytes = bytes.subspan(count);
  }
  return {};
}

void OutputStream::interrupt() {
  state_->interruption.interrupt([] {});
}

OutputStream::OutputStream(OutputStream&&) noexcept = default;
OutputStream& OutputStream::operator=(OutputStream&&) noexcept = default;
OutputStream::~OutputStream() = default;

}  // namespace pshare
