// Whether a test runs on Wine, which is no Windows in everything: its sockets are those of the system below.
#pragma once

#ifdef _WIN32
#include <winsock2.h>
// After it:
#include <windows.h>
#endif

namespace pshare::test {

inline bool on_wine() {
#ifdef _WIN32
  return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), "wine_get_version") != nullptr;
#else
  return false;
#endif
}

}  // namespace pshare::test
