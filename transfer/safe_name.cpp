#include "transfer/safe_name.hpp"

#include <algorithm>

namespace pshare {

namespace {

Unexpected refused(Errc code, std::string why) {
  return Unexpected{{.code = code,
                     .doing = "checking a name that the other side sent: " + std::move(why),
                     .hint = "nothing was written under that name; ask the sender to rename it"}};
}

bool begins_without_case(std::string_view name, std::string_view beginning) {
  const auto small = [](char letter) { return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter + ('a' - 'A')) : letter; };
  return name.size() >= beginning.size() &&
         std::equal(beginning.begin(), beginning.end(), name.begin(), [&](char one, char other) { return small(one) == small(other); });
}

/// Where the extension begins, its dot included; the name's end if it has none.
std::size_t extension_of(std::string_view name) {
  const auto dot = name.rfind('.');
  // A dot in front makes a hidden name, not an extension; a dot at the end has nothing behind it.
  if (dot == std::string_view::npos || dot == 0 || dot + 1 == name.size()) return name.size();
  constexpr std::string_view tar = ".tar";
  if (dot > tar.size() && name.substr(dot - tar.size(), tar.size()) == tar) return dot - tar.size();
  return dot;
}

/// The longest beginning of `text` of at most `bytes` bytes that does not end within a UTF-8 sequence.
std::string_view cut(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  const auto continues = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80; };
  auto end = bytes;
  // A sequence has at most three bytes that continue it; more of them in a row is no UTF-8, and is cut anywhere.
  for (int i = 0; i < 3 && end > 0 && continues(end); ++i) --end;
  if (continues(end)) end = bytes;
  return text.substr(0, end);
}

}  // namespace

Result<void> check_name(std::string_view name) {
  if (name.empty()) return refused(Errc::malformed, "it is empty");
  if (name == "." || name == "..") return refused(Errc::malformed, "it is \"" + std::string{name} + "\"");
  if (name.size() > max_name)
    return refused(Errc::limit, "it has " + std::to_string(name.size()) + " bytes, names may have " + std::to_string(max_name));
  if (name.find('/') != std::string_view::npos) return refused(Errc::malformed, "it contains a '/'");
  if (name.find('\0') != std::string_view::npos) return refused(Errc::malformed, "it contains a NUL");
  return {};
}

Result<void> check_top_level_name(std::string_view name) {
  if (auto checked = check_name(name); !checked) return checked;
  if (begins_without_case(name, partial_prefix))
    return refused(Errc::malformed, "it begins with \"" + std::string{partial_prefix} + "\", which is how unfinished transfers are kept");
  return {};
}

Result<void> check_link_target(std::string_view target, std::size_t depth) {
  if (target.empty()) return refused(Errc::malformed, "a link without a target");
  if (target.size() > max_link_target)
    return refused(Errc::limit, "a link target of " + std::to_string(target.size()) + " bytes");
  if (target.find('\0') != std::string_view::npos) return refused(Errc::malformed, "a link target with a NUL");
  if (target.front() == '/') return refused(Errc::malformed, "a link to an absolute path");
  if (depth == 0) return refused(Errc::malformed, "a link at the top level, outside any directory of the transfer");

  std::size_t climbed = 0;
  bool descended = false;
  while (!target.empty()) {
    const auto slash = target.find('/');
    const auto component = target.substr(0, slash);
    target = slash == std::string_view::npos ? std::string_view{} : target.substr(slash + 1);
    if (component.empty() || component == ".") continue;
    if (component != "..") {
      descended = true;
      continue;
    }
    if (descended) return refused(Errc::malformed, "a link target with \"..\" behind a name");
    if (++climbed >= depth) return refused(Errc::malformed, "a link that leads outside its directory");
  }
  return {};
}

std::string numbered(std::string_view name, unsigned n) {
  const auto dot = extension_of(name);
  const auto mark = " (" + std::to_string(n) + ")";
  auto stem = name.substr(0, dot), extension = name.substr(dot);
  // An "extension" so long that nothing of the stem would be left is none.
  if (extension.size() + mark.size() >= max_name) stem = name, extension = {};
  return std::string{cut(stem, max_name - mark.size() - extension.size())} + mark + std::string{extension};
}

}  // namespace pshare
