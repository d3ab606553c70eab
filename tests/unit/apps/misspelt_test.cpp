// What somebody is told who has typed something that is not there.
#include "apps/command_line/misspelt.hpp"

#include <gmock/gmock.h>

#include "apps/pshare/options.hpp"

namespace pshare {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string advice(std::vector<std::string> verbs, std::vector<std::string> unexpected) {
  const auto root = pshare_command();
  const auto* command = &root;
  for (const auto& each : verbs) command = command->verb(each);
  const auto error = misspelt(root, *command, unexpected);
  EXPECT_EQ(error.code, Errc::usage);
  EXPECT_THAT(error.hint, HasSubstr("--help"));
  return error.doing + ". " + error.hint;
}

TEST(Misspelt, VerbsAndOptionsAreTakenForTheNearest) {
  EXPECT_THAT(advice({}, {"sned", "x"}), HasSubstr("Did you mean send?"));
  EXPECT_THAT(advice({}, {"recieve"}), HasSubstr("Did you mean receive?"));
  EXPECT_THAT(advice({"contacts"}, {"rul"}), HasSubstr("Did you mean rule?"));
  EXPECT_THAT(advice({"send"}, {"--tto"}), HasSubstr("Did you mean --to?"));
  EXPECT_THAT(advice({"send"}, {"--compress"}), Not(HasSubstr("Did you mean")));
  EXPECT_THAT(advice({"receive"}, {"--on-conflcit=skip"}), HasSubstr("Did you mean --on-conflict?"));
  EXPECT_THAT(advice({"id"}, {"--jsn"}), HasSubstr("Did you mean --json?"));
  EXPECT_THAT(advice({}, {"fly"}), Not(HasSubstr("Did you mean")));
}

TEST(Misspelt, OptionsOfAnotherVerbAreSentThere) { EXPECT_THAT(advice({"id"}, {"--to", "bob"}), HasSubstr("pshare send has it")); }

TEST(Misspelt, WordsTooManyAreNoVerbs) {
  EXPECT_THAT(advice({"id"}, {"x"}), HasSubstr("\"x\" is one word more"));
  EXPECT_THAT(advice({}, {}), HasSubstr("told nothing"));
}

TEST(Nearest, TakesABeginningForMoreThanASlip) {
  const std::vector<std::string> words{"--max-size", "--max", "--tax"};
  EXPECT_THAT(nearest("--max-", words), ElementsAre("--max-size"));
  EXPECT_THAT(nearest("--mxa", words), ElementsAre("--max"));
  EXPECT_THAT(nearest("", words), IsEmpty());
}

}  // namespace
}  // namespace pshare
