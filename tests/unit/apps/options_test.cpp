#include "apps/pshare/options.hpp"

#include <gmock/gmock.h>

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

Result<std::variant<Options, Answered>> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "pshare");
  return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

Options parsed(std::vector<const char*> arguments) {
  const auto result = parse(std::move(arguments));
  EXPECT_TRUE(result) << result.error().message();
  return result ? std::get<Options>(*result) : Options{};
}

std::string refused(std::vector<const char*> arguments) {
  const auto result = parse(std::move(arguments));
  EXPECT_FALSE(result);
  if (result) return {};
  EXPECT_EQ(result.error().code, Errc::usage);
  EXPECT_THAT(result.error().hint, HasSubstr("--help"));
  return result.error().doing;
}

TEST(Options, OfSendAreAsInTheContract) {
  const auto options = parsed({"send", "a", "b c", "--to", "bob", "--lanes", "4", "--limit", "10M", "--level", "7", "--chunk", "2M", "--exclude", "*.o", "--exclude", ".git"});
  const auto& send = std::get<SendOptions>(options.verb);
  EXPECT_THAT(send.paths, ElementsAre("a", "b c"));
  EXPECT_EQ(send.to, "bob");
  EXPECT_EQ(send.lanes, 4u);
  EXPECT_EQ(send.limit, 10 * MiB);
  EXPECT_EQ(send.level.mode, LevelSetting::Mode::fixed);
  EXPECT_EQ(send.level.level, 7);
  EXPECT_EQ(send.chunk_size, 2 * MiB);
  EXPECT_THAT(send.excludes, ElementsAre("*.o", ".git"));
}

TEST(Options, OfReceiveAreAsInTheContract) {
  const auto options = parsed({"receive", "--dir", "d", "--from", "alice", "--yes", "--once", "--on-conflict", "skip"});
  const auto& receive = std::get<ReceiveOptions>(options.verb);
  EXPECT_EQ(receive.directory, "d");
  EXPECT_THAT(receive.from, ElementsAre("alice"));
  EXPECT_TRUE(receive.yes && receive.once);
  EXPECT_EQ(receive.on_conflict, OnConflict::skip);
  EXPECT_EQ(std::get<ReceiveOptions>(parsed({"receive"}).verb).on_conflict, OnConflict::rename);
}

TEST(Options, OfSendAskForAReceiptOrForNone) {
  const auto wish = [](std::vector<const char*> more) {
    more.insert(more.begin(), {"send", "a", "--to", "bob"});
    return std::get<SendOptions>(parsed(more).verb).receipt;
  };
  EXPECT_EQ(wish({}), std::nullopt);
  EXPECT_EQ(wish({"--receipt"}), ReceiptWish::asked_for);
  EXPECT_EQ(wish({"--no-receipt"}), ReceiptWish::none);
  refused({"send", "a", "--to", "bob", "--receipt", "--no-receipt"});
  EXPECT_THAT(refused({"send", "--text", "a", "--to", "bob", "--receipt"}), HasSubstr("--receipt"));
}

TEST(Options, OfReceiptsListOrCheck) {
  EXPECT_TRUE(std::holds_alternative<ReceiptsOptions::List>(std::get<ReceiptsOptions>(parsed({"receipts"}).verb).action));
  EXPECT_TRUE(std::holds_alternative<ReceiptsOptions::List>(std::get<ReceiptsOptions>(parsed({"receipts", "list"}).verb).action));
  const auto options = parsed({"receipts", "check", "3f2a", "a", "b", "--exclude", "*.o"});
  const auto& check = std::get<ReceiptsOptions::Check>(std::get<ReceiptsOptions>(options.verb).action);
  EXPECT_EQ(check.number, "3f2a");
  EXPECT_THAT(check.paths, ElementsAre("a", "b"));
  EXPECT_THAT(check.excludes, ElementsAre("*.o"));
  EXPECT_EQ(std::get<ReceiptsOptions::Check>(std::get<ReceiptsOptions>(parsed({"receipts", "check"}).verb).action).number, std::nullopt);
}

TEST(Options, OfSupernodeAreAsInTheContractAndSayForWhom) {
  const auto options = parsed({"supernode", "--port", "4711", "--sessions", "3", "--rate", "10M", "--volume", "100G", "--for", "anyone"});
  const auto& supernode = std::get<SupernodeOptions>(options.verb);
  EXPECT_EQ(options.common.port, Port{4711});
  EXPECT_EQ(supernode.sessions, 3u);
  EXPECT_EQ(supernode.rate, 10 * MiB);
  EXPECT_EQ(supernode.volume, 100 * GiB);
  EXPECT_TRUE(supernode.for_anyone);
}

TEST(Options, OfSupernodeAreForContactsAndBoundedInSessionsAlone) {
  const auto supernode = std::get<SupernodeOptions>(parsed({"supernode"}).verb);
  EXPECT_EQ(supernode.sessions, default_supernode_sessions);
  EXPECT_FALSE(supernode.rate || supernode.volume || supernode.for_anyone);
}

TEST(Options, OfSupernodeThatHelpNobodyAreRefused) {
  EXPECT_THAT(refused({"supernode", "--volume", "0"}), HasSubstr("--volume"));
  EXPECT_THAT(refused({"supernode", "--rate", "0"}), HasSubstr("--rate"));
  EXPECT_THAT(refused({"supernode", "--sessions", "0"}), HasSubstr("--sessions"));
  EXPECT_THAT(refused({"supernode", "--sessions", "1025"}), HasSubstr("--sessions"));
  EXPECT_THAT(refused({"supernode", "--for", "friends"}), HasSubstr("--for"));
  EXPECT_THAT(refused({"supernode", "--transport", "udp"}), HasSubstr("TCP"));
}

TEST(Options, OfDoctorNameAContactAndHowLongToLook) {
  const auto options = parsed({"doctor", "--with", "bob", "--lifetime", "2m"});
  const auto& doctor = std::get<DoctorOptions>(options.verb);
  EXPECT_EQ(doctor.with, "bob");
  EXPECT_EQ(doctor.lifetime, std::chrono::minutes{2});
  EXPECT_FALSE(std::get<DoctorOptions>(parsed({"doctor"}).verb).lifetime);
  for (const auto* wrong : {"9s", "11m", "soon"}) EXPECT_FALSE(parse({"doctor", "--lifetime", wrong})) << wrong;
}

TEST(Options, ThatAreCommonMayStandBeforeOrAfterTheVerb) {
  for (const auto& options : {parsed({"--json", "--timeout", "30s", "id"}), parsed({"id", "--json", "--timeout", "30s"})}) {
    EXPECT_TRUE(options.common.json);
    EXPECT_EQ(options.common.timeout, Duration{30s});
    EXPECT_TRUE(std::holds_alternative<IdOptions>(options.verb));
  }
}

TEST(Options, SayHowLongAnotherWayIsLookedForAndADayIfTheyDoNot) {
  EXPECT_EQ(std::get<SendOptions>(parsed({"send", "a", "--to", "bob"}).verb).give_up, Duration{24h});
  EXPECT_EQ(std::get<SendOptions>(parsed({"send", "a", "--to", "bob", "--give-up", "90s"}).verb).give_up, Duration{90s});
  EXPECT_EQ(std::get<ReceiveOptions>(parsed({"receive"}).verb).give_up, Duration{24h});
  EXPECT_EQ(std::get<ReceiveOptions>(parsed({"receive", "--give-up", "2d"}).verb).give_up, Duration{48h});
  refused({"receive", "--give-up", "never"});
  refused({"id", "--give-up", "1h"});
}

TEST(Options, ChooseTiersAndTransports) {
  EXPECT_THAT(parsed({"id"}).common.tiers, ElementsAre(Tier::direct, Tier::mapped, Tier::punched, Tier::supernode, Tier::relay));
  EXPECT_THAT(parsed({"id", "--tiers", "direct,relay"}).common.tiers, ElementsAre(Tier::direct, Tier::relay));
  EXPECT_THAT(parsed({"id", "--no-tiers", "supernode,relay"}).common.tiers, ElementsAre(Tier::direct, Tier::mapped, Tier::punched));
  EXPECT_FALSE(parsed({"id", "--transport", "udp"}).common.tcp);
  EXPECT_THAT(refused({"id", "--tiers", "direct,carrier-pigeon"}), HasSubstr("carrier-pigeon"));
  EXPECT_THAT(refused({"id", "--tiers", "direct", "--no-tiers", "direct"}), HasSubstr("no way"));
}

TEST(Options, ThatContradictEachOtherAreRefusedInWords) {
  EXPECT_THAT(refused({"send", "--to", "bob"}), HasSubstr("nothing to send"));
  EXPECT_THAT(refused({"send", "a", "--to", "bob", "--code-words", "3"}), HasSubstr("--code-words"));
  EXPECT_THAT(refused({"send", "-", "a", "--to", "bob"}), HasSubstr("standard input"));
  EXPECT_THAT(refused({"send", "a", "--text", "hi", "--to", "bob"}), HasSubstr("--text"));
  EXPECT_THAT(refused({"receive", "--stdout", "--json"}), HasSubstr("standard output"));
}

TEST(Options, ShowOrTakeAOneTimeCode) {
  EXPECT_FALSE(std::get<SendOptions>(parsed({"send", "a"}).verb).to);
  EXPECT_EQ(std::get<SendOptions>(parsed({"send", "a"}).verb).code_words, min_code_words);
  EXPECT_EQ(std::get<SendOptions>(parsed({"send", "a", "--code-words", "8"}).verb).code_words, 8u);
  EXPECT_TRUE(std::get<SendOptions>(parsed({"send", "a"}).verb).qr);
  EXPECT_FALSE(std::get<SendOptions>(parsed({"send", "a", "--no-qr"}).verb).qr);
  EXPECT_EQ(std::get<ReceiveOptions>(parsed({"receive", "4821-comet-walnut"}).verb).code, "4821-comet-walnut");
  EXPECT_EQ(std::get<ReceiveOptions>(parsed({"receive", "-"}).verb).code, "-");
  EXPECT_FALSE(std::get<ReceiveOptions>(parsed({"receive"}).verb).code);
  EXPECT_EQ(std::get<PairOptions>(parsed({"pair", "4821-comet-walnut", "--as", "Bob"}).verb).code, "4821-comet-walnut");
  EXPECT_EQ(std::get<PairOptions>(parsed({"pair", "--as", "Bob"}).verb).as, "bob");
  for (const char* count : {"1", "9", "two"}) refused({"send", "a", "--code-words", count});
  refused({"pair", "--as", "no spaces"});
}

TEST(Options, ThatMakeNoSenseAreRefused) {
  refused({});
  refused({"fly"});
  refused({"send", "a", "--to", "bob", "--lanes", "0"});
  refused({"send", "a", "--to", "bob", "--lanes", "17"});
  refused({"send", "a", "--to", "bob", "--level", "20"});
  refused({"send", "a", "--to", "bob", "--chunk", "1K"});
  refused({"send", "a", "--to", "bob", "--limit", "fast"});
  refused({"id", "--timeout", "soon"});
  refused({"receive", "--on-conflict", "explode"});
  refused({"init", "--name", "no spaces"});
  refused({"id", "--port", "0"});
}

TEST(Options, TakeAWordInBracketsForTheNameThatItIs) {
  const auto paths = [](const std::vector<const char*>& words) { return std::get<SendOptions>(parsed(words).verb).paths; };
  EXPECT_THAT(paths({"send", "[photos]"}), ElementsAre("[photos]"));
  EXPECT_THAT(paths({"send", "[a,b]", "[[c]]", "--to", "bob", "[]"}), ElementsAre("[a,b]", "[[c]]", "[]"));
  EXPECT_THAT(paths({"send", "--", "[a]"}), ElementsAre("[a]"));
  const auto send = std::get<SendOptions>(parsed({"send", "a", "--to", "[bob]", "--exclude", "[o]"}).verb);
  EXPECT_EQ(send.to, "[bob]");
  EXPECT_THAT(send.excludes, ElementsAre("[o]"));
  const auto receipts = std::get<ReceiptsOptions>(parsed({"receipts", "check", "3f2a", "[photos]"}).verb);
  EXPECT_THAT(std::get<ReceiptsOptions::Check>(receipts.action).paths, ElementsAre("[photos]"));
  EXPECT_EQ(std::get<ReceiveOptions>(parsed({"receive", "[code]"}).verb).code, "[code]");
  EXPECT_THAT(refused({"[send]"}), HasSubstr("\"[send]\""));
}

TEST(Options, OfConfigHaveTheNumberOfWhatWasSaidRepeatedly) {
  EXPECT_THAT(std::get<ConfigOptions>(parsed({"-v", "-v", "config"}).verb).given, ElementsAre(testing::Pair("verbose", ElementsAre("2"))));
}

TEST(Options, CanSayThatThereIsNoLimitAndNobodyInParticular) {
  EXPECT_EQ(std::get<SendOptions>(parsed({"send", "a", "--limit", "none"}).verb).limit, 0u);
  EXPECT_EQ(std::get<SupernodeOptions>(parsed({"supernode", "--rate", "none"}).verb).rate, std::nullopt);
  EXPECT_THAT(std::get<ReceiveOptions>(parsed({"receive", "--from", ""}).verb).from, ElementsAre());
}

TEST(Options, TakeEveryWordBehindTwoDashesForAnArgument) {
  const auto paths = [](const std::vector<const char*>& words) { return std::get<SendOptions>(parsed(words).verb).paths; };
  EXPECT_THAT(paths({"send", "a", "--", "b", "--to", "-x", "--", "--help"}), ElementsAre("a", "b", "--to", "-x", "--", "--help"));
  EXPECT_THAT(paths({"send", "--exclude", "--", "--", "-x"}), ElementsAre("-x"));
  EXPECT_THAT(refused({"id", "--", "--json"}), HasSubstr("--json"));
}

TEST(Options, AnswerHelpAndVersionOnStandardOutput) {
  for (const auto* question : {"--help", "--version"}) {
    const auto result = parse({question});
    ASSERT_TRUE(result);
    EXPECT_THAT(std::get<Answered>(*result).text, HasSubstr("pshare"));
  }
  EXPECT_THAT(std::get<Answered>(*parse({"send", "--help"})).text, HasSubstr("--exclude"));
}

}  // namespace
}  // namespace pshare
