// What the user has laid down about offers of contacts: taken without asking, asked about or declined, up to which size, into which folder.
// docs/accepting.md says what follows from it; the deciding is consent.hpp's. Here is the text of the file: no I/O. accept_rules.cpp includes toml++.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "wire/result.hpp"

namespace pshare {

enum class Acceptance { always, ask, never };
std::string_view word(Acceptance acceptance);
std::optional<Acceptance> acceptance_from(std::string_view word);

/// What it does not say is as without a rule.
struct AcceptRule {
  std::optional<Acceptance> accept;
  std::optional<std::uint64_t> max_size;           // bytes that are taken without asking; nothing: any number
  std::optional<std::filesystem::path> directory;  // absolute
  bool says_nothing() const { return !accept && !max_size && !directory; }
  friend bool operator==(const AcceptRule&, const AcceptRule&) = default;
};

/// The rules of a home, by contact, and one for contacts that have none of their own.
///
///   [default]
///   accept = "ask"
///
///   [contacts.alice]
///   accept = "always"
///   max-size = "10G"
///   dir = "/srv/in/alice"
class AcceptRules {
 public:
  static constexpr std::size_t max_rules = 1'000;       // of contacts
  static constexpr std::size_t max_directory = 1'024;   // bytes
  static constexpr std::size_t max_file = 256 * 1024;
  static constexpr std::size_t max_line = 4 * 1024;

  /// Strict: what is not understood is an error, since a rule that counts for nothing could let in what it was to keep out.
  /// Errors: malformed, with the line's number; limit.
  static Result<AcceptRules> parse(std::string_view text);
  /// What parse() makes the same of again. Errors: limit (max_file); malformed (a folder whose name is not UTF-8).
  Result<std::string> text() const;

  /// The contact's own rule, else the default one, else one that says nothing. `name` as parse_name() gives it.
  AcceptRule of(const std::string& name) const;
  std::optional<AcceptRule> own(const std::string& name) const;
  const AcceptRule& by_default() const { return default_; }
  const std::map<std::string, AcceptRule>& by_name() const { return by_name_; }

  /// One that says nothing is forgotten. No name: the default. Errors: malformed (the folder), limit (max_rules).
  Result<void> set(const std::optional<std::string>& name, AcceptRule rule);
  /// Whether there was one.
  bool forget(const std::string& name) { return by_name_.erase(name) > 0; }

  friend bool operator==(const AcceptRules&, const AcceptRules&) = default;

 private:
  AcceptRule default_;
  std::map<std::string, AcceptRule> by_name_;
};

}  // namespace pshare
