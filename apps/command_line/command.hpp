// What a program can be told, as data: its verbs, options and arguments, with what each of them means. Read off CLI11's own tree (described()), which is what
// parses the command line, so that what is said about it cannot differ from it. Made into help (help.hpp), completions (completion.hpp), advice about
// what was misspelt (misspelt.hpp) and man pages (apps/manual).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace pshare {

/// What stands for a value, beyond any text: where the Tab key looks for it.
enum class ValueKind { text, file, directory, contact, code, receipt, server, list, verb, proposed };

struct CommandOption {
  std::vector<std::string> names = {};    // "-q", "--quiet": the short ones first
  std::string value;                 // as it is shown, for instance "DIR"; "" for a flag
  std::string meaning;
  std::string group;
  std::vector<std::string> choices = {};  // all that the value can be; of a list, all that can be in it; if `kind` is proposed, some of what it can be
  ValueKind kind = ValueKind::text;
  bool repeatable = false;

  bool takes_value() const { return !value.empty(); }
};

struct CommandArgument {
  std::string name, meaning;
  bool required = false, repeatable = false;
  std::vector<std::string> choices = {};
  ValueKind kind = ValueKind::text;
};

struct Example { std::string command, meaning; };

/// What the program ends with, and what that says.
struct ExitMeaning { int status; std::string meaning; };

struct Command {
  std::string name;                  // the whole of it: "pshare contacts add"
  std::string meaning;
  std::vector<CommandArgument> arguments = {};
  std::vector<CommandOption> options = {};
  std::vector<Command> verbs = {};
  bool verb_needed = false;
  std::vector<Example> examples = {};
  std::vector<ExitMeaning> exit_statuses = {};  // of the program; its verbs have the same

  /// Its last word.
  std::string_view word() const { return std::string_view{name}.substr(name.find_last_of(' ') + 1); }
  /// "pshare send [OPTIONS] [PATH...]".
  std::string usage() const;
  const Command* verb(std::string_view word) const;
  /// By any of its names.
  const CommandOption* option(std::string_view name) const;
  /// Its options' groups, in the order in which they were named first; `options_group` comes last.
  std::vector<std::string> groups() const;
};

/// CLI11's name for options without a group.
inline constexpr std::string_view options_group = "Options";

/// The tree as CLI11 has it. What it keeps from its own help (an empty group) is left out here as well.
Command described(CLI::App& app);  // not const: CLI11 shows the checks of an option only to those who might change them

/// What CLI11 has no place for. `verbs` and `name` say of what: {"contacts rule", "NAME"}, {"", "--tiers"}.
struct ValueNote {
  std::string_view verbs, name;
  ValueKind kind = ValueKind::text;
  std::vector<std::string> choices = {};
};
/// Throws std::logic_error for a note about nothing that is there: it has been renamed, and nobody has told the note.
void add_notes(Command& command, std::span<const ValueNote> notes);

struct ExampleNote {
  std::string_view verbs, command, meaning;
};
/// As above.
void add_examples(Command& command, std::span<const ExampleNote> examples);

}  // namespace pshare
