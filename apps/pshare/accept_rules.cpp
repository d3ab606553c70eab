#include "apps/pshare/accept_rules.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <toml++/toml.h>

#include "apps/pshare/flat_toml.hpp"
#include "apps/pshare/quantities.hpp"
#include "wire/control.hpp"
#include "wire/native_path.hpp"

namespace pshare {

namespace {

constexpr std::array<std::pair<Acceptance, std::string_view>, 3> acceptances{{{Acceptance::always, "always"}, {Acceptance::ask, "ask"}, {Acceptance::never, "never"}}};

// Quoted as TOML quotes it: without a meaning for backslashes.
#ifdef _WIN32
constexpr std::string_view an_absolute_path = R"('C:\in\alice')";
#else
constexpr std::string_view an_absolute_path = R"("/srv/in/alice")";
#endif

Unexpected refuse(std::string what, Errc code = Errc::malformed) {
  return Unexpected{{.code = code, .doing = std::move(what), .hint = "A rule has accept (\"always\", \"ask\" or \"never\"), max-size (like \"10G\") and dir (an absolute path)."}};
}

Unexpected refuse_at(const toml::source_region& where, const std::string& what, Errc code = Errc::malformed) {
  return refuse("line " + std::to_string(where.begin.line) + ": " + what, code);
}

std::string in_quotes(std::string_view text) { return "\"" + std::string{text} + "\""; }

Result<void> check_directory(const std::filesystem::path& directory) {
  const auto text = text_of(directory);
  if (!directory.is_absolute()) return refuse("dir must be an absolute path (like " + std::string{an_absolute_path} + "), not " + in_quotes(text));
  if (text.size() > AcceptRules::max_directory) return refuse("dir is longer than " + std::to_string(AcceptRules::max_directory) + " bytes", Errc::limit);
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; })) return refuse("dir holds control characters");
  return {};
}

/// A size as parse_size() reads it, in as few characters as it takes.
std::string exact_size(std::uint64_t bytes) {
  static constexpr std::array<std::pair<std::uint64_t, std::string_view>, 8> units{
      {{1ull << 40, "T"}, {1'000'000'000'000, "TB"}, {1ull << 30, "G"}, {1'000'000'000, "GB"}, {1ull << 20, "M"}, {1'000'000, "MB"}, {1ull << 10, "K"}, {1'000, "KB"}}};
  for (const auto& [factor, unit] : units)
    if (bytes > 0 && bytes % factor == 0) return std::to_string(bytes / factor) + std::string{unit};
  return std::to_string(bytes);
}

Result<AcceptRule> rule_from(const toml::node& node) {
  const auto* table = node.as_table();
  if (!table) return refuse_at(node.source(), "a rule is expected here, with accept, max-size and dir below it");
  AcceptRule rule;
  for (const auto& [key, value] : *table) {
    const bool known = key == "accept" || key == "max-size" || key == "dir";
    if (!known) return refuse_at(key.source(), in_quotes(key.str()) + " is nothing that a rule has");
    const auto text = value.value_exact<std::string>();
    if (!text) return refuse_at(value.source(), in_quotes(key.str()) + " must be a text in quotes");
    if (key == "accept") {
      rule.accept = acceptance_from(*text);
      if (!rule.accept) return refuse_at(value.source(), in_quotes(*text) + " is no way to accept");
    } else if (key == "max-size") {
      const auto size = parse_size(*text);
      if (!size) return refuse_at(value.source(), "max-size: " + size.error().doing);
      rule.max_size = *size;
    } else {
      rule.directory = path_from(*text);
      if (const auto checked = check_directory(*rule.directory); !checked) return refuse_at(value.source(), checked.error().doing, checked.error().code);
    }
  }
  return rule;
}

void write_down(toml::table& into, const AcceptRule& rule) {
  if (rule.accept) into.insert("accept", word(*rule.accept));
  if (rule.max_size) into.insert("max-size", exact_size(*rule.max_size));
  if (rule.directory) into.insert("dir", text_of(*rule.directory));
}

}  // namespace

std::string_view word(Acceptance acceptance) { return std::ranges::find(acceptances, acceptance, &std::pair<Acceptance, std::string_view>::first)->second; }

std::optional<Acceptance> acceptance_from(std::string_view word) {
  const auto found = std::ranges::find(acceptances, word, &std::pair<Acceptance, std::string_view>::second);
  return found == acceptances.end() ? std::nullopt : std::optional{found->first};
}

Result<AcceptRules> AcceptRules::parse(std::string_view text) {
  if (text.size() > max_file) return refuse("the file is longer than " + std::to_string(max_file / 1024) + " KiB", Errc::limit);
  std::size_t line_number = 1, line_length = 0;
  for (const char c : text) {
    line_length = c == '\n' ? 0 : line_length + 1;
    if (line_length > max_line) return refuse("line " + std::to_string(line_number) + ": it is longer than " + std::to_string(max_line) + " bytes", Errc::limit);
    line_number += c == '\n';
  }
  if (const auto line = line_with_nested_value(text)) return refuse("line " + std::to_string(*line) + ": a rule has no arrays and no tables in braces");
  try {
    const auto file = toml::parse(text);
    AcceptRules rules;
    for (const auto& [key, value] : file) {
      if (key == "default") {
        auto rule = rule_from(value);
        if (!rule) return Unexpected{std::move(rule).error()};
        rules.default_ = *std::move(rule);
        continue;
      }
      if (key != "contacts") return refuse_at(key.source(), in_quotes(key.str()) + " is neither default nor contacts");
      const auto* contacts = value.as_table();
      if (!contacts) return refuse_at(value.source(), "contacts holds a rule for each name, as in [contacts.alice]");
      for (const auto& [contact, its_rule] : *contacts) {
        const auto name = parse_name(contact.str());
        if (!name) return refuse_at(contact.source(), in_quotes(contact.str()) + " is no contact's name: " + name.error().doing);
        auto rule = rule_from(its_rule);
        if (!rule) return Unexpected{std::move(rule).error()};
        if (rules.by_name_.size() == max_rules) return refuse_at(contact.source(), "there are more than " + std::to_string(max_rules) + " rules", Errc::limit);
        if (!rules.by_name_.emplace(*name, *std::move(rule)).second) return refuse_at(contact.source(), in_quotes(*name) + " stands there twice");
      }
    }
    std::erase_if(rules.by_name_, [](const auto& each) { return each.second.says_nothing(); });
    return rules;
  } catch (const toml::parse_error& trouble) {
    return refuse_at(trouble.source(), std::string{trouble.description()});
  }
}

Result<std::string> AcceptRules::text() const {
  toml::table file;
  if (!default_.says_nothing()) {
    toml::table rule;
    write_down(rule, default_);
    file.insert("default", std::move(rule));
  }
  toml::table contacts;
  for (const auto& [name, rule] : by_name_) {
    toml::table its;
    write_down(its, rule);
    contacts.insert(name, std::move(its));
  }
  if (!by_name_.empty()) file.insert("contacts", std::move(contacts));
  std::ostringstream out;
  out << "# pshare: what is accepted from whom (`pshare contacts rule`). Comments are lost when that command changes something.\n" << file << '\n';
  auto text = out.str();
  // A rule that could not be read again would stop the next `pshare receive`.
  const auto again = parse(text);
  if (!again && again.error().code == Errc::limit) return Unexpected{again.error()};
  if (!again || *again != *this) return refuse("these rules cannot be written down: the name of a folder must be UTF-8");
  return text;
}

AcceptRule AcceptRules::of(const std::string& name) const { return own(name).value_or(default_); }

std::optional<AcceptRule> AcceptRules::own(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? std::nullopt : std::optional{found->second};
}

Result<void> AcceptRules::set(const std::optional<std::string>& name, AcceptRule rule) {
  if (rule.directory)
    if (auto checked = check_directory(*rule.directory); !checked) return checked;
  if (!name) {
    default_ = std::move(rule);
    return {};
  }
  if (rule.says_nothing()) {
    forget(*name);
    return {};
  }
  if (!by_name_.contains(*name) && by_name_.size() == max_rules) return refuse("there are " + std::to_string(max_rules) + " rules already", Errc::limit);
  by_name_.insert_or_assign(*name, std::move(rule));
  return {};
}

}  // namespace pshare
