#include "transfer/io/local_target.hpp"

#include <optional>

#include "transfer/safe_name.hpp"

namespace pshare {

namespace {

/// Takes the first component off, which may be empty.
std::string_view next_component(std::string_view& rest) {
  const auto slash = rest.find('/');
  const auto component = rest.substr(0, slash);
  rest = slash == rest.npos ? std::string_view{} : rest.substr(slash + 1);
  return component;
}

bool is_step(std::string_view component) { return component == "." || component == ".."; }

/// A walk along a target, within the tree as long as that has what is walked to.
class Walk {
 public:
  Walk(const Manifest& manifest, const Children& children, EntryIndex link) : manifest_(manifest), children_(children), here_(manifest.entry(link).parent) {}

  /// Gives the entry that it leads to.
  std::optional<EntryIndex> go(std::string_view component) {
    if (lost_ || component == ".") return std::nullopt;
    if (component == "..") {
      lost_ = !here_;
      if (here_) here_ = manifest_.entry(*here_).parent;
      return std::nullopt;
    }
    const auto found = children_.find(here_, component);
    lost_ = !found || manifest_.entry(*found).type != EntryType::directory;
    if (!lost_) here_ = found;
    return found;
  }
  bool in_a_folder() const { return !lost_; }

 private:
  const Manifest& manifest_;
  const Children& children_;
  std::optional<EntryIndex> here_;  // nothing: above all that is sent
  bool lost_ = false;
};

void append(std::string& path, std::string_view component) {
  if (!path.empty()) path += '/';
  path += component;
}

}  // namespace

LocalTarget local_target(const Manifest& manifest, const LocalNames& names, const Children& children, EntryIndex link, Platform platform) {
  LocalTarget local;
  Walk walk{manifest, children, link};
  auto rest = manifest.entry(link).target;
  while (!rest.empty()) {
    const auto component = next_component(rest);
    if (component.empty()) continue;
    const auto entry = walk.go(component);
    append(local.text, is_step(component) ? std::string{component} : entry ? names.name(*entry) : name_on(platform, component));
  }
  local.to_folder = walk.in_a_folder();
  if (platform == Platform::linux) local.text = manifest.entry(link).target;
  return local;
}

std::string target_to_send(std::string_view target, Platform platform) {
  if (platform == Platform::linux) return std::string{target};
  std::string out;
  for (auto rest = target; !rest.empty();) {
    const auto component = next_component(rest);
    auto original = original_name(platform, component);
    out += check_name(original) ? original : std::string{component};
    if (component.data() + component.size() != target.data() + target.size()) out += '/';
  }
  return out;
}

}  // namespace pshare
