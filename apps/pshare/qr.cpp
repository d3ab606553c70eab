#include "apps/pshare/qr.hpp"

#include <qrencode.h>

#include <algorithm>
#include <memory>

namespace pshare {

namespace {

struct Freed {
  void operator()(QRcode* code) const { QRcode_free(code); }
};

/// ISO/IEC 18004 wants four modules around it; readers of screens do with two.
constexpr int quiet_zone = 2;
/// What should stay on the screen above it.
constexpr std::size_t rows_around = 5;

std::string upper(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return out;
}

}  // namespace

std::vector<std::string> qr_code(std::string_view text, const ScreenSize& screen) {
  const std::unique_ptr<QRcode, Freed> code{QRcode_encodeString(upper(text).c_str(), 0, QR_ECLEVEL_L, QR_MODE_8, 1)};
  if (!code) return {};
  const int width = code->width;
  const auto across = static_cast<std::size_t>(width) + 2 * static_cast<std::size_t>(quiet_zone);
  if (across > screen.columns || across / 2 + 1 + rows_around > screen.rows) return {};
  const auto dark = [&](int x, int y) {
    return x >= 0 && y >= 0 && x < width && y < width && (code->data[y * width + x] & 1U) != 0;
  };
  std::vector<std::string> lines;
  for (int y = -quiet_zone; y < width + quiet_zone; y += 2) {
    std::string line = "\x1b[30;107m";  // black on bright white
    for (int x = -quiet_zone; x < width + quiet_zone; ++x) line += dark(x, y) ? (dark(x, y + 1) ? "█" : "▀") : (dark(x, y + 1) ? "▄" : " ");
    lines.push_back(line + "\x1b[0m");
  }
  return lines;
}

}  // namespace pshare
