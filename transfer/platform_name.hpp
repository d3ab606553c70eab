// Which names a platform can hold, and what becomes of one that it cannot: it is written in another way that can be read back, and
// the user is told; nothing is refused for it. What is a lie on every platform was refused before (transfer/safe_name.hpp).
//
// Linux holds every name that check_name lets through. Windows holds text, not bytes, compares it without regard to case, and gives
// some of it another meaning. There each byte that cannot stay becomes one character, U+F000 plus the byte, out of the private use area
// of Unicode, where hardly any real name has something; a character that is from there already is written byte by byte itself. So
//   - no two names become the same one, and the original can be read back;
//   - a character of UTF-16 never stands for less than a byte: what has 255 bytes fits the 255 UTF-16 units that Windows gives a name.
//
// What cannot stay, on Windows:
//   - control characters (1 to 31) and < > : " / \ | ? *   (':' would open an alternate data stream, '\' lead into another folder)
//   - bytes that are no UTF-8, the halves of surrogate pairs among them
//   - the last character, if it is a dot or a space: Windows takes those away
//   - the first letter of a device's name, whatever follows its first dot: CON, PRN, AUX, NUL, COM1, LPT¹, CONIN$, ...
//   - the '~' of what looks like a short name, PROGRA~1: it would open the file that has it for a second name
//   - letters, from the first on, as many as tell it from a neighbour that differs in nothing but case (FolderNames)
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace pshare {

enum class Platform { linux, windows };

#ifdef _WIN32
inline constexpr auto this_platform = Platform::windows;
#else
inline constexpr auto this_platform = Platform::linux;
#endif

/// How `name`, which check_name let through, is written on this platform; most stay as they are.
std::string name_on(Platform platform, std::string_view name);

/// What name_on or FolderNames made `name` from.
std::string original_name(Platform platform, std::string_view name);

/// The names of one folder, given out one after the other so that the platform can tell them apart.
class FolderNames {
 public:
  explicit FolderNames(Platform platform) : platform_(platform) {}
  /// `name` as it is written here; no two different names get what the platform takes for the same. A name that was taken before is
  /// the caller's mistake: it gets what it got.
  std::string take(std::string_view name);

 private:
  Platform platform_;
  std::set<std::string> taken_;  // as compared
};

/// `name` with the capitals of all letters that have one of one letter, in Unicode's first 65,536 (capital_letters.inc). Each volume of Windows has such a table of
/// its own, from the Unicode of when it was formatted: shorter than ours, so that none of them takes two names for the same that differ here.
std::string without_case(std::string_view name);

}  // namespace pshare
