#include "apps/pshare-server/options.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <charconv>
#include <cstdlib>
#include <sstream>

#include "apps/command_line/help.hpp"
#include "apps/command_line/misspelt.hpp"
#include "apps/config_file/config_sample.hpp"
#include "apps/config_file/standing.hpp"
#include "apps/pshare-server/server_config.hpp"
#include "apps/process/environment.hpp"
#include "apps/process/folders.hpp"
#include "apps/pshare/quantities.hpp"
#include "apps/version.hpp"
#include "relay/joiner.hpp"
#include "relay/rendezvous.hpp"
#include "wire/native_path.hpp"

namespace pshare {

namespace {

constexpr Port default_port{4700};

constexpr std::array example_notes{
    ExampleNote{"", "pshare-server --listen 0.0.0.0:4700 --data /var/lib/pshare-server", "on 4700 and 4701, TCP and UDP; prints the line that clients need"},
    ExampleNote{"", "pshare-server --listen :4700 --listen :443", "port 443 as well, for networks that let out nothing but browsers"},
    ExampleNote{"", "pshare-server --no-relay", "introduces people, and carries nothing"},
    ExampleNote{"", "pshare-server --relay-rate 20M --relay-quota 50G", "20 MiB a second for all together; 50 GiB for two peers in 24 hours"},
};

/// Of the contract. To be told so is better than to be told that there is no such option.
constexpr const char* options_of_later_versions[] = {"--metrics"};

std::optional<std::filesystem::path> default_data() {
  if (const auto state = environment("STATE_DIRECTORY")) return path_from(*state);  // systemd's StateDirectory=
  if (const auto data = data_folder()) return *data / "pshare-server";
  return std::nullopt;
}

/// Nothing for an option that was not given.
std::optional<std::uint64_t> quantity(const std::string& option, const std::string& text, Result<std::uint64_t> (*parse)(std::string_view)) {
  if (text.empty()) return std::nullopt;
  const auto number = parse(text);
  if (!number) throw CLI::ValidationError{option + ": " + number.error().doing + ". " + number.error().hint};
  return *number;
}

/// "ADDR:PORT", ":PORT", "PORT", "[V6]:PORT".
ServerOptions::Place parse_listen(const std::string& text) {
  ServerOptions::Place place;
  const auto refuse = [&] {
    throw CLI::ValidationError{"--listen: \"" + text + "\" is not ADDR:PORT. For instance 0.0.0.0:4700, [::1]:4700, or :4700 for every address."};
  };
  if (const auto whole = Endpoint::parse(text)) {
    const bool every = whole->address == IpAddress{IpAddress::V6{}};
    if (!every) place.address = whole->address;
    place.port = whole->port;
    return place;
  }
  const auto digits = text.starts_with(':') ? std::string_view{text}.substr(1) : std::string_view{text};
  const auto [end, trouble] = std::from_chars(digits.data(), digits.data() + digits.size(), place.port.number);
  if (trouble != std::errc{} || end != digits.data() + digits.size()) refuse();
  return place;
}

/// The options as CLI11 knows them, and where it puts what was given.
struct CommandLine {
  ServerOptions options{.address = {}, .port = default_port, .further = {}, .https_too = false, .alternate = {}, .data = {}, .max_clients = default_max_clients,
                        .relay_sessions = default_max_relay_lanes, .relay_rate = {}, .relay_quota = {}, .verbosity = 0};
  std::vector<std::string> listen;
  std::string alternate, data, relay_rate, relay_quota, config;
  bool no_relay = false, config_sample = false;
  CLI::App app{"Introduces pshare users to each other: the rendezvous on a public machine.", "pshare-server"};

  CommandLine();
  void understand();
  ServerOptions given();
};

CommandLine::CommandLine() {
  app.set_version_flag("--version", version_of_server());
  app.option_defaults()->group("Where");
  app.add_option("--listen", listen, "Where to listen (default: every address, port 4700, and 443 as well if it is free and allowed). More of them are for TCP alone")
      ->type_name("ADDR:PORT")
      ->allow_extra_args(false);
  app.add_option("--alternate", alternate, "A second address of this host, which helps clients to find out about their NATs (default: found by itself)")->type_name("ADDR");
  app.add_option("--data", data, "Where key and names are kept (default: $STATE_DIRECTORY or ~/.local/share/pshare-server)")->type_name("DIR");
  app.option_defaults()->group("Carrying for peers");
  app.add_flag("--no-relay", no_relay, "Carry no files for peers that find no straight path");
  app.add_option("--relay-rate", relay_rate, "Bytes each second that are carried for all of them together (default: no limit)")->type_name("RATE");
  app.add_option("--relay-sessions", options.relay_sessions, "Pairs of peers that are carried for at once (default " + std::to_string(default_max_relay_lanes) + ")")->type_name("N")->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}));
  app.add_option("--relay-quota", relay_quota, "Bytes that are carried for two peers in 24 hours (default: no limit)")->type_name("SIZE");
  app.option_defaults()->group(std::string{options_group});
  app.add_option("--max-clients", options.max_clients, "Clients at once (default " + std::to_string(default_max_clients) + ")")->type_name("N")->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}));
  for (const char* later : options_of_later_versions) app.add_option(later)->expected(0, 1)->group("");  // not in the help
  app.add_flag("-v,--verbose", options.verbosity, "Log every connection, with addresses");
  auto* with = app.add_option("--config", config, "What is not said here stands in this file, a line for each option: relay-rate = \"10M\"")->type_name("FILE");
  app.add_flag("--config-sample", config_sample, "Show such a file with everything that can stand in it, explained and commented out")->excludes(with);
}

/// What follows from all that has been said so far, on the command line and in the file; may be called again.
void CommandLine::understand() {
  for (const char* later : options_of_later_versions)
    if (app.count(later) > 0) throw CLI::ValidationError{later, "not in this version."};
  for (const auto* option : {"--config", "--data"})
    if (app.count(option) > 0 && app.get_option(option)->results().front().empty()) throw CLI::ValidationError{std::string{option} + ": the name is empty. Give one, or leave the option out."};
  options.relays = !no_relay;
  options.relay_rate = quantity("--relay-rate", relay_rate, parse_rate);
  options.relay_quota = quantity("--relay-quota", relay_quota, parse_size);
  if (options.relay_quota == 0u) throw CLI::ValidationError{"--relay-quota", "0 bytes are nothing at all. To carry no files: --no-relay."};
  options.https_too = listen.empty();
  if (listen.size() > max_places) throw CLI::ValidationError{"--listen: at most " + std::to_string(max_places) + " places."};
  options.further.clear();
  for (const auto& each : listen) options.further.push_back(parse_listen(each));
  if (!listen.empty()) {
    options.address = options.further.front().address;
    options.port = options.further.front().port;
    options.further.erase(options.further.begin());
  }
  if (!alternate.empty()) {
    const auto address = IpAddress::parse(alternate);
    if (!address) throw CLI::ValidationError{"--alternate: \"" + alternate + "\" is no address. For instance 192.0.2.2."};
    options.alternate = *address;
  }
}

/// What was asked for, once all of it is there.
ServerOptions CommandLine::given() {
  const auto folder = data.empty() ? default_data() : std::optional{path_from(data)};
  if (!folder) throw CLI::ValidationError{"--data DIR is needed: neither STATE_DIRECTORY nor HOME says where the names may be kept."};
  options.data = *folder;
  return options;
}

Command noted(CLI::App& app) {
  auto command = described(app);
  add_examples(command, example_notes);
  command.exit_statuses = {{0, "ended by SIGTERM or SIGINT; names survive"}, {1, "failed"}, {2, "wrong usage"}, {8, "trouble with its files"}};
  return command;
}

StandIn stand_in_for(CommandLine& line) {
  return {.option = [&line](const ConfigKey& key) -> CLI::Option& { return *line.app.get_option_no_throw("--" + key.name); }, .understand = [&line] { line.understand(); }};
}

/// What the command line would say about the words of these lines.
std::vector<ConfigFault> value_faults(const ConfigFile& file) {
  std::vector<ConfigFault> faults;
  for (auto lines = file.of("");;) {
    CommandLine bare;
    bare.app.parse("pshare-server", true);
    const auto misfit = stand_in(stand_in_for(bare), lines);
    if (!misfit) return faults;
    faults.push_back({misfit->line->value_at, misfit->line->shown() + ": " + misfit->words});
    std::erase(lines, misfit->line);
  }
}

/// Lets the lines of the file stand for what the command line does not say. Errors: usage, with the line.
Result<void> take_up(CommandLine& line, const std::string& text) {
  const auto grammar = server_config_grammar(noted(line.app));
  auto file = read_config_file(line.config, text, grammar, std::nullopt);
  for (auto& fault : value_faults(file)) file.faults.push_back(std::move(fault));
  if (!file.faults.empty()) return Unexpected{file.error(grammar)};
  auto unsaid = file.of("");
  std::erase_if(unsaid, [&](const StandingOption* each) { return stand_in_for(line).option(each->key).count() > 0; });
  if (const auto misfit = stand_in(stand_in_for(line), unsaid))
    return Unexpected{{.code = Errc::usage, .doing = file.at(misfit->line->value_at) + misfit->line->shown() + " does not go together with this command line: " + misfit->words,
                       .hint = "Say otherwise with --" + misfit->line->key.name + ", or change the file."}};
  return {};
}

}  // namespace

Command pshare_server_command() {
  CommandLine line;
  return noted(line.app);
}

Result<std::variant<ServerOptions, Answered>> parse_server_options(int argc, const char* const* argv, const ReadServerConfig& read) {
  CommandLine line;
  try {
    line.app.parse(argc, argv);
    if (line.config_sample) return std::variant<ServerOptions, Answered>{Answered{server_config_sample(noted(line.app))}};
    line.understand();
    if (!line.config.empty()) {
      const auto text = read(path_from(line.config));
      if (!text) return Unexpected{text.error()};
      if (auto taken = take_up(line, *text); !taken) return Unexpected{std::move(taken).error()};
    }
    return std::variant<ServerOptions, Answered>{line.given()};
  } catch (const CLI::CallForHelp&) {
    return std::variant<ServerOptions, Answered>{Answered{help_text(noted(line.app))}};
  } catch (const CLI::Success& success) {
    std::ostringstream out, unused;
    line.app.exit(success, out, unused);
    return std::variant<ServerOptions, Answered>{Answered{out.str()}};
  } catch (const CLI::ExtrasError&) {
    const auto command = noted(line.app);
    return Unexpected{misspelt(command, command, line.app.remaining())};
  } catch (const CLI::ParseError& trouble) {
    return Unexpected{{.code = Errc::usage, .doing = trouble.what(), .hint = "`pshare-server --help` shows what can be said."}};
  }
}

}  // namespace pshare
