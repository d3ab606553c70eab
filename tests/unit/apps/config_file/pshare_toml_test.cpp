// pshare.toml beside the command line: what can stand in it, what is wrong with it and in which line, and which of the two counts.
#include "apps/pshare/pshare_toml.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "apps/pshare/options.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

ConfigFile read(std::string_view text) { return read_pshare_toml("pshare.toml", text, "/home/ann"); }

std::string only_fault(std::string_view text) {
  const auto file = read(text);
  EXPECT_EQ(file.faults.size(), 1u) << text;
  return file.faults.empty() ? "" : file.at(file.faults.front().at) + file.faults.front().words;
}

Result<std::variant<Options, Answered>> parse(std::vector<const char*> arguments, const std::string& file) {
  arguments.insert(arguments.begin(), "pshare");
  return parse_options(static_cast<int>(arguments.size()), arguments.data(),
                       [&](const CommonOptions&) -> Result<std::optional<PshareTomlText>> { return std::optional{PshareTomlText{"pshare.toml", file, "/home/ann"}}; });
}

Options parsed(std::vector<const char*> arguments, const std::string& file) {
  const auto result = parse(std::move(arguments), file);
  EXPECT_TRUE(result) << (result ? "" : result.error().message());
  return result ? std::get<Options>(*result) : Options{};
}

template <typename T>
T parsed_verb(std::vector<const char*> arguments, const std::string& file) {
  return std::get<T>(parsed(std::move(arguments), file).verb);
}

TEST(PshareToml, SaysWhatTheCommandLineDoesNot) {
  const std::string file = "server = \"example.org\"\nname = \"Ann\"\nport = 4711\nno-tiers = [\"supernode\", \"relay\"]\ntransport = \"tcp\"\ntimeout = 90\nproxy = \"none\"\nverbose = 1\n"
                           "[send]\nlanes = 4\nlimit = \"2M\"\nlevel = 9\nexclude = [\"*.o\", \".git\"]\nchunk = \"1M\"\nno-qr = true\nreceipt = false\n"
                           "[receive]\ndir = \"~/in\"\nfrom = \"bob\"\nyes = true\non-conflict = \"skip\"\ngive-up = \"1h\"\n";
  const auto options = parsed({"send", "a"}, file);
  EXPECT_EQ(options.common.settings, (Settings{.server = "example.org", .name = "ann"}));
  EXPECT_EQ(options.common.server, std::nullopt) << "PSHARE_SERVER, and what a code names, are stronger than the file";
  EXPECT_EQ(options.common.port, Port{4711});
  EXPECT_THAT(options.common.tiers, ElementsAre(Tier::direct, Tier::mapped, Tier::punched));
  EXPECT_TRUE(options.common.tcp && !options.common.udp);
  EXPECT_EQ(options.common.timeout, Duration{90s});
  EXPECT_EQ(options.common.proxy, "none");
  EXPECT_EQ(options.common.verbosity, 1);
  const auto& send = std::get<SendOptions>(options.verb);
  EXPECT_EQ(send.lanes, 4u);
  EXPECT_EQ(send.limit, 2 * MiB);
  EXPECT_EQ(send.level.level, 9);
  EXPECT_THAT(send.excludes, ElementsAre("*.o", ".git"));
  EXPECT_EQ(send.chunk_size, MiB);
  EXPECT_FALSE(send.qr);
  EXPECT_EQ(send.receipt, ReceiptWish::none);
  const auto receive = parsed_verb<ReceiveOptions>({"receive"}, file);
  EXPECT_EQ(receive.directory, "/home/ann/in");
  EXPECT_THAT(receive.from, ElementsAre("bob"));
  EXPECT_TRUE(receive.yes && !receive.once);
  EXPECT_EQ(receive.on_conflict, OnConflict::skip);
  EXPECT_EQ(receive.give_up, Duration{1h});
}

TEST(PshareToml, IsWeakerThanTheCommandLine) {
  const std::string file = "timeout = \"1m\"\nport = 4711\n[send]\nlanes = 4\nexclude = [\"*.o\"]\nlimit = \"2M\"\n[receive]\nyes = true\ndir = \"/in\"\n";
  const auto options = parsed({"send", "a", "--lanes", "2", "--timeout", "2s", "--exclude", "*.a"}, file);
  EXPECT_EQ(options.common.timeout, Duration{2s});
  EXPECT_EQ(options.common.port, Port{4711});
  const auto& send = std::get<SendOptions>(options.verb);
  EXPECT_EQ(send.lanes, 2u);
  EXPECT_EQ(send.limit, 2 * MiB);
  EXPECT_THAT(send.excludes, ElementsAre("*.a"));
  const auto receive = parsed_verb<ReceiveOptions>({"receive", "--yes=false", "--dir", "d"}, file);
  EXPECT_FALSE(receive.yes);
  EXPECT_EQ(receive.directory, "d");
}

TEST(PshareToml, SaysInAVerbsTableWhatIsForThatVerbAlone) {
  const std::string file = "port = 4711\ntimeout = \"1m\"\n[supernode]\nport = 4712\n[receive]\nserver = \"one.example\"\n";
  EXPECT_EQ(parsed({"receive"}, file).common.port, Port{4711});
  EXPECT_EQ(parsed({"receive"}, file).common.settings.server, "one.example");
  EXPECT_EQ(parsed({"supernode"}, file).common.port, Port{4712});
  EXPECT_EQ(parsed({"supernode"}, file).common.settings.server, std::nullopt);
  EXPECT_EQ(parsed({"supernode", "--port", "4713"}, file).common.port, Port{4713});
  EXPECT_EQ(parsed({"contacts", "list"}, file).common.timeout, Duration{1min});
}

TEST(PshareToml, GivesWayToWhatTheCommandLineSaysOfTheSameMatter) {
  const std::string file = "no-tiers = \"relay\"\n[send]\ncode-words = 4\nreceipt = true\n";
  EXPECT_THAT(parsed({"id", "--tiers", "direct,relay"}, file).common.tiers, ElementsAre(Tier::direct, Tier::relay));
  EXPECT_THAT(parsed({"id", "--no-tiers", "direct"}, file).common.tiers, ElementsAre(Tier::mapped, Tier::punched, Tier::supernode, Tier::relay));
  EXPECT_EQ(parsed({"id", "--quiet"}, "verbose = 2\n").common.verbosity, 0);
  EXPECT_FALSE(parsed({"id", "--verbose"}, "quiet = true\n").common.quiet);
  EXPECT_EQ(parsed_verb<SendOptions>({"send", "a"}, file).code_words, 4u);
  EXPECT_EQ(parsed_verb<SendOptions>({"send", "a", "--to", "bob"}, file).to, "bob");
  EXPECT_EQ(parsed_verb<SendOptions>({"send", "a"}, file).receipt, ReceiptWish::asked_for);
  EXPECT_EQ(parsed_verb<SendOptions>({"send", "a", "--no-receipt"}, file).receipt, ReceiptWish::none);
  EXPECT_EQ(parsed_verb<SendOptions>({"send", "--text", "hi", "--to", "bob"}, file).receipt, std::nullopt);
}

TEST(PshareToml, IsUndoneByNoneAndByNobody) {
  const std::string file = "[send]\nlimit = \"2M\"\n[receive]\nfrom = [\"bob\"]\n[supernode]\nrate = \"1M\"\n";
  EXPECT_EQ(parsed_verb<SendOptions>({"send", "a", "--limit", "none"}, file).limit, 0u);
  EXPECT_THAT(parsed_verb<ReceiveOptions>({"receive", "--from", ""}, file).from, ElementsAre());
  EXPECT_EQ(parsed_verb<SupernodeOptions>({"supernode", "--rate", "none"}, file).rate, std::nullopt);
}

TEST(PshareToml, TellsTheServerForAllVerbsFromThatForInitAlone) {
  const auto both = parsed({"init"}, "server = \"all.example\"\n[init]\nserver = \"init.example\"\n").common;
  EXPECT_EQ(both.settings.server, "init.example");
  EXPECT_EQ(both.server_of_all, "all.example");
  EXPECT_EQ(parsed({"init"}, "[init]\nserver = \"init.example\"\n").common.server_of_all, std::nullopt);
}

TEST(PshareToml, IsWrongWhereAVerbCouldNeverRunWithIt) {
  EXPECT_THAT(only_fault("transport = \"udp\"\n[send]\ntiers = [\"relay\"]\n"), StartsWith("pshare.toml:3:9: [send] tiers: "));
  EXPECT_THAT(only_fault("no-tiers = [\"relay\"]\n[receive]\ntiers = [\"relay\"]\nyes = true\n"), StartsWith("pshare.toml:3:9: [receive] tiers: "));
  EXPECT_TRUE(read("transport = \"udp\"\n[supernode]\nrate = \"1M\"\n").faults.empty()) << "each of its own lines is right";
  EXPECT_TRUE(read("tiers = [\"relay\"]\n[send]\ntiers = [\"direct\"]\ntransport = \"udp\"\n").faults.empty());
}

TEST(PshareToml, SaysWhichOfItsLinesDoesNotGoTogetherWithTheCommandLine) {
  const auto refused = parse({"supernode"}, "timeout = \"1m\"\ntransport = \"udp\"\n");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::usage);
  EXPECT_THAT(refused.error().doing, StartsWith("pshare.toml:2:13: transport does not go together with this command line: "));
  EXPECT_THAT(refused.error().hint, HasSubstr("--transport"));
  EXPECT_TRUE(parse({"supernode"}, "transport = \"udp\"\n[supernode]\ntransport = \"any\"\n"));
  const auto wrong_anyway = parse({"send"}, "transport = \"udp\"\n");
  ASSERT_FALSE(wrong_anyway);
  EXPECT_THAT(wrong_anyway.error().doing, StartsWith("nothing to send"));
}

TEST(PshareToml, IsRefusedWithTheLineThatIsWrongAndWhatToWriteInstead) {
  const std::pair<const char*, std::vector<const char*>> table[]{
      {"\n\n\n\n\n[send]\nlimit = \"2X\"\n", {"pshare.toml:7:9: [send] limit: \"2X\" is not a rate", "10M"}},
      {"[send]\nlimt = \"2M\"\n", {"pshare.toml:2:1: ", "\"limt\" is nothing that can be said of [send]", "Perhaps you mean limit."}},
      {"sever = \"x\"\n", {"pshare.toml:1:1: \"sever\" is no setting", "Perhaps you mean server."}},
      {"lanes = 4\n", {"pshare.toml:1:1: ", "It can stand below [send]"}},
      {"limt = \"2M\"\n", {"pshare.toml:1:1: \"limt\" is no setting", "Perhaps you mean limit, below [send]."}},
      {"lanse = 4\n", {"pshare.toml:1:1: ", "Perhaps you mean lanes, below [send]."}},
      {"on_conflict = \"skip\"\n", {"pshare.toml:1:1: ", "Perhaps you mean on-conflict, below [receive]."}},
      {"[send]\nno_tiers = \"relay\"\n", {"pshare.toml:2:1: ", "Perhaps you mean no-tiers."}},
      {"[receive]\non_conflict = \"skip\"\n", {"pshare.toml:2:1: ", "Perhaps you mean on-conflict."}},
      {"[receive]\nlanes = 4\n", {"pshare.toml:2:1: ", "below [send]"}},
      {"[init]\nname = \"ann\"\n", {"pshare.toml:2:1: ", "above all tables"}},
      {"[sned]\nlanes = 4\n", {"pshare.toml:1:2: [sned] is no table", "Perhaps you mean send."}},
      {"[server]\nhost = \"x\"\n", {"pshare.toml:1:2: \"server\" is no table"}},
      {"[config]\npath = true\n", {"pshare.toml:1:2: [config] cannot stand here"}},
      {"[send]\nlanes = \"4\"\n", {"pshare.toml:2:9: [send] lanes is a whole number", "lanes = 1"}},
      {"[send]\nlanes = 17\n", {"pshare.toml:2:9: [send] lanes: ", "17"}},
      {"[send]\nlanes = -1\n", {"pshare.toml:2:9: [send] lanes is negative"}},
      {"verbose = -1\n", {"pshare.toml:1:11: verbose is negative"}},
      {"verbose = 99999999999\n", {"pshare.toml:1:11: verbose is a number from 0 to 9"}},
      {"[receive]\nyes = \"true\"\n", {"pshare.toml:2:7: [receive] yes is true or false"}},
      {"[receive]\nyes = 1\n", {"pshare.toml:2:7: [receive] yes is true or false"}},
      {"server = 4700\n", {"pshare.toml:1:10: server is a text in quotes"}},
      {"server = \"example.org:99999\"\n", {"pshare.toml:1:10: server: \"example.org:99999\" is not a server"}},
      {"server = [\"one.example\", \"two.example:x\"]\n", {"pshare.toml:1:10: server: "}},
      {"name = \"Zo\xC3\xAB\"\n", {"pshare.toml:1:8: name: "}},
      {"name = \"\"\n", {"pshare.toml:1:8: name is empty"}},
      {"proxy = \"ftp://x\"\n", {"pshare.toml:1:9: proxy: "}},
      {"tiers = \"direct,pigeon\"\n", {"pshare.toml:1:9: tiers: \"pigeon\" is no tier"}},
      {"tiers = []\n", {"pshare.toml:1:9: tiers is empty", "Leave the line out"}},
      {"tiers = \"relay\"\nno-tiers = \"relay\"\n", {"pshare.toml:2:12: no-tiers: ", "leave no way"}},
      {"transport = \"pigeon\"\n", {"pshare.toml:1:13: transport: pigeon"}},
      {"timeout = \"soon\"\n", {"pshare.toml:1:11: timeout: \"soon\" is not a duration"}},
      {"port = 70000\n", {"pshare.toml:1:8: port: "}},
      {"[send]\nreceipt = true\nno-receipt = true\n", {"pshare.toml:3:14: [send] no-receipt: ", "contradict"}},
      {"[receive]\ndir = \"in\"\n", {"pshare.toml:2:7: [receive] dir \"in\" must be a whole path"}},
      {"[receive]\ndir = \"/in\\temp\"\n", {"pshare.toml:2:7: [receive] dir ", "control character", "twice"}},
#ifndef _WIN32
      {"[receive]\ndir = '~\\in'\n", {"pshare.toml:2:7: [receive] dir ", "must be a whole path"}},
#endif
      {"home = \"/x\"\n", {"pshare.toml:1:1: \"home\" cannot stand here", "PSHARE_HOME"}},
      {"json = true\n", {"pshare.toml:1:1: \"json\" cannot stand here"}},
      {"[send]\njson = true\n", {"pshare.toml:2:1: \"json\" cannot stand here"}},
      {"[send]\nto = \"bob\"\n", {"pshare.toml:2:1: \"to\" cannot stand here"}},
      {"[send]\ntext = \"hi\"\n", {"pshare.toml:2:1: \"text\" cannot stand here"}},
      {"[receive]\ncode = \"4821-comet-walnut\"\n", {"pshare.toml:2:1: \"code\" cannot stand here"}},
      {"[receive]\nstdout = true\n", {"pshare.toml:2:1: \"stdout\" cannot stand here"}},
      {"help = true\n", {"pshare.toml:1:1: \"help\" is no setting"}},
      {"timeout = \"1m\"\ntimeout = \"2m\"\n", {"pshare.toml:2:", "timeout"}},
      {"timeout = \"1m\n", {"pshare.toml:1:"}},
  };
  for (const auto& [text, words] : table) {
    const auto fault = only_fault(text);
    EXPECT_THAT(fault, StartsWith(words.front())) << text;
    for (const auto* each : words) EXPECT_THAT(fault, HasSubstr(each)) << text;
  }
}

TEST(PshareToml, NamesAllThatIsWrongInTheOrderOfTheFile) {
  const std::string text = "timeout = \"soon\"\n[send]\nlimit = \"2X\"\nlanes = 99\nlimt = 1\n[nonsense]\n";
  std::vector<std::size_t> lines;
  for (const auto& each : read(text).faults) lines.push_back(each.at.line);
  EXPECT_THAT(lines, ElementsAre(1u, 3u, 4u, 5u, 6u));
  const auto refused = parse({"id"}, text);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::usage);
  EXPECT_THAT(refused.error().doing, StartsWith("pshare.toml:1:11: timeout"));
  EXPECT_THAT(refused.error().hint, HasSubstr("4 more lines are wrong"));
}

TEST(PshareToml, IsNotAskedForByConfig) {
  const auto options = parsed({"config", "--timeout", "5s"}, "nonsense");
  EXPECT_EQ(std::get<ConfigOptions>(options.verb).what, ConfigOptions::What::settings);
  EXPECT_THAT(std::get<ConfigOptions>(options.verb).given, testing::UnorderedElementsAre(testing::Pair("timeout", ElementsAre("5s"))));
  EXPECT_EQ(parsed_verb<ConfigOptions>({"config", "check"}, "nonsense").what, ConfigOptions::What::faults);
  EXPECT_EQ(parsed_verb<ConfigOptions>({"config", "--path"}, "nonsense").what, ConfigOptions::What::path);
  EXPECT_EQ(parsed_verb<ConfigOptions>({"config", "--sample"}, "nonsense").what, ConfigOptions::What::sample);
  EXPECT_FALSE(parse({"config", "--sample", "--path"}, ""));
  EXPECT_FALSE(parse({"config", "check", "--path"}, ""));
}

/// Every key with what it would say by default, or else with its example: both belong to the same text of the grammar.
std::string file_with(const std::vector<ConfigKey>& keys, bool defaults) {
  std::string text, table;
  for (const auto& key : keys) {
    if (defaults && key.by_default.empty()) continue;
    if (!defaults && key.name == "no-receipt") continue;  // which contradicts --receipt
    if (key.table != table) text += "[" + (table = key.table) + "]\n";
    text += key.name + " = " + (defaults ? key.by_default : key.example) + "\n";
  }
  return text;
}

TEST(PshareToml, TakesTheExampleOfEachKey) {
  const auto file = read(file_with(pshare_toml_keys(pshare_command()), false));
  for (const auto& fault : file.faults) ADD_FAILURE() << file.at(fault.at) << fault.words;
  EXPECT_GT(file.options.size(), 30u);
}

TEST(PshareToml, ChangesNothingWhereItSaysTheDefaults) {
  const auto text = file_with(pshare_toml_keys(pshare_command()), true);
  EXPECT_THAT(text, HasSubstr("timeout = \"10m\""));
  const auto common = [](const CommonOptions& options) {
    return std::tuple{options.server, options.proxy, options.port, options.tiers, options.tcp, options.udp, options.timeout.value_or(default_timeout), options.quiet, options.verbosity};
  };
  EXPECT_EQ(common(parsed({"id"}, text).common), common(parsed({"id"}, "").common));
  const auto send = [](const std::string& file) {
    const auto each = parsed_verb<SendOptions>({"send", "a"}, file);
    return std::tuple{each.excludes, each.lanes, each.limit, each.level.mode, each.chunk_size, each.give_up, each.trust_new, each.code_words, each.qr, each.receipt};
  };
  EXPECT_EQ(send(text), send(""));
  const auto receive = [](const std::string& file) {
    const auto each = parsed_verb<ReceiveOptions>({"receive"}, file);
    return std::tuple{each.directory, each.from, each.yes, each.once, each.trust_new, each.give_up, each.on_conflict};
  };
  EXPECT_EQ(receive(text), receive(""));
  const auto pair = [](const std::string& file) {
    const auto each = parsed_verb<PairOptions>({"pair"}, file);
    return std::tuple{each.code_words, each.qr};
  };
  EXPECT_EQ(pair(text), pair(""));
  const auto supernode = [](const std::string& file) {
    const auto each = parsed_verb<SupernodeOptions>({"supernode"}, file);
    return std::tuple{each.sessions, each.rate, each.volume, each.for_anyone};
  };
  EXPECT_EQ(supernode(text), supernode(""));
}

TEST(PshareToml, HasEveryOptionOfTheCommandLineOrAReasonWhyNot) {
  const auto root = pshare_command();
  const auto keys = pshare_toml_keys(root);  // throws for an option that nobody has told it of
  const auto has = [&](std::string_view table, std::string_view name) {
    return std::ranges::any_of(keys, [&](const ConfigKey& each) { return each.table == table && each.name == name; });
  };
  for (const auto* name : {"name", "server", "proxy", "port", "tiers", "no-tiers", "transport", "timeout", "quiet", "verbose"}) EXPECT_TRUE(has("", name)) << name;
  for (const auto* name : {"lanes", "limit", "level", "chunk", "exclude", "give-up", "trust-new", "code-words", "no-qr", "receipt", "no-receipt"}) EXPECT_TRUE(has("send", name)) << name;
  for (const auto* name : {"dir", "from", "yes", "once", "trust-new", "give-up", "on-conflict"}) EXPECT_TRUE(has("receive", name)) << name;
  for (const auto* name : {"sessions", "rate", "volume", "for"}) EXPECT_TRUE(has("supernode", name)) << name;
  for (const auto& verb : root.verbs)
    for (const auto& option : verb.options) {
      const auto name = option.names.back().substr(2);
      if (name == "help" || has(verb.word(), name) || (verb.word() == "init" && name == "name")) continue;
      const auto file = read("[" + std::string{verb.word()} + "]\n" + name + " = 1\n");
      ASSERT_FALSE(file.faults.empty()) << verb.name << " " << name;
      EXPECT_THAT(file.faults.front().words, HasSubstr("cannot stand here: ")) << verb.name << " " << name;
    }
}

TEST(PshareToml, IsDescribedByNothingThatIsNotThere) {
  const auto root = pshare_command();
  const auto stale = [&](const KeyRefusal& refusal) {
    std::vector<KeyRefusal> refusals;
    for (const auto& verb : root.verbs) refusals.push_back({verb.word(), "", "not asked about here."});
    for (const auto& option : root.options) refusals.push_back({"", std::string_view{option.names.back()}.substr(2), "likewise."});
    EXPECT_TRUE(config_keys(root, {}, refusals).empty());
    refusals.push_back(refusal);
    return refusals;
  };
  EXPECT_THROW(config_keys(root, {}, stale({"completion", "", "it is no verb."})), std::logic_error);
  EXPECT_THROW(config_keys(root, {}, stale({"send", "too", "it is no option."})), std::logic_error);
  EXPECT_TRUE(config_keys(root, {}, stale({"send", "path", "it is an argument."})).empty());
}

TEST(PshareToml, TellsWhatAValueCanBeFromWhatIsProposedAtTheTabKey) {
  const auto keys = pshare_toml_keys(pshare_command());
  const auto choices = [&](std::string_view name) { return std::ranges::find(keys, name, &ConfigKey::full_name)->choices; };
  EXPECT_THAT(choices("transport"), ElementsAre("tcp", "udp", "any"));
  EXPECT_THAT(choices("send.level"), ElementsAre());  // 1 to 19, not just those that are proposed
  EXPECT_THAT(choices("proxy"), ElementsAre());
}

TEST(PshareToml, HasASampleThatSaysNothingUntilALineIsUncommented) {
  const auto sample = pshare_toml_sample();
  EXPECT_TRUE(read(sample).faults.empty());
  EXPECT_TRUE(read(sample).options.empty());
  std::string uncommented;
  std::istringstream lines{sample};
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 120u) << line;
    const bool setting = line.starts_with('#') && !line.starts_with("# ") && line.find(" = ") != std::string::npos;
    uncommented += (setting ? line.substr(1) : line) + "\n";
  }
  const auto file = read(uncommented);
  for (const auto& fault : file.faults) ADD_FAILURE() << file.at(fault.at) << fault.words;
  EXPECT_EQ(file.options.size(), pshare_toml_keys(pshare_command()).size());
}

}  // namespace
}  // namespace pshare
