#include "apps/pshare-server/server_config.hpp"

#include <array>

#include "apps/config_file/config_sample.hpp"

namespace pshare {

namespace {

// In the order of options.cpp. That the numbers are those in force is tested.
const std::array notes{
    KeyNote{.table = "", .name = "listen", .without = "every address, port 4700, and 443 where it is free", .example = R"([":4700", ":443"])"},
    KeyNote{.table = "", .name = "alternate", .without = "found by itself", .example = "\"192.0.2.2\""},
    KeyNote{.table = "", .name = "data", .without = "$STATE_DIRECTORY", .example = "\"/var/lib/pshare-server\""},
    KeyNote{.table = "", .name = "relay-rate", .without = "no limit", .example = "\"20M\""},
    KeyNote{.table = "", .name = "relay-sessions", .by_default = "2000"},
    KeyNote{.table = "", .name = "relay-quota", .without = "no limit", .example = "\"50G\""},
    KeyNote{.table = "", .name = "max-clients", .by_default = "4000"},
    KeyNote{.table = "", .name = "verbose", .by_default = "0"},
};

constexpr std::array refusals{
    KeyRefusal{"", "metrics", "it is not in this version."},
    KeyRefusal{"", "config", "a file names no other."},
    KeyRefusal{"", "config-sample", "it is a question, and no setting."},
};

constexpr std::string_view introduction = R"(For `pshare-server --config FILE`: what holds unless the command line says otherwise.
A line counts once the # in front of it is gone. The server reads the file when it starts,
and does not start where it cannot understand a line.
)";

}  // namespace

ConfigGrammar server_config_grammar(const Command& root) { return config_grammar(root, notes, refusals, "`pshare-server --config-sample` shows all that can stand there."); }

std::string server_config_sample(const Command& root) { return config_sample(server_config_grammar(root), introduction); }

}  // namespace pshare
