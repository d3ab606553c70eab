// What is said about the real command lines of both programs.
#include "apps/command_line/help.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <stdexcept>

#include "apps/answered.hpp"
#include "apps/pshare-server/options.hpp"
#include "apps/pshare/options.hpp"
#include "wire/ids.hpp"

namespace pshare {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Help, FitsIntoEightyColumnsAndNamesEveryOption) {
  const auto root = pshare_command();
  const auto server = pshare_server_command();
  std::vector<const Command*> left{&root, &server};
  while (!left.empty()) {
    const auto* command = left.back();
    left.pop_back();
    for (const auto& each : command->verbs) left.push_back(&each);
    const bool is_verb = command != &root && command != &server;
    const auto text = help_text(*command, is_verb ? &root : nullptr);
    for (const auto& option : command->options)
      for (const auto& name : option.names) {
        if (is_verb && name == "--help") continue;
        EXPECT_THAT(text, HasSubstr(name)) << command->name;
      }
    EXPECT_FALSE(command->name.find("list") == std::string::npos && command->examples.empty()) << command->name << " has no example";
    for (std::size_t begin = 0; begin < text.size();) {
      const auto end = text.find('\n', begin);
      EXPECT_LE(end - begin, 80u) << command->name << ": " << text.substr(begin, end - begin);
      begin = end + 1;
    }
  }
}

TEST(Help, OfAVerbNamesTheOptionsOfAllInALine) {
  const auto root = pshare_command();
  EXPECT_THAT(help_text(*root.verb("send"), &root), HasSubstr("--server, --proxy"));
  EXPECT_THAT(help_text(*root.verb("send"), &root), Not(HasSubstr("PSHARE_SERVER")));
  EXPECT_THAT(help_text(root), HasSubstr("PSHARE_SERVER"));
}

/// The words of the part of a pipe that is pshare's own; a shell's quotes are all that examples use.
std::vector<std::string> words_of(const std::string& example) {
  std::vector<std::string> words{""};
  bool in_quotes = false;
  for (const char c : example) {
    if (c == '\'') in_quotes = !in_quotes;
    else if (c == ' ' && !in_quotes) words.emplace_back();
    else words.back() += c;
  }
  words.erase(std::ranges::find_if(words, [](const std::string& word) { return word == ">" || word == ">>"; }), words.end());
  const auto pipe = std::ranges::find(words, "|");
  if (pipe == words.end()) return words;
  return words.front().starts_with("pshare") ? std::vector(words.begin(), pipe) : std::vector(pipe + 1, words.end());
}

/// Where the example leaves it to the reader.
std::string with_a_fingerprint(std::string word) {
  static const auto fingerprint = PeerId{}.text();
  constexpr std::string_view gap = "#FINGERPRINT";
  for (auto at = word.find(gap); at != std::string::npos; at = word.find(gap)) word.replace(at + 1, gap.size() - 1, fingerprint);
  return word;
}

void expect_taken(const Command& command) {
  for (const auto& example : command.examples) {
    auto words = words_of(example.command);
    for (auto& each : words) each = with_a_fingerprint(each);
    std::vector<const char*> arguments;
    for (const auto& each : words) arguments.push_back(each.c_str());
    const auto count = static_cast<int>(arguments.size());
    if (words.front() == "pshare") {
      const auto taken = parse_options(count, arguments.data());
      EXPECT_TRUE(taken) << example.command << ": " << taken.error().message();
    } else {
      ASSERT_EQ(words.front(), "pshare-server") << example.command;
      const auto taken = parse_server_options(count, arguments.data(), [](const std::filesystem::path&) { return Result<std::string>{""}; });
      EXPECT_TRUE(taken) << example.command << ": " << taken.error().message();
    }
  }
  for (const auto& each : command.verbs) expect_taken(each);
}

TEST(Examples, OfHelpAndManualAreTakenByTheProgramsAsTheyStand) {
  expect_taken(pshare_command());
  expect_taken(pshare_server_command());
}

TEST(Notes, AboutWhatIsNotThereAreMistakes) {
  auto command = pshare_command();
  EXPECT_THROW(add_notes(command, std::array{ValueNote{"send", "--too", ValueKind::contact}}), std::logic_error);
  EXPECT_THROW(add_notes(command, std::array{ValueNote{"sned", "--to", ValueKind::contact}}), std::logic_error);
  EXPECT_THROW(add_examples(command, std::array{ExampleNote{"contacts ad", "x", ""}}), std::logic_error);
}

}  // namespace
}  // namespace pshare
