#include <windows.h>
// After it:
#include <fcntl.h>
#include <io.h>

#include <cstdio>
#include <initializer_list>

#include "apps/process/plain_output.hpp"

namespace pshare {

namespace {
constexpr std::array<DWORD, 2> screens{STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
}

PlainOutput::PlainOutput() : code_page_(::GetConsoleOutputCP()) {
  for (std::FILE* each : {stdout, stderr}) {
    ::_setmode(::_fileno(each), _O_BINARY);
    // Unbuffered, each byte would be written by itself, and a console makes nothing of half a letter.
    std::setvbuf(each, nullptr, _IOFBF, BUFSIZ);
  }
  if (code_page_ != 0) ::SetConsoleOutputCP(CP_UTF8);
  for (std::size_t i = 0; i < screens.size(); ++i) {
    const HANDLE screen = ::GetStdHandle(screens[i]);
    DWORD mode = 0;
    if (!::GetConsoleMode(screen, &mode)) continue;
    modes_[i] = mode;
    ::SetConsoleMode(screen, mode | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
  }
}

PlainOutput::~PlainOutput() {
  for (std::FILE* each : {stdout, stderr}) std::fflush(each);
  // The last one first: both may be the same console.
  for (auto i = screens.size(); i-- > 0;)
    if (modes_[i]) ::SetConsoleMode(::GetStdHandle(screens[i]), *modes_[i]);
  if (code_page_ != 0) ::SetConsoleOutputCP(code_page_);
}

}  // namespace pshare
