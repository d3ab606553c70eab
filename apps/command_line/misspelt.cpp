#include "apps/command_line/misspelt.hpp"

#include <algorithm>
#include <set>

#include "secure/slips.hpp"

namespace pshare {

namespace {

constexpr std::size_t most_suggestions = 3;

std::string_view without_dashes(std::string_view word) { return word.substr(std::min(word.find_first_not_of('-'), word.size())); }

/// The shorter a word is, the sooner it is another one.
std::size_t most_slips(std::string_view word) {
  const auto letters = without_dashes(word).size();
  return letters <= 3 ? 1 : letters <= 6 ? 2 : 3;
}

std::string one_of(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& each : words) text += (text.empty() ? "" : each == words.back() ? " or " : ", ") + each;
  return text;
}

std::vector<std::string> option_names(const Command& root, const Command& command) {
  std::set<std::string> names;  // some are of both
  for (const auto* each : {&command, &root})
    for (const auto& option : each->options) names.insert(option.names.begin(), option.names.end());
  return {names.begin(), names.end()};
}

std::vector<std::string> verb_words(const Command& command) {
  std::vector<std::string> words;
  for (const auto& each : command.verbs) words.emplace_back(each.word());
  return words;
}

/// The verbs that have such an option.
void collect_with_option(const Command& command, std::string_view name, std::vector<std::string>& names) {
  if (command.option(name)) names.push_back(command.name);
  for (const auto& each : command.verbs) collect_with_option(each, name, names);
}

}  // namespace

std::vector<std::string> nearest(std::string_view typed, std::span<const std::string> words) {
  std::vector<std::string> begun;
  if (without_dashes(typed).size() >= 2)
    std::ranges::copy_if(words, std::back_inserter(begun), [&](const std::string& each) { return each.starts_with(typed); });
  if (!begun.empty() && begun.size() <= most_suggestions) return begun;
  auto fewest = most_slips(typed);
  std::vector<std::string> near;
  for (const auto& each : words) {
    const auto slips = slips_between(typed, each);
    if (!slips || *slips > fewest) continue;
    if (*slips < fewest) near.clear();
    fewest = *slips;
    if (near.size() < most_suggestions) near.push_back(each);
  }
  return near;
}

Error misspelt(const Command& root, const Command& command, std::span<const std::string> unexpected) {
  const auto help = "`" + command.name + " --help` shows what can be said.";
  Error error{.code = Errc::usage, .doing = "", .hint = help};
  if (unexpected.empty()) {
    error.doing = command.name + " is told nothing to do";
    return error;
  }
  const auto word = unexpected.front().substr(0, unexpected.front().find('='));
  std::vector<std::string> meant;
  if (word.starts_with('-')) {
    error.doing = word + " is no option of " + command.name;
    std::vector<std::string> elsewhere;
    collect_with_option(root, word, elsewhere);
    if (!elsewhere.empty()) {
      error.hint = one_of(elsewhere) + (elsewhere.size() > 1 ? " have it. " : " has it. ") + help;
      return error;
    }
    meant = nearest(word, option_names(root, command));
  } else if (!command.verbs.empty()) {
    error.doing = "\"" + word + "\" is no verb of " + command.name;
    meant = nearest(word, verb_words(command));
  } else {
    error.doing = "\"" + word + "\" is one word more than " + command.name + " takes";
  }
  if (!meant.empty()) error.hint = "Did you mean " + one_of(meant) + "? " + help;
  return error;
}

}  // namespace pshare
