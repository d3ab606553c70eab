#include "apps/command_line/command.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace pshare {

namespace {

/// "{a,b}", as CLI::IsMember describes itself.
std::vector<std::string> listed(const std::string& described) {
  std::vector<std::string> choices;
  if (!described.starts_with('{') || !described.ends_with('}')) return choices;
  std::istringstream words{described.substr(1, described.size() - 2)};
  for (std::string each; std::getline(words, each, ',');) choices.push_back(each);
  return choices;
}

/// What CLI11 calls a value for which nobody has named anything better.
bool is_nameless(const std::string& value) { return value == "TEXT" || value == "UINT" || value == "INT"; }

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string text;
  for (const auto& each : words) {
    if (!text.empty()) text += between;
    text += each;
  }
  return text;
}

/// The description of the one check that an option of ours has, or "".
std::string check_of(CLI::Option& option) {
  try {
    return option.get_validator(0)->get_description();
  } catch (const CLI::OptionNotFound&) {  // CLI11 has no other way to ask
    return {};
  }
}

/// Without what its checks have added to it.
std::string value_name(const CLI::Option& option, const std::string& check) {
  auto name = option.get_type_name();
  if (!check.empty() && name.ends_with(":" + check)) name.resize(name.size() - check.size() - 1);
  return name;
}

CommandOption option_of(CLI::Option& option) {
  CommandOption described;
  for (const auto& each : option.get_snames()) described.names.push_back("-" + each);
  for (const auto& each : option.get_lnames()) described.names.push_back("--" + each);
  described.meaning = option.get_description();
  described.group = option.get_group();
  const bool flag = option.get_items_expected_max() == 0;
  if (!flag) {
    const auto check = check_of(option);
    described.choices = listed(check);
    described.value = value_name(option, check);
    if (is_nameless(described.value) && !described.choices.empty()) described.value = joined(described.choices, "|");
  }
  described.repeatable = flag ? option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll : option.get_expected_max() > 1;
  if (described.value.ends_with("DIR")) described.kind = ValueKind::directory;
  if (described.value.ends_with("FILE")) described.kind = ValueKind::file;
  return described;
}

CommandArgument argument_of(CLI::Option& option) {
  CommandArgument described{.name = option.get_name(true), .meaning = option.get_description(), .required = option.get_required(), .repeatable = option.get_expected_max() > 1};
  described.choices = listed(check_of(option));
  if (described.name == "PATH") described.kind = ValueKind::file;
  return described;
}

Command described(CLI::App& app, const std::string& above) {
  Command command{.name = above.empty() ? app.get_name() : above + " " + app.get_name(), .meaning = app.get_description(), .verb_needed = app.get_require_subcommand_min() > 0};
  for (auto* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    if (option->get_positional()) command.arguments.push_back(argument_of(*option));
    else command.options.push_back(option_of(*option));
  }
  for (auto* verb : app.get_subcommands([](CLI::App* each) { return !each->get_group().empty(); })) command.verbs.push_back(described(*verb, command.name));
  return command;
}

bool has_name(const CommandOption& option, std::string_view name) { return std::ranges::find(option.names, name) != option.names.end(); }

/// The verb that "contacts rule" means.
Command& verb_of(Command& command, std::string_view verbs) {
  auto* found = &command;
  std::istringstream words{std::string{verbs}};
  for (std::string word; words >> word;) {
    const auto next = std::ranges::find(found->verbs, word, &Command::word);
    if (next == found->verbs.end()) throw std::logic_error{"a note about \"" + std::string{verbs} + "\", which is no verb of " + command.name};
    found = &*next;
  }
  return *found;
}

}  // namespace

std::string Command::usage() const {
  auto text = name + " [OPTIONS]";
  if (!verbs.empty()) text += verb_needed ? " VERB" : " [VERB]";
  for (const auto& each : arguments) text += " " + (each.required ? each.name + (each.repeatable ? "..." : "") : "[" + each.name + (each.repeatable ? "...]" : "]"));
  return text;
}

const Command* Command::verb(std::string_view word) const {
  const auto found = std::ranges::find(verbs, word, &Command::word);
  return found == verbs.end() ? nullptr : &*found;
}

const CommandOption* Command::option(std::string_view wanted) const {
  const auto found = std::ranges::find_if(options, [&](const CommandOption& each) { return has_name(each, wanted); });
  return found == options.end() ? nullptr : &*found;
}

std::vector<std::string> Command::groups() const {
  std::vector<std::string> groups;
  for (const auto& each : options)
    if (each.group != options_group && std::ranges::find(groups, each.group) == groups.end()) groups.push_back(each.group);
  if (std::ranges::find(options, options_group, &CommandOption::group) != options.end()) groups.emplace_back(options_group);
  return groups;
}

Command described(CLI::App& app) { return described(app, ""); }

void add_notes(Command& command, std::span<const ValueNote> notes) {
  for (const auto& note : notes) {
    auto& verb = verb_of(command, note.verbs);
    const auto argument = std::ranges::find(verb.arguments, note.name, &CommandArgument::name);
    const auto option = std::ranges::find_if(verb.options, [&](const CommandOption& each) { return has_name(each, note.name); });
    const bool is_option = option != verb.options.end();
    if (argument == verb.arguments.end() && !is_option) throw std::logic_error{"a note about \"" + std::string{note.name} + "\", which " + verb.name + " does not have"};
    auto& kind = is_option ? option->kind : argument->kind;
    auto& choices = is_option ? option->choices : argument->choices;
    kind = note.kind;
    if (!note.choices.empty()) choices = note.choices;
  }
}

void add_examples(Command& command, std::span<const ExampleNote> examples) {
  for (const auto& each : examples) verb_of(command, each.verbs).examples.push_back({std::string{each.command}, std::string{each.meaning}});
}

}  // namespace pshare
