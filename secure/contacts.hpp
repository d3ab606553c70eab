// Whom we know: name -> pinned peer ID. Also used, in a file of its own, for servers: "host:port" -> pinned key.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/ids.hpp"
#include "wire/result.hpp"

namespace pshare {

struct Pin {
  std::string name;
  PeerId id;
  bool verified = false;  // both users have compared the words of the two keys (secure/comparison_words.hpp)
  friend bool operator==(const Pin&, const Pin&) = default;
};

/// A text file, one pin a line: `NAME PEER-ID`, or `NAME PEER-ID verified`; a line that begins with '#' is a comment. Kept sorted, replaced whole (rename), mode 0600.
/// Names compare without regard to case. Several processes may change it: each change re-reads it under a lock.
class PinFile {
 public:
  /// Errors: local_io; malformed, with the line's number. A file that is not there is an empty list.
  static Result<PinFile> open(std::filesystem::path file);

  std::optional<Pin> find(std::string_view name) const;
  std::optional<Pin> find(const PeerId& id) const;
  const std::vector<Pin>& pins() const { return pins_; }

  /// Errors: refused when the name is already pinned to another key (a changed key is never replaced in passing); usage (a name that no
  /// line can hold: spaces, control characters, '#' in front, longer than max_name); limit (max_pins); local_io.
  /// A pin that is there already keeps its mark, a new one has what `wanted` says.
  Result<void> add(const Pin& wanted);
  /// Marks `wanted` as verified, or takes the mark away. Errors: refused when the name is not pinned to this key (any more); local_io.
  Result<void> mark(const Pin& wanted, bool verified);
  /// Gives whether there was one. Errors: local_io.
  Result<bool> remove(std::string_view name);

  /// The text form, for tests and fuzzing: sorted by name, in lower case. Errors: malformed with the line's number, limit (max_pins).
  static Result<std::vector<Pin>> parse(std::string_view text);
  static constexpr std::size_t max_pins = 10'000;
  static constexpr std::size_t max_name = 260;  // bytes; "host:port" with the longest host name (253) fits

 private:
  std::filesystem::path file_;
  std::vector<Pin> pins_;
};

}  // namespace pshare
