// Windows alone: its own text is UTF-16, ours UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace pshare {

/// What is no UTF-8 becomes U+FFFD.
std::wstring wide_of(std::string_view utf8);

/// Half a surrogate pair becomes U+FFFD.
std::string utf8_of(std::wstring_view wide);

}  // namespace pshare
