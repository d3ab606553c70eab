#include "apps/pshare/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <map>
#include <sstream>

#include "apps/command_line/help.hpp"
#include "apps/command_line/misspelt.hpp"
#include "apps/config_file/standing.hpp"
#include "apps/pshare/exit_status.hpp"
#include "apps/pshare/notes.hpp"
#include "apps/pshare/quantities.hpp"
#include "apps/pshare/server_spec.hpp"
#include "apps/version.hpp"
#include "io/proxy.hpp"
#include "traversal/path_rank.hpp"
#include "wire/control.hpp"
#include "wire/lane_messages.hpp"
#include "wire/native_path.hpp"
#include "wire/signal.hpp"

namespace pshare {

namespace {

/// Turns one of our Results into CLI11's way of refusing an argument.
template <typename T>
T checked(Result<T> result, const std::string& option) {
  if (result) return *std::move(result);
  auto words = option + ": " + result.error().doing;
  if (!result.error().hint.empty()) words += ". " + result.error().hint;
  throw CLI::ValidationError{words};
}

std::vector<Tier> tiers_from(const std::string& list, const std::string& option) {
  std::vector<Tier> tiers;
  std::istringstream words{list};
  for (std::string each; std::getline(words, each, ',');) {
    const auto tier = tier_from(each);
    if (!tier)
      throw CLI::ValidationError{option + ": \"" + each + "\" is no tier. There are direct, mapped, punched, supernode and relay."};
    tiers.push_back(*tier);
  }
  return tiers;
}

std::optional<std::string> joined(const std::vector<std::string>& words) {
  if (words.empty()) return std::nullopt;
  std::string list;
  for (const auto& each : words) list += (list.empty() ? "" : ",") + each;
  return list;
}

/// The text of options that need parsing of our own, until the command line is read.
struct Texts {
  std::vector<std::string> servers;
  std::string proxy, home, tiers, no_tiers, transport = "any", timeout, limit, level = "auto", chunk, conflict = "rename";
  std::string name, to, as, text, code, with, lifetime, give_up, rate, volume, receipt, for_whom = "contacts";
  std::string contact_name, contact_id, accept, max_size, rule_dir;
  std::vector<std::string> paths, asked_about;
  std::uint16_t port = 0;
  bool by_default = false;
  bool receipt_asked_for = false, no_receipt = false;
};

/// CLI11 takes a word like "[a,b]" for a list, and apart, where an argument may be repeated; and behind "--" it gives no more words to a verb that has had one.
/// Files can have such names. Marked by what no word from outside can have in it, a word is an argument, and stays whole.
constexpr char whole_mark = '\0';

std::string unmarked(std::string word) {
  std::erase(word, whole_mark);
  return word;
}

std::vector<CLI::App*> verbs_of(CLI::App& app) {
  return app.get_subcommands([](CLI::App*) { return true; });
}

/// What is marked reaches the arguments of all verbs as it was typed.
void unmark_arguments(CLI::App& app) {
  for (auto* option : app.get_options())
    if (option->get_positional()) option->transform(unmarked);
  for (auto* verb : verbs_of(app)) unmark_arguments(*verb);
}

bool takes_next_word(CLI::App& app, const std::string& word) {
  if (!word.starts_with("--")) return false;
  if (const auto* option = app.get_option_no_throw(word); option && option->get_items_expected_max() > 0) return true;
  return std::ranges::any_of(verbs_of(app), [&](CLI::App* verb) { return takes_next_word(*verb, word); });
}

/// What CLI11 is to read, in its order: the last word first, without the name of the program.
std::vector<std::string> marked_words(CLI::App& app, int argc, const char* const* argv) {
  std::vector<std::string> words;
  bool is_value = false, only_arguments = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word{argv[i]};
    if (!is_value && !only_arguments && word == "--") {
      only_arguments = true;
      continue;
    }
    const bool mark = only_arguments || (!is_value && word.starts_with('[') && word.ends_with(']'));
    words.push_back(mark ? whole_mark + word : word);
    is_value = !is_value && !only_arguments && takes_next_word(app, word);
  }
  std::ranges::reverse(words);
  return words;
}

/// CLI11's own paths are right on POSIX alone.
std::vector<std::filesystem::path> paths_from(const std::vector<std::string>& texts) {
  std::vector<std::filesystem::path> paths;
  for (const auto& each : texts) paths.push_back(path_from(each));
  return paths;
}

void add_common(CLI::App& app, CommonOptions& common, Texts& texts) {
  app.option_defaults()->group("Servers");
  app.add_option("--server", texts.servers, "The rendezvous, HOST:PORT or HOST:PORT#FINGERPRINT (or PSHARE_SERVER); several, by commas or repeated, stand in for each other")
      ->type_name("HOST:PORT")
      ->allow_extra_args(false);
  app.add_option("--proxy", texts.proxy, "Reach servers through this proxy alone: http://[USER:PASSWORD@]HOST:PORT, socks5://..., or none (default: HTTPS_PROXY, ALL_PROXY)")
      ->type_name("URL");
  app.option_defaults()->group("Ways to the peer");
  app.add_option("--port", texts.port, "A port that your router forwards to this machine")->type_name("P")->check(CLI::Range(1, 65535));
  app.add_option("--tiers", texts.tiers, "Use only these ways to the peer, separated by commas: direct, mapped, punched, supernode, relay")->type_name("LIST");
  app.add_option("--no-tiers", texts.no_tiers, "Do not use these")->type_name("LIST");
  app.add_option("--transport", texts.transport, "What carries the bytes, as far as the tier leaves a choice (default: any)")->check(CLI::IsMember({"tcp", "udp", "any"}));
  app.add_option("--timeout", texts.timeout, "How long to wait for the other side: its presence, its answer, a path (default 10m)")->type_name("DURATION");
  app.option_defaults()->group(std::string{options_group});
  app.add_option("--home", texts.home, "Where identity and contacts are kept (or PSHARE_HOME)")->type_name("DIR");
  app.add_flag("--json", common.json, "One JSON object a line on standard output");
  app.add_flag("-q,--quiet", common.quiet, "Errors only");
  app.add_flag("-v,--verbose", common.verbosity, "Say more; twice: everything");
}

/// Here and in what follows: from what has been put into `texts`, as often as it is called.
void finish_common(CommonOptions& common, const Texts& texts) {
  common.server = joined(texts.servers);
  if (common.server) checked(parse_servers(*common.server), "--server");
  if (!texts.proxy.empty()) common.proxy = texts.proxy;
  if (common.proxy && *common.proxy != "none") checked(Proxy::parse(*common.proxy), "--proxy");
  if (!texts.home.empty()) common.home = path_from(texts.home);
  if (texts.port != 0) common.port = Port{texts.port};
  common.tiers = texts.tiers.empty() ? std::vector<Tier>{all_tiers.begin(), all_tiers.end()} : tiers_from(texts.tiers, "--tiers");
  for (const auto tier : tiers_from(texts.no_tiers, "--no-tiers")) std::erase(common.tiers, tier);
  if (common.tiers.empty()) throw CLI::ValidationError{"--tiers and --no-tiers leave no way to the peer. Allow at least one."};
  if (texts.transport == "udp" && std::ranges::none_of(common.tiers, [](Tier tier) { return is_straight(tier); }))
    throw CLI::ValidationError{"--tiers leaves only supernode and relay, which are reached over TCP, and --transport udp rules that out. Leave one of the two away."};
  common.tcp = texts.transport != "udp";
  common.udp = texts.transport != "tcp";
  if (!texts.timeout.empty()) common.timeout = checked(parse_duration(texts.timeout), "--timeout");
}

void add_give_up(CLI::App& verb, Texts& texts) {
  verb.add_option("--give-up", texts.give_up, "How long to look for another way when a transfer that had begun has lost its path (default 24h)")->type_name("DURATION");
}

void finish_give_up(Duration& give_up, const Texts& texts) {
  if (!texts.give_up.empty()) give_up = checked(parse_duration(texts.give_up), "--give-up");
}

void add_code(CLI::App& verb, std::size_t& words, bool& qr) {
  verb.add_option("--code-words", words, "Words of the one-time code that is shown, 2 to 8 (default 2: 20 bits for one guess)")
      ->type_name("N")
      ->check(CLI::Range(min_code_words, max_code_words));
  verb.add_flag("!--no-qr", qr, "Show no QR code of it");
}

void add_send(CLI::App& verb, SendOptions& send, Texts& texts) {
  verb.option_defaults()->group("What");
  verb.add_option("PATH", texts.paths, "Files and directories; - is standard input");
  verb.add_option("--text", texts.text, "A message instead of files")->type_name("TEXT");
  verb.add_option("--exclude", send.excludes, "Leave out what this pattern matches; may be repeated")->type_name("PATTERN")->allow_extra_args(false);
  verb.option_defaults()->group("To whom");
  verb.add_option("--to", texts.to, "A contact, a name at the server, or a peer ID; without it a one-time code is shown for whoever is told it")->type_name("NAME|ID");
  verb.add_flag("--trust-new", send.trust_new, "Accept and pin a name of the server's directory that is new to you, without asking");
  add_code(verb, send.code_words, send.qr);
  verb.option_defaults()->group("How");
  verb.add_option("--lanes", send.lanes, "Connections side by side, 1 to 16 (default 1)")->type_name("N")->check(CLI::Range(std::uint64_t{1}, max_lanes));
  verb.add_option("--limit", texts.limit, "At most so many bytes each second, for instance 500K or 10M, or none")->type_name("RATE");
  verb.add_option("--level", texts.level, "Compression by zstd; auto follows the line and the data (default: auto)")->type_name("auto|none|1..19");
  verb.add_option("--chunk", texts.chunk, "Size of a chunk, 64K to 4M (default: by the size of the transfer)")->type_name("SIZE");
  add_give_up(verb, texts);
  auto* with = verb.add_flag("--receipt", texts.receipt_asked_for, "Ask for a signed receipt (default: where both machines have three processors or more)");
  verb.add_flag("--no-receipt", texts.no_receipt, "Do without one")->excludes(with);
}

void finish_send(SendOptions& send, const CLI::App& verb, const Texts& texts) {
  send.paths = paths_from(texts.paths);
  if (verb.count("--to")) send.to = texts.to;
  if (verb.count("--text")) send.text = texts.text;
  if (texts.receipt_asked_for && texts.no_receipt) throw CLI::ValidationError{"--receipt and --no-receipt contradict each other. Leave one of the two away."};
  if (verb.count("--receipt")) send.receipt = texts.receipt_asked_for ? ReceiptWish::asked_for : ReceiptWish::none;
  if (texts.no_receipt) send.receipt = ReceiptWish::none;
  if (send.text && send.receipt == ReceiptWish::asked_for) throw CLI::ValidationError{"--receipt is for files and streams: that a text was shown is the answer to it."};
  finish_give_up(send.give_up, texts);
  if (texts.limit == "none") send.limit = 0;
  else if (!texts.limit.empty()) send.limit = checked(parse_rate(texts.limit), "--limit");
  if (!texts.chunk.empty()) {
    send.chunk_size = checked(parse_size(texts.chunk), "--chunk");
    if (send.chunk_size < min_chunk_size || send.chunk_size > max_chunk_size)
      throw CLI::ValidationError{"--chunk: a chunk has 64K to 4M."};
  }
  if (texts.level == "none") {
    send.level.mode = LevelSetting::Mode::none;
  } else if (texts.level != "auto") {
    const auto level = parse_size(texts.level);
    if (!level || *level < 1 || *level > 19) throw CLI::ValidationError{"--level: \"" + texts.level + "\" is not auto, none, or 1 to 19."};
    send.level = {.mode = LevelSetting::Mode::fixed, .level = static_cast<int>(*level)};
  }
  const bool standard_input = std::ranges::find(send.paths, "-") != send.paths.end();
  if (send.text && !send.paths.empty()) throw CLI::ValidationError{"--text sends a message instead of files: give one or the other."};
  if (!send.text && send.paths.empty()) throw CLI::ValidationError{"nothing to send. Name files or directories, - for standard input, or use --text."};
  if (standard_input && send.paths.size() > 1) throw CLI::ValidationError{"- (standard input) cannot be sent together with files."};
  if (send.text && send.text->size() > max_text) throw CLI::ValidationError{"--text: at most 16 KiB fit. Put it into a file and send that."};
  if (send.to && verb.count("--code-words")) throw CLI::ValidationError{"--code-words is about the code that is shown without --to. Leave one of the two away."};
}

void add_receive(CLI::App& verb, ReceiveOptions& receive, Texts& texts) {
  verb.option_defaults()->group("From whom");
  verb.add_option("CODE", texts.code, "A one-time code of the sender's, or - to read one from standard input (also PSHARE_CODE); it can be typed later as well");
  verb.add_option("--from", receive.from, "Only from this contact; may be repeated")->type_name("NAME")->allow_extra_args(false);
  verb.add_flag("--yes", receive.yes, "Accept offers from contacts (and, with CODE, that one offer) without asking");
  verb.add_flag("--trust-new", receive.trust_new, "With --yes: also from senders new to you whose name the server's directory confirms; they become contacts");
  verb.option_defaults()->group("Where to");
  verb.add_option_function<std::string>("--dir", [&](const std::string& text) { receive.directory = path_from(text); }, "Where received files go (default: the current directory)")->type_name("DIR");
  verb.add_flag("--stdout", receive.to_stdout, "Write the one file (or stream) received to standard output");
  verb.add_option("--on-conflict", texts.conflict, "What to do with a file whose name is taken (default: rename)")->check(CLI::IsMember({"rename", "overwrite", "skip"}));
  verb.option_defaults()->group("How long");
  verb.add_flag("--once", receive.once, "Exit after one transfer");
  add_give_up(verb, texts);
}

void finish_receive(ReceiveOptions& receive, const CommonOptions& common, const Texts& texts) {
  if (!texts.code.empty()) receive.code = texts.code;
  std::erase(receive.from, "");  // nobody in particular, whatever the file says
  finish_give_up(receive.give_up, texts);
  receive.on_conflict = texts.conflict == "overwrite" ? OnConflict::overwrite
                        : texts.conflict == "skip"    ? OnConflict::skip
                                                      : OnConflict::rename;
  if (receive.to_stdout && common.json) throw CLI::ValidationError{"--stdout and --json both want standard output: use one of them."};
  if (receive.to_stdout) receive.once = true;
}

void add_rule(CLI::App& verb, ContactsOptions::Rule& rule, Texts& texts) {
  auto* name = verb.add_option("NAME", texts.contact_name, "Whose offers it is about");
  verb.add_flag("--default", texts.by_default, "The rule for contacts that have none of their own")->excludes(name);
  verb.add_option("--accept", texts.accept, "Take it without a question (always), with one even where --yes is given (ask), or not at all (never)")->check(CLI::IsMember({"always", "ask", "never"}));
  verb.add_option("--max-size", texts.max_size, "How much is taken without asking, for instance 10G")->type_name("SIZE");
  verb.add_option("--dir", texts.rule_dir, "The folder that it goes to")->type_name("DIR");
  verb.add_flag("--clear", rule.clear, "Forget what the rule said; what else is given here is the new one");
}

ContactsOptions::Rule finished_rule(ContactsOptions::Rule rule, const CLI::App& verb, const Texts& texts) {
  if (verb.count("NAME")) rule.name = checked(parse_name(texts.contact_name), "NAME");
  if (!rule.name && !texts.by_default) throw CLI::ValidationError{"whose rule? Name a contact, or say --default for those that have none of their own."};
  if (verb.count("--accept")) rule.change.accept = acceptance_from(texts.accept);
  if (verb.count("--max-size")) rule.change.max_size = checked(parse_size(texts.max_size), "--max-size");
  if (!verb.count("--dir")) return rule;
  std::error_code trouble;
  const auto absolute = std::filesystem::absolute(path_from(texts.rule_dir), trouble);  // `pshare receive` may run elsewhere
  if (trouble || texts.rule_dir.empty()) throw CLI::ValidationError{"--dir: \"" + texts.rule_dir + "\" is no folder."};
  rule.change.directory = absolute.lexically_normal();
  return rule;
}

void add_doctor(CLI::App& verb, Texts& texts) {
  verb.add_option("--with", texts.with, "A contact who is online (`pshare receive` or `pshare doctor --with YOU`): which tier the two of you will get, and why")->type_name("NAME");
  verb.add_option("--lifetime", texts.lifetime, "Also look for how long an idle UDP mapping lives; takes that long")->type_name("DURATION");
}

void finish_doctor(DoctorOptions& doctor, const CLI::App& verb, const Texts& texts) {
  if (verb.count("--with")) doctor.with = texts.with;
  if (!texts.lifetime.empty()) doctor.lifetime = checked(parse_duration(texts.lifetime), "--lifetime");
  constexpr std::chrono::minutes longest{10};
  if (doctor.lifetime && (*doctor.lifetime > longest || *doctor.lifetime < std::chrono::seconds{10}))
    throw CLI::ValidationError{"--lifetime: from 10 s to 10 min."};
}

void add_supernode(CLI::App& verb, SupernodeOptions& supernode, Texts& texts) {
  verb.add_option("--sessions", supernode.sessions, "Lanes of others at once, 1 to 1024 (default 16)")->type_name("N")->check(CLI::Range(std::uint64_t{1}, max_supernode_sessions));
  verb.add_option("--rate", texts.rate, "At most so many bytes each second, for all of them together, for instance 500K or 10M, or none")->type_name("RATE");
  verb.add_option("--volume", texts.volume, "At most so many bytes a month, for instance 100G")->type_name("SIZE");
  verb.add_option("--for", texts.for_whom, "Whom to help (default: contacts)")->check(CLI::IsMember({"contacts", "anyone"}));
}

void finish_supernode(SupernodeOptions& supernode, const CommonOptions& common, const Texts& texts) {
  if (texts.rate == "none") supernode.rate.reset();
  else if (!texts.rate.empty()) supernode.rate = checked(parse_rate(texts.rate), "--rate");
  if (!texts.volume.empty()) {
    supernode.volume = checked(parse_size(texts.volume), "--volume");
    if (*supernode.volume == 0) throw CLI::ValidationError{"--volume: with 0 bytes a month nobody could be helped. Leave it out for no limit."};
  }
  supernode.for_anyone = texts.for_whom == "anyone";
  if (!common.tcp) throw CLI::ValidationError{"--transport udp: a supernode carries TCP connections. Leave it out."};
}

void add_config(CLI::App& verb, CLI::App*& check, bool& path, bool& sample) {
  verb.require_subcommand(0, 1);
  check = verb.add_subcommand("check", "Whether everything in pshare.toml can be understood, and each line that cannot");
  auto* with = verb.add_flag("--path", path, "Where the file is, or would be");
  verb.add_flag("--sample", sample, "A file with everything that can stand in it, explained and commented out")->excludes(with);
}

/// The verbs and options as CLI11 knows them, and where it puts what was given. The one description of the command line: help, man pages and completions
/// are made from it as well (pshare_command()).
struct CommandLine {
  CommonOptions common;
  InitOptions init;
  SendOptions send;
  ReceiveOptions receive;
  ContactsOptions contacts;
  PairOptions pair;
  DoctorOptions doctor;
  SupernodeOptions supernode;
  ReceiptsOptions::Check check;
  Texts texts;
  ContactsOptions::Rule wanted_rule;
  CLI::App app{"Moves files straight from your machine to another person's.", "pshare"};
  CLI::App *init_verb, *id_verb, *send_verb, *receive_verb, *pair_verb, *peers_verb, *doctor_verb, *supernode_verb, *help_verb;
  CLI::App *contacts_verb, *list, *add, *remove, *verify, *rule;
  CLI::App *receipts_verb, *receipts_list, *receipts_check;
  CLI::App *config_verb, *config_check;
  bool config_path = false, config_sample = false;

  CommandLine();
  Verb verb();
  ConfigOptions config();
  /// Of a key of pshare.toml.
  CLI::Option& option(const ConfigKey& key);
};

CommandLine::CommandLine() {
  app.set_version_flag("--version", version_of_pshare());
  app.fallthrough();
  app.require_subcommand(1);
  add_common(app, common, texts);

  init_verb = app.add_subcommand("init", "Make an identity, remember the server, register a name there");
  init_verb->add_option("--name", texts.name, "How others address you")->type_name("NAME");
  id_verb = app.add_subcommand("id", "Show your name, peer ID and fingerprint words");
  send_verb = app.add_subcommand("send", "Send files, directories, standard input or a text");
  add_send(*send_verb, send, texts);
  receive_verb = app.add_subcommand("receive", "Wait for offers and receive what you agree to");
  add_receive(*receive_verb, receive, texts);
  contacts_verb = app.add_subcommand("contacts", "Whom you know: list, add, remove, verify, rule");
  contacts_verb->require_subcommand(0, 1);
  list = contacts_verb->add_subcommand("list", "All contacts (the default)");
  add = contacts_verb->add_subcommand("add", "Pin a peer ID under a name");
  remove = contacts_verb->add_subcommand("remove", "Forget a contact");
  verify = contacts_verb->add_subcommand("verify", "Compare words with a contact, which are the same on both machines if nobody is in between");
  rule = contacts_verb->add_subcommand("rule", "What is accepted from a contact: without asking or not, how much, into which folder");
  add->add_option("NAME", texts.contact_name, "What to call them")->required();
  add->add_option("ID", texts.contact_id, "Their peer ID, as `pshare id` shows it there")->required();
  remove->add_option("NAME", texts.contact_name, "Whom")->required();
  verify->add_option("NAME", texts.contact_name, "With whom")->required();
  add_rule(*rule, wanted_rule, texts);
  pair_verb = app.add_subcommand("pair", "Make two people contacts of each other, by a one-time code");
  pair_verb->add_option("CODE", texts.code, "The code that the other side shows, or - to read it from standard input (also PSHARE_CODE); without one a code is shown");
  pair_verb->add_option("--as", texts.as, "What to call the other side (default: what they call themselves)")->type_name("NAME");
  add_code(*pair_verb, pair.code_words, pair.qr);
  peers_verb = app.add_subcommand("peers", "Which of your contacts are online");
  doctor_verb = app.add_subcommand("doctor", "What this network allows, and what you could change");
  add_doctor(*doctor_verb, texts);
  supernode_verb = app.add_subcommand("supernode", "Carry the transfers of contacts (or of anyone) who have no path of their own");
  add_supernode(*supernode_verb, supernode, texts);
  receipts_verb = app.add_subcommand("receipts", "What others have signed that they received from you");
  receipts_verb->require_subcommand(0, 1);
  receipts_list = receipts_verb->add_subcommand("list", "All receipts (the default)");
  receipts_check = receipts_verb->add_subcommand("check", "Check signatures; with PATHs, also that these are the files that were received");
  receipts_check->add_option("NUMBER", texts.receipt, "The receipt's number, or its first digits (default: all)");
  receipts_check->add_option("PATH", texts.paths, "What was sent, as it was named then and in that order");
  receipts_check->add_option("--exclude", check.excludes, "What had been left out; may be repeated")->type_name("PATTERN")->allow_extra_args(false);
  config_verb = app.add_subcommand("config", "What is in force, and from where: the command line, the environment, pshare.toml");
  add_config(*config_verb, config_check, config_path, config_sample);
  help_verb = app.add_subcommand("help", "What a verb does, and what it can be told");
  help_verb->add_option("VERB", texts.asked_about, "Which one; for instance `contacts add`");
  for (auto* verb : {config_verb, config_check, help_verb, receipts_verb, receipts_list, receipts_check, init_verb, id_verb, send_verb, receive_verb, contacts_verb, pair_verb, peers_verb, doctor_verb, supernode_verb, list, add, remove, verify, rule}) verb->fallthrough();
  unmark_arguments(app);
}

/// What was asked for, once it has been parsed.
Verb CommandLine::verb() {
  if (*init_verb) {
    if (init_verb->count("--name")) init.name = checked(parse_name(texts.name), "--name");
    return init;
  }
  if (*id_verb) return IdOptions{};
  if (*send_verb) {
    finish_send(send, *send_verb, texts);
    return send;
  }
  if (*receive_verb) {
    finish_receive(receive, common, texts);
    return receive;
  }
  if (*contacts_verb) {
    if (*add) contacts.action = ContactsOptions::Add{checked(parse_name(texts.contact_name), "NAME"), texts.contact_id};
    if (*remove) contacts.action = ContactsOptions::Remove{texts.contact_name};
    if (*verify) contacts.action = ContactsOptions::Verify{texts.contact_name};
    if (*rule) contacts.action = finished_rule(wanted_rule, *rule, texts);
    return contacts;
  }
  if (*pair_verb) {
    if (!texts.code.empty()) pair.code = texts.code;
    if (pair_verb->count("--as")) pair.as = checked(parse_name(texts.as), "--as");
    return pair;
  }
  if (*doctor_verb) {
    finish_doctor(doctor, *doctor_verb, texts);
    return doctor;
  }
  if (*supernode_verb) {
    finish_supernode(supernode, common, texts);
    return supernode;
  }
  if (*receipts_verb) {
    if (!texts.receipt.empty()) check.number = texts.receipt;
    check.paths = paths_from(texts.paths);
    return *receipts_check ? ReceiptsOptions{check} : ReceiptsOptions{ReceiptsOptions::List{}};
  }
  if (*config_verb) return config();
  return PeersOptions{};
}

ConfigOptions CommandLine::config() {
  ConfigOptions config;
  if (config_path) config.what = ConfigOptions::What::path;
  if (config_sample) config.what = ConfigOptions::What::sample;
  if (*config_check) config.what = ConfigOptions::What::faults;
  if (*config_check && (config_path || config_sample)) throw CLI::ValidationError{"check takes neither --path nor --sample."};
  for (const auto* each : app.get_options())
    if (each->count() > 0) config.given[each->get_lnames().front()] = each->results();
  if (config.given.contains("verbose")) config.given["verbose"] = {std::to_string(common.verbosity)};
  return config;
}

CLI::Option& CommandLine::option(const ConfigKey& key) {
  const auto& verb = key.of_verb.empty() ? key.table : key.of_verb;
  return *(verb.empty() ? app : *app.get_subcommand(verb)).get_option_no_throw("--" + key.name);
}

StandIn stand_in_for(CommandLine& line) {
  return {.option = [&line](const ConfigKey& key) -> CLI::Option& { return line.option(key); },
          .understand = [&line] { finish_common(line.common, line.texts), static_cast<void>(line.verb()); }};
}

/// Whether the words on the command line are stronger than this line of the file, though they are about another option.
bool yields(CLI::App& app, const CLI::App& verb, const ConfigKey& key) {
  return std::ranges::any_of(key.yields, [&](const std::string& name) {
    const auto* option = verb.get_option_no_throw(name);
    if (!option) option = app.get_option_no_throw(name);
    return option && option->count() > 0;
  });
}

/// Lets the lines of the file stand for what the command line does not say. Gives what does not go together with what it says.
std::optional<Error> take_up(CommandLine& line, const ConfigFile& file) {
  const auto& verb = *line.app.get_subcommands().front();
  std::vector<const StandingOption*> lines;
  for (const auto* each : file.of(verb.get_name())) {
    if (each->key.name == "server") line.common.settings.server = joined(each->words);                            // PSHARE_SERVER, and what a code names, are stronger
    else if (!each->key.of_verb.empty()) line.common.settings.name = checked(parse_name(each->words.front()), "name");  // of which `init` registers another one
    else if (line.option(each->key).count() == 0 && !yields(line.app, verb, each->key)) lines.push_back(each);
  }
  if (const auto* of_all = file.find("", "server")) line.common.server_of_all = joined(of_all->words);
  const auto misfit = stand_in(stand_in_for(line), lines);
  if (!misfit) return std::nullopt;
  return Error{.code = Errc::usage,
               .doing = file.at(misfit->line->value_at) + misfit->line->shown() + " does not go together with this command line: " + misfit->words,
               .hint = "Say otherwise with --" + misfit->line->key.name + ", or change the file."};
}

/// The lines that a verb could not be run with even if its command line said nothing else.
std::vector<Misfit> misfits(const std::string& verb, std::vector<const StandingOption*> lines) {
  std::vector<Misfit> found;
  while (true) {
    CommandLine bare;
    if (verb == "send") bare.app.parse("pshare send -", true);
    else bare.app.parse("pshare " + (verb.empty() ? "id" : verb), true);
    const auto misfit = stand_in(stand_in_for(bare), lines);
    if (!misfit) return found;
    found.push_back(*misfit);
    std::erase(lines, misfit->line);
  }
}

ConfigFault fault_of(const Misfit& misfit) { return {misfit.line->value_at, misfit.line->shown() + ": " + misfit.words}; }

Command noted(CLI::App& app) {
  auto command = described(app);
  add_notes(command, value_notes);
  add_examples(command, example_notes);
  for (const auto& each : exit_meanings) command.exit_statuses.push_back({static_cast<int>(each.status), std::string{each.meaning}});
  return command;
}

/// The verb that was understood, down to the last word of it.
const Command& reached(const Command& root, const CLI::App& app) {
  const auto* command = &root;
  for (auto given = app.get_subcommands(); !given.empty(); given = given.front()->get_subcommands())
    if (const auto* verb = command->verb(given.front()->get_name())) command = verb;
  return *command;
}

Answered help_of(const Command& root, const Command& command) {
  return Answered{&command == &root ? help_text(root) : help_text(command, &root)};
}

Error unexpected(CLI::App& app) {
  const auto root = noted(app);
  auto words = app.remaining(true);
  for (auto& each : words) each = unmarked(std::move(each));
  return misspelt(root, reached(root, app), words);
}

Error wrong(CLI::App& app, const CLI::ParseError& trouble) {
  const auto root = noted(app);
  return {.code = Errc::usage, .doing = trouble.what(), .hint = "`" + reached(root, app).name + " --help` shows what can be said."};
}

/// `pshare help contacts add`.
Result<std::variant<Options, Answered>> help_asked_for(const Command& root, const std::vector<std::string>& verbs) {
  const auto* command = &root;
  for (const auto& each : verbs) {
    const auto* verb = command->verb(each);
    if (!verb) return Unexpected{misspelt(root, *command, std::span{&each, 1})};
    command = verb;
  }
  return std::variant<Options, Answered>{help_of(root, *command)};
}

}  // namespace

Command pshare_command() {
  CommandLine line;
  return noted(line.app);
}

std::vector<ConfigFault> value_faults(const ConfigFile& file) {
  std::map<std::string, std::vector<const StandingOption*>> by_verb;
  for (const auto& each : file.options) by_verb[each.key.of_verb.empty() ? each.table : each.key.of_verb].push_back(&each);
  std::vector<ConfigFault> faults;
  std::vector<const StandingOption*> wrong_lines;
  for (const auto& [verb, lines] : by_verb) {
    for (const auto& misfit : misfits(verb, lines)) wrong_lines.push_back(misfit.line), faults.push_back(fault_of(misfit));
    if (verb.empty()) continue;
    auto all = file.of(verb);  // each may be right, and the verb's not go together with those for all
    std::erase_if(all, [&](const StandingOption* line) { return std::ranges::find(wrong_lines, line) != wrong_lines.end(); });
    for (const auto& misfit : misfits(verb, all))
      if (misfit.line->table == verb) faults.push_back(fault_of(misfit));
  }
  return faults;
}

Result<std::variant<Options, Answered>> parse_options(int argc, const char* const* argv, const FindPshareToml& find) {
  CommandLine line;
  try {
    line.app.parse(marked_words(line.app, argc, argv));
    if (*line.help_verb) return help_asked_for(noted(line.app), line.texts.asked_about);
    finish_common(line.common, line.texts);
    auto verb = line.verb();
    if (find && !*line.config_verb) {
      const auto found = find(line.common);
      if (!found) return Unexpected{found.error()};
      if (*found) {
        const auto file = read_pshare_toml((*found)->name, (*found)->text, (*found)->user_home);
        if (!file.faults.empty()) return Unexpected{file.error(pshare_toml_grammar(noted(line.app)))};
        if (auto misfit = take_up(line, file)) return Unexpected{*std::move(misfit)};
        verb = line.verb();
      }
    }
    return std::variant<Options, Answered>{Options{line.common, std::move(verb)}};
  } catch (const CLI::CallForHelp&) {
    const auto root = noted(line.app);
    return std::variant<Options, Answered>{help_of(root, reached(root, line.app))};
  } catch (const CLI::Success& success) {
    std::ostringstream out, unused;
    line.app.exit(success, out, unused);
    return std::variant<Options, Answered>{Answered{out.str()}};
  } catch (const CLI::ExtrasError&) {
    return Unexpected{unexpected(line.app)};
  } catch (const CLI::RequiredError& trouble) {  // nothing where a verb or an argument is needed, or something that is none
    const auto root = noted(line.app);
    if (reached(root, line.app).verb_needed || line.app.remaining_size(true) > 0) return Unexpected{unexpected(line.app)};
    return Unexpected{wrong(line.app, trouble)};
  } catch (const CLI::ParseError& trouble) {
    return Unexpected{wrong(line.app, trouble)};
  }
}

}  // namespace pshare
