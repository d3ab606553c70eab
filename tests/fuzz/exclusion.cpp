// Fuzzes the patterns of --exclude and the names they are held against: lines, first the path, then patterns. A path is always left out by itself with each byte
// escaped; what each of the patterns means does not depend on the others; and it is soon over.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "transfer/exclusion.hpp"
#include "transfer/safe_name.hpp"
#include "wire/bytes.hpp"

namespace pshare {
namespace {

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != '/') out += '\\';
    out += c;
  }
  return out;
}

std::string line_of(std::string_view& text) {
  const auto end = std::min(text.find('\n'), text.size());
  std::string line{text.substr(0, end)};
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

/// A path that the walk may come to.
bool is_path(std::string_view path) {
  while (true) {
    const auto slash = path.find('/');
    if (!check_name(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  if (size > 4096 || std::find(data, data + size, 0) != data + size) return 0;
  auto text = text_of(std::as_bytes(std::span{data, size}));
  const auto path = line_of(text);
  if (!is_path(path)) return 0;
  const auto name = path.substr(path.rfind('/') + 1);
  std::vector<std::string> patterns;
  while (!text.empty() && patterns.size() < 16) patterns.push_back(line_of(text));

  const auto any = std::ranges::any_of(patterns, [&](const std::string& each) { return is_excluded(std::span{&each, 1}, name, path); });
  if (is_excluded(patterns, name, path) != any) std::abort();
  for (const auto& literally : {escaped(name), escaped(path), std::string{"*"}})
    if (!is_excluded(std::span{&literally, 1}, name, path)) std::abort();
  const auto longer = escaped(path + "x");
  if (is_excluded(std::span{&longer, 1}, name, path)) std::abort();
  return 0;
}
