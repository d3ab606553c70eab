#include "apps/pshare/settings.hpp"

#include <sstream>
#include <toml++/toml.h>

#include "apps/pshare/flat_toml.hpp"
#include "apps/pshare/server_spec.hpp"
#include "wire/control.hpp"

namespace pshare {

Result<Settings> Settings::parse(std::string_view text, const std::string& file) {
  const auto refuse_line = [&](const std::string& what, std::size_t line, const std::string& rule = {}) {
    return Unexpected{{.code = Errc::usage,
                       .doing = file + ", line " + std::to_string(line) + ": " + what,
                       .hint = (rule.empty() ? "" : rule + ' ') + "Correct the file, or remove it and run `pshare init` again."}};
  };
  const auto refuse = [&](const std::string& what, const toml::source_region& where, const std::string& rule = {}) {
    return refuse_line(what, where.begin.line, rule);
  };
  if (const auto line = line_with_nested_value(text)) return refuse_line("a setting is a text in quotes, no array and no table", *line);
  try {
    const auto table = toml::parse(text);
    Settings settings;
    for (const auto& [key, value] : table) {
      if (key != "server" && key != "name") return refuse("\"" + std::string{key.str()} + "\" is no setting", key.source());
      const auto given = value.value<std::string>();
      if (!given) return refuse("\"" + std::string{key.str()} + "\" must be a text in quotes", value.source());
      if (key == "server") {
        if (const auto servers = parse_servers(*given); !servers) return refuse(servers.error().doing, value.source(), servers.error().hint);
        settings.server = *given;
      } else {
        auto name = parse_name(*given);
        if (!name) return refuse(name.error().doing, value.source(), name.error().hint);
        settings.name = *std::move(name);
      }
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
