#include "apps/pshare/settings.hpp"

#include <sstream>
#include <toml++/toml.h>

#include "apps/pshare/flat_toml.hpp"

namespace pshare {

Result<Settings> Settings::parse(std::string_view text, const std::string& file) {
  const auto refuse = [&](const std::string& what, const toml::source_region& where) {
    return Unexpected{{.code = Errc::usage,
                       .doing = file + ", line " + std::to_string(where.begin.line) + ": " + what,
                       .hint = "Correct the file, or remove it and run `pshare init` again."}};
  };
  if (const auto line = line_with_nested_value(text))
    return Unexpected{{.code = Errc::usage, .doing = file + ", line " + std::to_string(*line) + ": a setting is a text in quotes, no array and no table", .hint = "Correct the file, or remove it and run `pshare init` again."}};
  try {
    const auto table = toml::parse(text);
    Settings settings;
    for (const auto& [key, value] : table) {
      auto* setting = key == "server" ? &settings.server : key == "name" ? &settings.name : nullptr;
      if (!setting) return refuse("\"" + std::string{key.str()} + "\" is no setting", key.source());
      const auto given = value.value<std::string>();
      if (!given) return refuse("\"" + std::string{key.str()} + "\" must be a text in quotes", value.source());
      *setting = *given;
    }
    return settings;
  } catch (const toml::parse_error& trouble) {
    return refuse(std::string{trouble.description()}, trouble.source());
  }
}

std::string Settings::text() const {
  toml::table table;
  if (server) table.insert("server", *server);
  if (name) table.insert("name", *name);
  std::ostringstream out;
  out << table << '\n';
  return out.str();
}

}  // namespace pshare
