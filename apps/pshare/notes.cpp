#include "apps/pshare/notes.hpp"

#include <array>

namespace pshare {

namespace {

const std::vector<std::string> tiers{"direct", "mapped", "punched", "supernode", "relay"};

const std::array notes{
    ValueNote{"", "--server", ValueKind::server},
    ValueNote{"", "--proxy", ValueKind::proposed, {"none", "http://", "socks5://"}},
    ValueNote{"", "--tiers", ValueKind::list, tiers},
    ValueNote{"", "--no-tiers", ValueKind::list, tiers},
    ValueNote{"send", "--to", ValueKind::contact},
    ValueNote{"send", "--level", ValueKind::proposed, {"auto", "none", "1", "3", "9", "19"}},
    ValueNote{"receive", "CODE", ValueKind::code},
    ValueNote{"receive", "--from", ValueKind::contact},
    ValueNote{"contacts remove", "NAME", ValueKind::contact},
    ValueNote{"contacts verify", "NAME", ValueKind::contact},
    ValueNote{"contacts rule", "NAME", ValueKind::contact},
    ValueNote{"pair", "CODE", ValueKind::code},
    ValueNote{"doctor", "--with", ValueKind::contact},
    ValueNote{"receipts check", "NUMBER", ValueKind::receipt},
    ValueNote{"help", "VERB", ValueKind::verb},
};

constexpr std::array examples{
    ExampleNote{"", "pshare init --name alice --server example.org:4700#FINGERPRINT", "once; `pshare-server` shows what to give to --server"},
    ExampleNote{"", "pshare send film.mkv", "shows a one-time code, which the other side gives to `pshare receive`"},
    ExampleNote{"", "pshare send film.mkv --to bob", "to somebody with whom you have once run `pshare pair`"},
    ExampleNote{"", "pshare receive --dir ~/Downloads", ""},
    ExampleNote{"", "pshare help send", "what a verb does, and what it can be told"},

    ExampleNote{"init", "pshare init --name alice --server example.org:4700#FINGERPRINT", ""},
    ExampleNote{"init", "pshare init --server one.example#FINGERPRINT,two.example#FINGERPRINT", "two servers: the second helps when the first is down"},

    ExampleNote{"id", "pshare id", "what others need for `pshare contacts add`"},
    ExampleNote{"id", "pshare id --json", "the same for a program"},

    ExampleNote{"send", "pshare send film.mkv", "shows a one-time code, which the other side gives to `pshare receive`"},
    ExampleNote{"send", "pshare send film.mkv photos/ --to bob", "to a contact; photos/ with all that is in it"},
    ExampleNote{"send", "pshare send src/ --to bob --exclude '*.o' --exclude .git", ""},
    ExampleNote{"send", "tar c photos | pshare send - --to bob", "what another program writes; there: pshare receive --stdout --yes | tar x"},
    ExampleNote{"send", "pshare send --text 'call me' --to bob", ""},
    ExampleNote{"send", "pshare send film.mkv --to bob --limit 2M --no-tiers relay", "two mebibytes a second at most, and never through the server"},

    ExampleNote{"receive", "pshare receive", "waits for offers and asks about each; a code can be typed, Tab completes its words"},
    ExampleNote{"receive", "pshare receive 4821-comet-walnut --dir ~/Downloads", "what is sent by that code"},
    ExampleNote{"receive", "pshare receive --yes --from alice --once", "the next transfer of alice's, without a question"},
    ExampleNote{"receive", "pshare receive --stdout --yes | tar x", "a stream"},

    ExampleNote{"contacts", "pshare contacts", ""},
    ExampleNote{"contacts", "pshare contacts verify bob", "and there with your name: both machines show the same words"},
    ExampleNote{"contacts add", "pshare contacts add bob ID", "with what `pshare id` shows there"},
    ExampleNote{"contacts remove", "pshare contacts remove bob", ""},
    ExampleNote{"contacts verify", "pshare contacts verify bob", ""},
    ExampleNote{"contacts rule", "pshare contacts rule alice --accept always --max-size 10G --dir ~/in", "unattended, up to a size, into a certain folder"},
    ExampleNote{"contacts rule", "pshare contacts rule --default --accept ask", "everybody else: ask, even with --yes"},

    ExampleNote{"pair", "pshare pair", "shows a code"},
    ExampleNote{"pair", "pshare pair 4821-comet-walnut", "on the other machine"},
    ExampleNote{"pair", "pshare pair 4821-comet-walnut --as bob", ""},

    ExampleNote{"peers", "pshare peers", ""},

    ExampleNote{"doctor", "pshare doctor", ""},
    ExampleNote{"doctor", "pshare doctor --with bob", "how the two of you will connect, and why"},

    ExampleNote{"supernode", "pshare supernode --volume 100G --rate 10M --sessions 4", "for contacts; at most so much a month, so much a second, so many at once"},
    ExampleNote{"supernode", "pshare supernode --port 4711 --for anyone", "with a port that your router forwards"},

    ExampleNote{"receipts", "pshare receipts", ""},
    ExampleNote{"receipts check", "pshare receipts check 3f2a film.mkv", "that it was this file which was received"},

    ExampleNote{"config", "pshare config", ""},
    ExampleNote{"config", "pshare config --sample >> \"$(pshare config --path)\"", "once, after `pshare init`; then uncomment what you want"},
    ExampleNote{"config check", "pshare config check", "after the file was changed"},

    ExampleNote{"help", "pshare help contacts rule", ""},
};

}  // namespace

const std::span<const ValueNote> value_notes{notes};
const std::span<const ExampleNote> example_notes{examples};

}  // namespace pshare
