// A QR code for the terminal. The only files that include libqrencode.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/pshare/terminal.hpp"

namespace pshare {

/// Lines of half blocks, dark on light whatever the terminal's colours are, with the quiet zone that readers want. Empty where the screen has no room for it, or the text is too
/// long for one. In upper case, since that makes it smaller: what is in it must mean the same.
std::vector<std::string> qr_code(std::string_view text, const ScreenSize& screen);

}  // namespace pshare
