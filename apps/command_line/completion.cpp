#include "apps/command_line/completion.hpp"

#include <algorithm>

namespace pshare {

namespace {

/// What the words before the cursor come to.
struct Reading {
  const Command* root;
  const Command* command;
  const CommandOption* waiting = nullptr;  // an option whose value is next
  std::vector<const CommandOption*> given = {};
  std::size_t arguments = 0;               // of `command`, so far
  bool only_arguments = false;             // behind "--"
  std::string home = {};
  std::vector<std::string> asked_about = {};  // the words behind `help`

  const CommandOption* option(std::string_view name) const {
    const auto* own = command->option(name);
    return own ? own : root->option(name);
  }

  void take(const std::string& word) {
    if (waiting) {
      if (waiting->names.back() == "--home") home = word;
      waiting = nullptr;
    } else if (!only_arguments && word == "--") {
      only_arguments = true;
    } else if (!only_arguments && word.starts_with('-') && word != "-") {
      take_option(word);
    } else if (const auto* verb = only_arguments ? nullptr : command->verb(word); verb && arguments == 0) {
      command = verb;
    } else {
      ++arguments;
      asked_about.push_back(word);
    }
  }

  void take_option(const std::string& word) {
    const auto equals = word.find('=');
    const auto* found = option(word.substr(0, equals));
    if (!found) return;
    given.push_back(found);
    if (!found->takes_value()) return;
    if (equals == std::string::npos) waiting = found;
    else if (found->names.back() == "--home") home = word.substr(equals + 1);
  }
};

/// What a value is said to be.
struct Wanted {
  ValueKind kind;
  const std::vector<std::string>& choices;
};

void add_fitting(Completion& completion, std::string_view prefix, std::string_view begun, const std::string& word, const std::string& meaning = {}) {
  if (word.starts_with(begun)) completion.suggestions.push_back({std::string{prefix} + word, meaning});
}

/// "direct,re": those that are not in it yet go on.
void complete_list(Completion& completion, std::string_view prefix, std::string_view begun, const std::vector<std::string>& choices) {
  const auto comma = begun.rfind(',');
  const auto before = comma == std::string_view::npos ? std::string_view{} : begun.substr(0, comma + 1);
  const auto last = begun.substr(before.size());
  completion.joined = true;
  for (const auto& each : choices)
    if (("," + std::string{before}).find("," + each + ",") == std::string::npos) add_fitting(completion, std::string{prefix} + std::string{before}, last, each);
}

void complete_verb(Completion& completion, const Command& root, const std::vector<std::string>& asked_about, std::string_view begun) {
  const auto* command = &root;
  for (const auto& each : asked_about)
    if (command) command = command->verb(each);
  if (!command) return;
  for (const auto& each : command->verbs) add_fitting(completion, "", begun, std::string{each.word()}, each.meaning);
}

Completion complete_value(const Reading& reading, const Wanted& wanted, std::string_view prefix, std::string_view begun, const Lookup& lookup) {
  Completion completion;
  switch (wanted.kind) {
    case ValueKind::file: completion.kind = Completion::Kind::files; return completion;
    case ValueKind::directory: completion.kind = Completion::Kind::directories; return completion;
    case ValueKind::list: complete_list(completion, prefix, begun, wanted.choices); return completion;
    case ValueKind::verb: complete_verb(completion, *reading.root, reading.asked_about, begun); return completion;
    case ValueKind::text:
    case ValueKind::proposed: break;
    case ValueKind::contact:
    case ValueKind::code:
    case ValueKind::receipt:
    case ValueKind::server:
      completion.joined = wanted.kind == ValueKind::code;
      for (const auto& each : lookup.suggestions(wanted.kind, begun, reading.home)) add_fitting(completion, prefix, begun, each.word, each.meaning);
      break;
  }
  for (const auto& each : wanted.choices) {
    add_fitting(completion, prefix, begun, each);
    if (each.ends_with("://")) completion.joined = true;
  }
  return completion;
}

void add_options(Completion& completion, const Reading& reading, std::string_view begun) {
  for (const auto* command : {reading.command, reading.root}) {
    for (const auto& each : command->options) {
      const bool again = std::ranges::find(reading.given, &each) != reading.given.end() && !each.repeatable;
      const bool twice = command == reading.root && command != reading.command && reading.command->option(each.names.back());
      const bool version = command != reading.command && each.names.back() == "--version";  // of no verb
      if (again || twice || version) continue;
      add_fitting(completion, "", begun, each.names.back(), each.meaning);
    }
    if (reading.command == reading.root) break;
  }
}

Completion complete_argument_of(const Reading& reading, const std::string& begun, const Lookup& lookup) {
  Completion completion;
  const auto& command = *reading.command;
  if (!command.arguments.empty()) {
    const auto& last = command.arguments.back();
    if (reading.arguments < command.arguments.size() || last.repeatable) {
      const auto& argument = command.arguments[std::min(reading.arguments, command.arguments.size() - 1)];
      completion = complete_value(reading, {argument.kind, argument.choices}, "", begun, lookup);
    }
  }
  if (reading.arguments == 0 && !reading.only_arguments)
    for (const auto& each : command.verbs) add_fitting(completion, "", begun, std::string{each.word()}, each.meaning);
  return completion;
}

std::string_view word_of(Completion::Kind kind) {
  switch (kind) {
    case Completion::Kind::words: return "words";
    case Completion::Kind::files: return "files";
    case Completion::Kind::directories: return "directories";
  }
  return "words";
}

}  // namespace

std::string Completion::text() const {
  auto text = std::string{word_of(kind)} + (joined ? " joined" : "") + "\n";
  for (const auto& each : suggestions) text += each.word + (each.meaning.empty() ? "" : "\t" + each.meaning) + "\n";
  return text;
}

Completion complete(const Command& root, std::span<const std::string> words, const Lookup& lookup) {
  if (words.empty()) return {};
  Reading reading{.root = &root, .command = &root};
  for (const auto& each : words.first(words.size() - 1)) reading.take(each);
  const auto& begun = words.back();
  if (reading.waiting) return complete_value(reading, {reading.waiting->kind, reading.waiting->choices}, "", begun, lookup);
  if (!reading.only_arguments && begun.starts_with("--")) {
    if (const auto equals = begun.find('='); equals != std::string::npos) {
      const auto* option = reading.option(begun.substr(0, equals));
      if (!option || !option->takes_value()) return {};
      return complete_value(reading, {option->kind, option->choices}, begun.substr(0, equals + 1), begun.substr(equals + 1), lookup);
    }
  }
  if (!reading.only_arguments && begun.starts_with('-')) {
    Completion completion;
    add_options(completion, reading, begun);
    return completion;
  }
  auto completion = complete_argument_of(reading, begun, lookup);
  // Where nothing else can be said, the options are what somebody looks for.
  if (begun.empty() && !reading.only_arguments && completion.kind == Completion::Kind::words && completion.suggestions.empty()) {
    completion.joined = false;
    add_options(completion, reading, "");
  }
  return completion;
}

std::string typed_line(std::FILE* input) {
  std::string line(max_typed_line, '\0');
  line.resize(std::fread(line.data(), 1, line.size(), input));
  return line;
}

std::vector<std::string> typed_words(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const auto end = line.find('\0');
    words.emplace_back(line.substr(0, end));
    if (end == std::string_view::npos) break;
    line.remove_prefix(end + 1);
  }
  return words;
}

}  // namespace pshare
