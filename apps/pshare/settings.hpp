// What pshare.toml in the home holds. The only files that include toml++ are settings.cpp's.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "wire/result.hpp"

namespace pshare {

struct Settings {
  /// No such file is longer.
  static constexpr std::size_t max_file = 64 * 1024;

  std::optional<std::string> server;  // what parse_servers() takes, as written
  std::optional<std::string> name;    // as registered there, in the form of parse_name()

  /// `file` is its name, for words. Errors: usage, with the line, for what is no TOML, for a key that is unknown, for a value of the wrong type, for what
  /// is no server and no name.
  static Result<Settings> parse(std::string_view text, const std::string& file);
  std::string text() const;

  friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace pshare
