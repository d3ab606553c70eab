// The command line of pshare (the contract of design section 9) as plain values. The only files of this program that include CLI11.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "apps/answered.hpp"
#include "apps/pshare/accept_rules.hpp"
#include "apps/pshare/give_up.hpp"
#include "apps/pshare/pshare_toml.hpp"
#include "transfer/io/placement.hpp"
#include "secure/code.hpp"
#include "transfer/level_choice.hpp"
#include "wire/ids.hpp"
#include "wire/reason.hpp"
#include "wire/result.hpp"
#include "wire/signal.hpp"
#include "wire/time.hpp"
#include "wire/units.hpp"

namespace pshare {

struct Command;  // apps/command_line/command.hpp

/// --timeout, when it is not given. Of the contract.
inline constexpr Duration default_timeout = std::chrono::minutes{10};

/// What every verb takes.
struct CommonOptions {
  std::optional<std::string> server;             // HOST:PORT[#FINGERPRINT], several separated by commas
  std::optional<std::string> proxy;              // URL or "none"; not given: the environment's
  std::optional<std::filesystem::path> home;
  std::optional<Port> port;                      // of a manual forward: what we listen on and what the router hands us
  std::vector<Tier> tiers{all_tiers.begin(), all_tiers.end()};
  bool tcp = true, udp = true;
  std::optional<Duration> timeout;               // how long to wait for the other side; not given: default_timeout
  bool json = false, quiet = false;
  int verbosity = 0;
  Settings settings;                             // of pshare.toml, as they are for this verb
  std::optional<std::string> server_of_all;      // the one that stands there for every verb
};

struct InitOptions    { std::optional<std::string> name; };
struct IdOptions      {};
struct SendOptions {
  std::vector<std::filesystem::path> paths;      // just "-": standard input
  std::optional<std::string> to;
  std::optional<std::string> text;
  std::vector<std::string> excludes;
  std::uint64_t lanes = 1;
  std::uint64_t limit = 0;                       // bytes each second; 0: none
  LevelSetting level;
  std::uint64_t chunk_size = 0;                  // 0: chosen by size
  Duration give_up = default_give_up;            // after a transfer that had begun has lost its path
  bool trust_new = false;
  std::size_t code_words = min_code_words;       // without `to`: of the code that is shown
  bool qr = true;
  std::optional<ReceiptWish> receipt;            // --receipt, --no-receipt; not given: receipt_wish()
};
struct ReceiveOptions {
  std::optional<std::string> code;               // "-": standard input has it
  std::filesystem::path directory = ".";
  std::vector<std::string> from;
  bool yes = false, once = false, to_stdout = false, trust_new = false;
  Duration give_up = default_give_up;            // likewise
  OnConflict on_conflict = OnConflict::rename;
};
struct ContactsOptions {
  struct List   {};
  struct Add    { std::string name, id; };
  struct Remove { std::string name; };
  struct Verify { std::string name; };
  /// What is not given of `change` stays as it is; without any of it, and without `clear`, the rule is shown.
  struct Rule {
    std::optional<std::string> name;             // none: the rule for contacts without one
    bool clear = false;                          // begin anew
    AcceptRule change;
  };
  std::variant<List, Add, Remove, Verify, Rule> action;
};
struct PairOptions {
  std::optional<std::string> code;               // as above; not given: one is shown
  std::optional<std::string> as;                 // what to call the other side
  std::size_t code_words = min_code_words;
  bool qr = true;
};
struct PeersOptions {};
struct ReceiptsOptions {
  struct List  {};
  struct Check {
    std::optional<std::string> number;             // not given: all of them
    std::vector<std::filesystem::path> paths;      // with a number: compared with what was received
    std::vector<std::string> excludes;             // as they were given when these were sent
  };
  std::variant<List, Check> action;
};
struct DoctorOptions {
  std::optional<std::string> with;               // a contact who is online: both sides
  std::optional<Duration> lifetime;              // how long an idle UDP mapping lives, looked at up to this
};
/// --sessions: what a home's line carries without anybody noticing, and the most that one may ask for.
inline constexpr std::uint64_t default_supernode_sessions = 16, max_supernode_sessions = 1024;
struct SupernodeOptions {
  std::uint64_t sessions = default_supernode_sessions;  // lanes of others at once
  std::optional<std::uint64_t> rate;                    // bytes each second, all of them together
  std::optional<std::uint64_t> volume;                  // bytes a month (of UTC)
  bool for_anyone = false;                              // else for contacts alone
};
/// What pshare.toml says, what is in force, or what can be said.
struct ConfigOptions {
  enum class What { settings, faults, path, sample };
  What what = What::settings;
  std::map<std::string, std::vector<std::string>> given;  // common options of this command line, by their long names, in its words
};

using Verb =
    std::variant<InitOptions, IdOptions, SendOptions, ReceiveOptions, ContactsOptions, PairOptions, PeersOptions, DoctorOptions, SupernodeOptions, ReceiptsOptions, ConfigOptions>;

struct Options {
  CommonOptions common;
  Verb verb;
};

/// All that can be said, with examples: what help, man pages and completions are made of.
Command pshare_command();

/// pshare.toml as it was found; `name` is for words, `user_home` what ~ means in it.
struct PshareTomlText {
  std::string name, text;
  std::optional<std::string> user_home;
};
/// Finds it for a command line; nothing where there is no such file.
using FindPshareToml = std::function<Result<std::optional<PshareTomlText>>(const CommonOptions& common)>;

/// The command line, and behind it what pshare.toml says. `pshare config` is told nothing of the file. Errors: usage, with the right words of the verb concerned or
/// with the line of the file; what `find` says.
Result<std::variant<Options, Answered>> parse_options(int argc, const char* const* argv, const FindPshareToml& find = {});

/// What the command line would say about the words of these lines.
std::vector<ConfigFault> value_faults(const ConfigFile& file);

}  // namespace pshare
