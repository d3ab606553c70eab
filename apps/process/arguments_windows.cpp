// What main() is given went through the code page of the system, which before Windows 10 1903 cannot be UTF-8. The command line itself is asked instead.
#include <windows.h>
// After it:
#include <shellapi.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "apps/process/arguments.hpp"
#include "wire/wide_text.hpp"

namespace pshare {

std::vector<std::string> program_arguments(int argc, char** argv) {
  struct LocalGone {
    void operator()(wchar_t** memory) const { ::LocalFree(memory); }
  };
  int count = 0;
  const std::unique_ptr<wchar_t*, LocalGone> wide{::CommandLineToArgvW(::GetCommandLineW(), &count)};
  if (!wide) return {argv, argv + argc};
  std::vector<std::string> arguments;
  for (int i = 0; i < count; ++i) arguments.push_back(utf8_of(wide.get()[i]));
  return arguments;
}

// Task managers read the very text that GetCommandLineW() gives (it lies in the process's own parameters), so that is where it goes. An argument with quotes or
// backslashes does not stand there as it came out, and stays: a code has none.
void wipe_argument(int argc, char** argv, std::size_t which) {
  const auto arguments = program_arguments(argc, argv);
  if (which >= arguments.size()) return;
  const auto what = wide_of(arguments[which]);
  wchar_t* const line = ::GetCommandLineW();
  std::wstring_view rest{line};
  for (auto at = rest.find(what); !what.empty() && at != std::wstring_view::npos; at = rest.find(what, at + what.size())) std::fill_n(line + at, what.size(), L'x');
}

}  // namespace pshare
