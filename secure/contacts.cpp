#include "secure/contacts.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

namespace pshare {

namespace {

constexpr std::size_t max_file = 2 * 1024 * 1024;

std::error_code last_error() { return {errno, std::system_category()}; }

Unexpected local(std::string doing, std::error_code cause) {
  return Unexpected{{.code = Errc::local_io, .doing = std::move(doing), .cause = cause}};
}

std::string lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int number() const { return number_; }
  bool valid() const { return number_ >= 0; }

 private:
  int number_;
};

Result<std::string> read_whole(const std::filesystem::path& file) {
  const Descriptor in{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!in.valid()) {
    if (errno == ENOENT) return std::string{};
    return local("reading " + file.string(), last_error());
  }
  std::string text(max_file + 1, '\0');
  std::size_t length = 0;
  while (length < text.size()) {
    const auto count = ::read(in.number(), text.data() + length, text.size() - length);
    if (count < 0) return local("reading " + file.string(), last_error());
    if (count == 0) break;
    length += static_cast<std::size_t>(count);
  }
  if (length > max_file) return Unexpected{{.code = Errc::limit, .doing = "reading " + file.string() + ": it is longer than 2 MiB"}};
  text.resize(length);
  return text;
}

Result<void> replace(const std::filesystem::path& file, const std::vector<Pin>& pins) {
  std::string text = "# pshare: names and the keys pinned to them. Change it with `pshare contacts`, or by hand while pshare does not run.\n";
  for (const auto& pin : pins) text += pin.name + " " + pin.id.text() + "\n";
  auto fresh = file;
  fresh += ".new";
  const Descriptor out{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
  if (!out.valid() || ::write(out.number(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fsync(out.number()) != 0 ||
      ::rename(fresh.c_str(), file.c_str()) != 0)
    return local("writing " + file.string(), last_error());
  return {};
}

/// Held while the file is read, changed and replaced. The lock is a file of its own, since the file itself is replaced.
Descriptor lock_beside(const std::filesystem::path& file) {
  auto beside = file;
  beside += ".lock";
  const int number = ::open(beside.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (number >= 0) ::flock(number, LOCK_EX);
  return Descriptor{number};
}

}  // namespace

Result<std::vector<Pin>> PinFile::parse(std::string_view text) {
  std::vector<Pin> pins;
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
      return Unexpected{{.code = Errc::malformed, .doing = where + why, .hint = "A line is a name, a space, and a peer ID. Correct or remove it."}};
    };
    const auto space = line.find(' ');
    if (space == 0 || space == std::string_view::npos) return refuse("it is not a name and a peer ID");
    const auto id = PeerId::parse(line.substr(space + 1));
    if (!id) return refuse(id.error().doing);
    const auto name = lower(line.substr(0, space));
    if (std::ranges::any_of(pins, [&](const Pin& pin) { return pin.name == name; })) return refuse("\"" + name + "\" stands there twice");
    if (pins.size() == max_pins) return Unexpected{{.code = Errc::limit, .doing = where + "there are more than 10,000 names"}};
    pins.push_back({name, *id});
  }
  return pins;
}

Result<PinFile> PinFile::open(std::filesystem::path file) {
  const auto text = read_whole(file);
  if (!text) return Unexpected{text.error()};
  auto pins = parse(*text);
  if (!pins) {
    auto error = std::move(pins).error();
    error.doing = "reading " + file.string() + ", " + error.doing;
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
  const Pin pin{lower(wanted.name), wanted.id};
  const auto lock = lock_beside(file_);
  auto now = open(file_);
  if (!now) return Unexpected{std::move(now).error()};
  pins_ = now->pins_;
  if (const auto present = find(pin.name)) {
    if (present->id == pin.id) return {};
    return Unexpected{{.code = Errc::refused,
                       .doing = "\"" + pin.name + "\" is already pinned to another key: " + present->id.text(),
                       .hint = "If the key has really changed, remove the old one first: `pshare contacts remove " + pin.name + "`."}};
  }
  if (pins_.size() == max_pins) return Unexpected{{.code = Errc::limit, .doing = "adding \"" + pin.name + "\": there are 10,000 names already"}};
  pins_.insert(std::ranges::lower_bound(pins_, pin.name, {}, &Pin::name), pin);
  return replace(file_, pins_);
}

Result<bool> PinFile::remove(std::string_view name) {
  const auto lock = lock_beside(file_);
  auto now = open(file_);
  if (!now) return Unexpected{std::move(now).error()};
  pins_ = now->pins_;
  if (std::erase_if(pins_, [wanted = lower(name)](const Pin& pin) { return pin.name == wanted; }) == 0) return false;
  if (auto replaced = replace(file_, pins_); !replaced) return Unexpected{std::move(replaced).error()};
  return true;
}

}  // namespace pshare
