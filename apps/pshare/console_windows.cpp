// By the records of what happens at the keyboard, not by lines: who waits in ReadConsole for the end of a line cannot be called back, and a question may be
// withdrawn, or give way to another, at any time.
#include "apps/pshare/console.hpp"

#include <windows.h>

#include <array>

#include "io/wakeup.hpp"
#include "wire/error.hpp"
#include "wire/wide_text.hpp"

namespace pshare {

namespace {

Failure failed(const char* doing) {
  return Failure{{.code = Errc::local_io, .doing = doing, .cause = {static_cast<int>(::GetLastError()), std::system_category()}}};
}

class ConsoleHandle {
 public:
  explicit ConsoleHandle(const wchar_t* name)
      : handle_(::CreateFileW(name, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, nullptr, OPEN_EXISTING, 0, nullptr)) {
    if (handle_ == INVALID_HANDLE_VALUE) throw failed("opening the console");
  }
  ConsoleHandle(const ConsoleHandle&) = delete;
  ConsoleHandle& operator=(const ConsoleHandle&) = delete;
  ~ConsoleHandle() { ::CloseHandle(handle_); }
  HANDLE get() const { return handle_; }

 private:
  HANDLE handle_;
};

/// Keys one by one, not shown by the console itself.
class KeyByKey {
 public:
  explicit KeyByKey(HANDLE keyboard) : keyboard_(keyboard) {
    if (!::GetConsoleMode(keyboard_, &before_)) throw failed("reading from the console");
    const DWORD others = ENABLE_LINE_INPUT | ENABLE_ECHO_INPUT | ENABLE_MOUSE_INPUT | ENABLE_WINDOW_INPUT | ENABLE_VIRTUAL_TERMINAL_INPUT;
    ::SetConsoleMode(keyboard_, (before_ & ~others) | ENABLE_PROCESSED_INPUT);
  }
  KeyByKey(const KeyByKey&) = delete;
  KeyByKey& operator=(const KeyByKey&) = delete;
  ~KeyByKey() { ::SetConsoleMode(keyboard_, before_); }

 private:
  HANDLE keyboard_;
  DWORD before_ = 0;
};

/// Rings once when something has happened at the keyboard.
class Lookout {
 public:
  Lookout(HANDLE keyboard, RemoteWakeup& wakeup) {
    if (!::RegisterWaitForSingleObject(&wait_, keyboard, happened, &wakeup, INFINITE, WT_EXECUTEONLYONCE)) throw failed("waiting for the keyboard");
  }
  Lookout(const Lookout&) = delete;
  Lookout& operator=(const Lookout&) = delete;
  ~Lookout() { ::UnregisterWaitEx(wait_, INVALID_HANDLE_VALUE); }  // returns when happened() has

 private:
  static void CALLBACK happened(void* wakeup, BOOLEAN) { static_cast<RemoteWakeup*>(wakeup)->ring(); }
  HANDLE wait_ = nullptr;
};

constexpr wchar_t ctrl_d = 4, backspace = 8, ctrl_u = 21, ctrl_z = 26;

bool is_console(DWORD which) {
  DWORD mode = 0;
  return ::GetConsoleMode(::GetStdHandle(which), &mode) != 0;
}

}  // namespace

bool somebody_is_there() { return is_console(STD_INPUT_HANDLE) && is_console(STD_ERROR_HANDLE); }
bool input_is_a_pipe() { return ::GetFileType(::GetStdHandle(STD_INPUT_HANDLE)) == FILE_TYPE_PIPE; }

std::optional<ScreenSize> screen_size() {
  const HANDLE screen = ::GetStdHandle(STD_ERROR_HANDLE);
  DWORD mode = 0;
  if (!::GetConsoleMode(screen, &mode)) return std::nullopt;
  CONSOLE_SCREEN_BUFFER_INFO info{};
  ScreenSize size;
  if (!::GetConsoleScreenBufferInfo(screen, &info)) return size;
  // The window shows a part of the buffer, which may be wider.
  if (info.srWindow.Right > info.srWindow.Left) size.columns = static_cast<std::size_t>(info.srWindow.Right - info.srWindow.Left) + 1;
  if (info.srWindow.Bottom > info.srWindow.Top) size.rows = static_cast<std::size_t>(info.srWindow.Bottom - info.srWindow.Top) + 1;
  return size;
}

struct Console::State {
  State(const asio::any_io_executor& executor, Keys given) : keys(given), key_by_key(keyboard.get()), wakeup(executor) {}

  std::wstring take_letters() const;
  void show(std::wstring_view text) const;
  /// Edits the line and shows it. True: it has ended.
  bool edit(wchar_t letter);

  const Keys keys;
  const ConsoleHandle keyboard{L"CONIN$"}, screen{L"CONOUT$"};
  const KeyByKey key_by_key;
  RemoteWakeup wakeup;
  wchar_t half = 0;   // of a surrogate pair
  std::wstring line;     // as far as it is typed, with Keys::in_lines
  std::wstring pending;  // typed behind it
  bool ended = false;
};

/// Letters of the keys that have been pressed; the others do nothing here.
std::wstring Console::State::take_letters() const {
  std::wstring letters;
  DWORD count = 0;
  std::array<INPUT_RECORD, 64> records{};
  if (!::GetNumberOfConsoleInputEvents(keyboard.get(), &count)) throw failed("reading from the console");
  if (count == 0) return letters;
  if (!::ReadConsoleInputW(keyboard.get(), records.data(), static_cast<DWORD>(records.size()), &count)) throw failed("reading from the console");
  for (DWORD i = 0; i < count; ++i) {
    if (records[i].EventType != KEY_EVENT) continue;
    const auto& key = records[i].Event.KeyEvent;
    const bool from_number_pad = !key.bKeyDown && key.wVirtualKeyCode == VK_MENU;  // the letter whose number was typed while Alt was held
    if (key.uChar.UnicodeChar != 0 && (key.bKeyDown || from_number_pad)) letters.append(key.wRepeatCount, key.uChar.UnicodeChar);
  }
  return letters;
}

void Console::State::show(std::wstring_view text) const {
  DWORD written = 0;
  ::WriteConsoleW(screen.get(), text.data(), static_cast<DWORD>(text.size()), &written, nullptr);
}

bool Console::State::edit(wchar_t letter) {
  const auto take_back = [this] {
    if (IS_LOW_SURROGATE(line.back()) && line.size() > 1) line.pop_back();
    line.pop_back();
    show(L"\b \b");
  };
  if (letter == L'\r' || letter == L'\n') {
    line += L'\n';
    show(L"\r\n");
    return true;
  }
  if (letter == backspace && !line.empty()) take_back();
  else if (letter == ctrl_u) {
    while (!line.empty()) take_back();
  } else if (letter == ctrl_d || letter == ctrl_z) ended = line.empty();
  else if (letter >= L' ' && line.size() < 1024) {
    line += letter;
    if (!IS_HIGH_SURROGATE(letter)) show(std::wstring_view{line}.substr(line.size() - (IS_LOW_SURROGATE(letter) && line.size() > 1 ? 2 : 1)));
  }
  return ended;
}

Console::Console(const asio::any_io_executor& executor, Keys keys) : state_(std::make_unique<State>(executor, keys)) {}
Console::~Console() = default;

void Console::show(std::string_view text) { state_->show(wide_of(text)); }

awaitable<std::optional<std::string>> Console::typed() {
  auto& state = *state_;
  for (;;) {
    auto letters = std::exchange(state.pending, {});
    if (letters.empty()) letters = state.take_letters();
    std::wstring given;
    for (std::size_t at = 0; at < letters.size(); ++at) {
      if (state.keys == Keys::one_by_one) given += letters[at];
      else if (state.edit(letters[at])) {
        const bool both = letters.substr(at, 2) == L"\r\n";
        state.pending = letters.substr(at + (both ? 2 : 1));
        break;
      }
    }
    if (state.ended) co_return std::nullopt;
    if (state.keys == Keys::in_lines && state.line.ends_with(L'\n')) given = std::exchange(state.line, {});
    if (state.half != 0) given.insert(given.begin(), std::exchange(state.half, wchar_t{0}));
    if (!given.empty() && IS_HIGH_SURROGATE(given.back())) state.half = given.back(), given.pop_back();
    if (!given.empty()) co_return utf8_of(given);
    if (!letters.empty()) continue;
    const Lookout lookout{state.keyboard.get(), state.wakeup};
    co_await state.wakeup.wait();
  }
}

}  // namespace pshare
