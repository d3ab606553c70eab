#include <windows.h>
// After it:
#include <fcntl.h>
#include <io.h>

#include <cstdio>
#include <initializer_list>

#include "apps/process/plain_output.hpp"

namespace pshare {

PlainOutput::PlainOutput() : code_page_(::GetConsoleOutputCP()) {
  for (std::FILE* each : {stdout, stderr}) {
    ::_setmode(::_fileno(each), _O_BINARY);
    // Unbuffered, each byte would be written by itself, and a console makes nothing of half a letter.
    std::setvbuf(each, nullptr, _IOFBF, BUFSIZ);
  }
  if (code_page_ != 0) ::SetConsoleOutputCP(CP_UTF8);
  for (const DWORD each : {STD_OUTPUT_HANDLE, STD_ERROR_HANDLE}) {
    const HANDLE screen = ::GetStdHandle(each);
    DWORD mode = 0;
    if (::GetConsoleMode(screen, &mode)) ::SetConsoleMode(screen, mode | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
  }
}

PlainOutput::~PlainOutput() {
  for (std::FILE* each : {stdout, stderr}) std::fflush(each);
  if (code_page_ != 0) ::SetConsoleOutputCP(code_page_);
}

}  // namespace pshare
