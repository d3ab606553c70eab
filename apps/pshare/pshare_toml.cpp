#include "apps/pshare/pshare_toml.hpp"

#include <algorithm>
#include <array>

#include "apps/config_file/config_sample.hpp"
#include "apps/pshare/options.hpp"

namespace pshare {

namespace {

// In the order of options.cpp. What the defaults are is said there too, in words; that both are right is tested.
const std::array notes{
    KeyNote{.table = "init", .name = "name", .without = "none", .example = "\"alice\"", .above = true},

    KeyNote{.table = "", .name = "server", .without = "none", .example = "\"example.org:4700\""},
    KeyNote{.table = "", .name = "proxy", .without = "the environment's", .example = "\"socks5://localhost:1080\""},
    KeyNote{.table = "", .name = "port", .without = "none", .example = "4711"},
    KeyNote{.table = "", .name = "tiers", .by_default = R"(["direct", "mapped", "punched", "supernode", "relay"])"},
    KeyNote{.table = "", .name = "no-tiers", .without = "none", .example = R"(["relay"])", .yields = {"--tiers"}},
    KeyNote{.table = "", .name = "transport", .by_default = "\"any\""},
    KeyNote{.table = "", .name = "timeout", .by_default = "\"10m\""},
    KeyNote{.table = "", .name = "quiet", .yields = {"--verbose"}},
    KeyNote{.table = "", .name = "verbose", .by_default = "0", .yields = {"--quiet"}},

    KeyNote{.table = "send", .name = "exclude", .without = "nothing", .example = R"(["*.o", ".git"])"},
    KeyNote{.table = "send", .name = "lanes", .by_default = "1"},
    KeyNote{.table = "send", .name = "limit", .without = "none", .example = "\"2M\""},
    KeyNote{.table = "send", .name = "level", .by_default = "\"auto\""},
    KeyNote{.table = "send", .name = "chunk", .without = "by the size of the transfer", .example = "\"1M\""},
    KeyNote{.table = "send", .name = "give-up", .by_default = "\"24h\""},
    KeyNote{.table = "send", .name = "code-words", .by_default = "2", .yields = {"--to"}},
    KeyNote{.table = "send", .name = "receipt", .without = "with three processors or more", .example = "true", .yields = {"--no-receipt", "--text"}},
    KeyNote{.table = "send", .name = "no-receipt", .by_default = "false", .yields = {"--receipt"}},

    KeyNote{.table = "receive", .name = "dir", .without = "the current directory", .example = "\"~/Downloads\""},
    KeyNote{.table = "receive", .name = "from", .without = "anybody", .example = R"(["alice"])"},
    KeyNote{.table = "receive", .name = "give-up", .by_default = "\"24h\""},
    KeyNote{.table = "receive", .name = "on-conflict", .by_default = "\"rename\""},

    KeyNote{.table = "pair", .name = "code-words", .by_default = "2"},

    KeyNote{.table = "doctor", .name = "lifetime", .without = "not looked for", .example = "\"2m\""},

    KeyNote{.table = "supernode", .name = "sessions", .by_default = "16"},
    KeyNote{.table = "supernode", .name = "rate", .without = "no limit", .example = "\"10M\""},
    KeyNote{.table = "supernode", .name = "volume", .without = "no limit", .example = "\"100G\""},
    KeyNote{.table = "supernode", .name = "for", .by_default = "\"contacts\""},
};

constexpr std::array refusals{
    KeyRefusal{"", "home", "it says where this very file is. Give --home DIR, or set PSHARE_HOME."},
    KeyRefusal{"", "json", "who reads the output says so each time, with --json."},
    KeyRefusal{"send", "to", "to whom something goes is said each time, with --to."},
    KeyRefusal{"send", "text", "what is sent is said each time, with --text."},
    KeyRefusal{"send", "PATH", "what is sent is said each time."},
    KeyRefusal{"send", "path", "what is sent is said each time."},
    KeyRefusal{"receive", "stdout", "where the output goes is said each time, with --stdout."},
    KeyRefusal{"receive", "CODE", "a code holds once. Give it to `pshare receive`, or put it into PSHARE_CODE."},
    KeyRefusal{"receive", "code", "a code holds once. Give it to `pshare receive`, or put it into PSHARE_CODE."},
    KeyRefusal{"pair", "as", "it is about one contact, and is said with --as."},
    KeyRefusal{"pair", "code", "a code holds once. Give it to `pshare pair`, or put it into PSHARE_CODE."},
    KeyRefusal{"doctor", "with", "it is about one contact, and is said with --with."},
    KeyRefusal{"help", "", "it has nothing that could be said here."},
    KeyRefusal{"config", "", "it has nothing that could be said here."},
};

constexpr std::string_view introduction = R"(pshare.toml: what holds for every `pshare VERB`, unless its command line says otherwise.
`pshare config --path` names its place. A line counts once the # in front of it is gone.
`pshare config` shows what is in force and from where, `pshare config check` what is wrong.

What stands above all tables ([send], ...) is for every verb.
In a verb's table it is for that verb alone.
)";

}  // namespace

std::vector<ConfigKey> pshare_toml_keys(const Command& root) { return config_keys(root, notes, refusals); }

ConfigGrammar pshare_toml_grammar(const Command& root) { return config_grammar(root, notes, refusals, "`pshare config --sample` shows all that can stand there."); }

ConfigFile read_pshare_toml(std::string name, std::string_view text, const std::optional<std::string>& user_home) {
  const auto grammar = pshare_toml_grammar(pshare_command());
  auto file = read_config_file(std::move(name), text, grammar, user_home);
  for (auto& fault : value_faults(file)) file.faults.push_back(std::move(fault));
  std::ranges::sort(file.faults, {}, &ConfigFault::at);
  return file;
}

std::string pshare_toml_sample() { return config_sample(pshare_toml_grammar(pshare_command()), introduction); }

}  // namespace pshare
