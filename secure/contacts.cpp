#include "secure/contacts.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "secure/owned_file.hpp"
#include "wire/native_path.hpp"

namespace pshare {

namespace {

// The longest list that can be written, and some room for comments.
constexpr std::string_view verified_mark = " verified";
constexpr std::size_t longest_line = PinFile::max_name + 1 + 63 + verified_mark.size() + 1;
constexpr std::size_t max_file = PinFile::max_pins * longest_line + 64 * 1024;

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

/// Whether a line can begin with this name and be read back as what it was. A line break in a name would be another pin.
bool can_be_written(std::string_view name) {
  const auto is_visible = [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; };
  return !name.empty() && name.size() <= PinFile::max_name && name.front() != '#' && std::ranges::all_of(name, is_visible);
}

Result<void> replace(const std::filesystem::path& file, const std::vector<Pin>& pins) {
  std::string text = "# pshare: names and the keys pinned to them. Change it with `pshare contacts`, or by hand while pshare does not run.\n";
  for (const auto& pin : pins) text += pin.name + " " + pin.id.text() + std::string{pin.verified ? verified_mark : ""} + "\n";
  return write_owned_file(file, text, IfPresent::replace);
}

}  // namespace

Result<std::vector<Pin>> PinFile::parse(std::string_view text) {
  std::map<std::string, Pin> found;
  std::size_t line_number = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line_number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    const auto where = "line " + std::to_string(line_number) + ": ";
    const auto refuse = [&](const std::string& why) {
      return Unexpected{{.code = Errc::malformed, .doing = where + why, .hint = "A line is a name, a space, and a peer ID, perhaps with another space and the word verified. Correct or remove it."}};
    };
    const auto space = line.find(' ');
    if (space == std::string_view::npos || !can_be_written(line.substr(0, space))) return refuse("it is not a name and a peer ID");
    auto rest = line.substr(space + 1);
    const bool verified = rest.ends_with(verified_mark);
    if (verified) rest.remove_suffix(verified_mark.size());
    const auto id = PeerId::parse(rest);
    if (!id) return refuse(id.error().doing);
    if (found.size() == max_pins)
      return Unexpected{{.code = Errc::limit, .doing = where + "there are more than " + std::to_string(max_pins) + " names"}};
    const auto name = lower(line.substr(0, space));
    if (!found.emplace(name, Pin{name, *id, verified}).second) return refuse("\"" + name + "\" stands there twice");
  }
  std::vector<Pin> pins;
  pins.reserve(found.size());
  for (auto& [name, pin] : found) pins.push_back(std::move(pin));
  return pins;
}

Result<PinFile> PinFile::open(std::filesystem::path file) {
  const auto text = read_owned_file(file, max_file);
  if (!text) return Unexpected{text.error()};
  auto pins = parse(*text ? (*text)->text : std::string{});
  if (!pins) {
    auto error = std::move(pins).error();
    error.doing = "reading " + text_of(file) + ", " + error.doing;
    return Unexpected{std::move(error)};
  }
  PinFile opened;
  opened.file_ = std::move(file);
  opened.pins_ = *std::move(pins);
  return opened;
}

std::optional<Pin> PinFile::find(std::string_view name) const {
  const auto wanted = lower(name);
  const auto found = std::ranges::find(pins_, wanted, &Pin::name);
  return found == pins_.end() ? std::nullopt : std::optional{*found};
}

std::optional<Pin> PinFile::find(const PeerId& id) const {
  const auto found = std::ranges::find(pins_, id, &Pin::id);
  return found == pins_.end() ? std::nullopt : std::optional{*found};
}

Result<void> PinFile::add(const Pin& wanted) {
  const Pin pin{lower(wanted.name), wanted.id, wanted.verified};
  if (!can_be_written(pin.name))
    return Unexpected{{.code = Errc::usage,
                       .doing = "a contact cannot have this name",
                       .hint = "A name is 1 to " + std::to_string(max_name) + " characters without spaces or control characters, and does not begin with '#'."}};
  const auto lock = OwnedFileLock::on(file_);
  if (!lock) return Unexpected{lock.error()};
  auto now = open(file_);
  if (!now) return Unexpected{std::move(now).error()};
  pins_ = std::move(now->pins_);
  if (const auto present = find(pin.name)) {
    if (present->id == pin.id) return {};
    return Unexpected{{.code = Errc::refused,
                       .doing = "\"" + pin.name + "\" is already pinned to another key: " + present->id.text(),
                       .hint = "If the key has really changed, remove the old one first: `pshare contacts remove " + pin.name + "`."}};
  }
  if (pins_.size() == max_pins)
    return Unexpected{{.code = Errc::limit,
                       .doing = "adding \"" + pin.name + "\": there are " + std::to_string(max_pins) + " names already",
                       .hint = "Remove some: `pshare contacts remove NAME`."}};
  auto changed = pins_;
  changed.insert(std::ranges::lower_bound(changed, pin.name, {}, &Pin::name), pin);
  if (auto replaced = replace(file_, changed); !replaced) return replaced;
  pins_ = std::move(changed);  // only now: what could not be written is not pinned
  return {};
}

Result<void> PinFile::mark(const Pin& wanted, bool verified) {
  const auto lock = OwnedFileLock::on(file_);
  if (!lock) return Unexpected{lock.error()};
  auto now = open(file_);
  if (!now) return Unexpected{std::move(now).error()};
  pins_ = std::move(now->pins_);
  auto changed = pins_;
  const auto pin = std::ranges::find(changed, lower(wanted.name), &Pin::name);
  if (pin == changed.end() || pin->id != wanted.id)
    return Unexpected{{.code = Errc::refused,
                       .doing = "\"" + wanted.name + "\" is no longer the contact whose key was compared: somebody has removed or changed it meanwhile",
                       .hint = "Nothing is marked. `pshare contacts` lists what there is now."}};
  if (pin->verified == verified) return {};
  pin->verified = verified;
  if (auto replaced = replace(file_, changed); !replaced) return replaced;
  pins_ = std::move(changed);
  return {};
}

Result<bool> PinFile::remove(std::string_view name) {
  const auto lock = OwnedFileLock::on(file_);
  if (!lock) return Unexpected{lock.error()};
  auto now = open(file_);
  if (!now) return Unexpected{std::move(now).error()};
  pins_ = std::move(now->pins_);
  auto changed = pins_;
  if (std::erase_if(changed, [wanted = lower(name)](const Pin& pin) { return pin.name == wanted; }) == 0) return false;
  if (auto replaced = replace(file_, changed); !replaced) return Unexpected{std::move(replaced).error()};
  pins_ = std::move(changed);
  return true;
}

}  // namespace pshare
