// pshare-server: the rendezvous on a public machine. Builds the graph by hand, prints the line that clients need, serves until SIGTERM.
#include <cstdio>
#include <exception>
#include <vector>

#include "apps/command_line/completion.hpp"
#include "apps/config_file/config_text.hpp"
#include "apps/process/arguments.hpp"
#include "apps/process/environment.hpp"
#include "apps/process/plain_output.hpp"
#include "apps/process/stop_request.hpp"
#include "apps/pshare-server/always_on.hpp"
#include "apps/pshare-server/options.hpp"
#include "apps/pshare-server/services.hpp"
#include "apps/version.hpp"
#include "io/descriptor_limit.hpp"
#include "io/interfaces.hpp"
#include "io/log.hpp"
#include "io/printable.hpp"
#include "io/service_notice.hpp"
#include "io/task_group.hpp"
#include "relay/io/relay_service.hpp"
#include "relay/io/server.hpp"
#include "relay/store_sqlite.hpp"
#include "secure/identity.hpp"
#include "secure/owned_file.hpp"
#include "secure/random_source.hpp"
#include "wire/native_path.hpp"

namespace pshare {
namespace {

/// What clients hear.
constexpr const char* agent = "pshare-server " PSHARE_RELEASE;

enum ExitStatus : int { ended = 0, failed = 1, usage = 2, local_trouble = 8 };

/// Listeners, the database and its journal, the loop, the standard streams; with room to spare.
constexpr std::size_t descriptors_of_our_own = 48;

/// In bytes, as it is shown.
constexpr std::size_t longest_error = 4096;

/// How likely clients can reach it: the lowest is the best.
int remoteness(const IpAddress& address) {
  switch (address.scope()) {
    case Scope::global: return address.is_v4() ? 0 : 1;
    case Scope::private_use: return address.is_v4() ? 2 : 4;
    case Scope::shared: return 3;
    case Scope::loopback: return address.is_v4() ? 5 : 6;
    case Scope::link_local:
    case Scope::unusable: return 7;
  }
  return 7;
}

/// The address that clients are told: the one we listen on, or of all that this machine has the best.
IpAddress advertised(const ServerOptions& options) {
  const bool every_v4 = options.address && options.address->scope() == Scope::unusable;  // 0.0.0.0; :: means both families here
  if (options.address && !every_v4) return *options.address;
  auto best = *IpAddress::parse("127.0.0.1");
  const auto all = interface_addresses();
  if (!all) return best;
  for (const auto& each : *all)
    if ((each.address.is_v4() || !every_v4) && remoteness(each.address) < remoteness(best)) best = each.address;
  return best;
}

/// What clients type.
std::string clients_line(const ServerOptions& options, Port port, const PeerId& key) {
  return "pshare init --name YOU --server " + Endpoint{advertised(options), port}.text() + "#" + key.text();
}

void print_welcome(const ServerOptions& options, Port port, const std::string& clients_use) {
  std::printf("pshare-server %s listens on %s.\nClients use (put the host's public name in the place of the address, if it has one):\n"
              "  %s\n",
              std::string{version()}.c_str(), options.address ? Endpoint{*options.address, port}.text().c_str() : ("port " + std::to_string(port.number) + ", IPv4 and IPv6").c_str(),
              clients_use.c_str());
  std::fflush(stdout);
}

/// Where we are a service: that clients can come, and the line as our state, so that `systemctl status` shows it.
void tell_service_manager(std::string_view state) {
  if (const auto socket = environment("NOTIFY_SOCKET")) notify_service_manager(*socket, state);
}

awaitable<void> stop_when_told(StopRequests& requests, Server& server) {
  const auto name = co_await requests.next();
  log(LogLevel::info, "server.stopping", {{"signal", name}});
  tell_service_manager("STOPPING=1");
  server.stop();
}

awaitable<void> serve_until_told(StopRequests& requests, Server& server, StunResponder& stun) {
  const auto body = [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(stop_when_told(requests, server));
    tasks.start(stun.run());
    co_await server.run();
  };
  co_await with_tasks<void>(body);
  log(LogLevel::info, "server.stopped");
}

void ask_for_descriptors(const ServerOptions& options) {
  const auto of_relay = options.relays ? descriptors_of_relay(options.relay_sessions, max_waiting_sides) : 0;
  const auto wanted = options.max_clients + of_relay + max_half_open + max_dial_backs + descriptors_of_our_own;
  if (const auto allowed = allow_descriptors(wanted); allowed < wanted)
    log(LogLevel::warn, "server.few-descriptors", {{"limit", allowed}, {"wanted", wanted}, {"hint", "raise `ulimit -n`, or lower --max-clients and --relay-sessions"}});
}

/// Where the numbers of devices begin: not where an earlier run began, and small enough for every CBOR reader.
DeviceId some_first_device() {
  SecureRandom random;
  return DeviceId{1 + random.below(std::uint64_t{1} << 48)};
}

/// As Identity::load_or_create(), with what an operator can do about it.
Identity own_identity(const std::filesystem::path& key_file) {
  auto identity = Identity::load_or_create(key_file);
  if (identity) return *std::move(identity);
  auto error = std::move(identity).error();
  const auto name = text_of(key_file);
  if (error.code == Errc::refused) {
    error.code = Errc::local_io;  // a matter of permissions
    error.hint = "Run `chmod 600 " + name + "` if you are sure that nobody has read it. Otherwise remove it: a new key is made, and every client has to be told.";
  } else if (error.code == Errc::malformed) {
    error.hint = "Put a backup of it back, or remove it: a new key is made, and every client has to be told.";
  } else {
    error.hint = "Is the folder writable, and the disk not full? Another one can be chosen with --data DIR.";
  }
  throw Failure{std::move(error)};
}

void run(const ServerOptions& options) {
  ask_for_descriptors(options);
  const auto identity = own_identity(options.data / "server.key");
  const auto names = value_or_throw(SqliteNameStore::open(options.data / "names.sqlite"));
  const TlsContext tls{identity};
  asio::io_context loop{1};
  // Before the line is printed: whoever has read it may end us.
  StopRequests requests{loop.get_executor()};
  auto services = open_services(loop.get_executor(), options);
  std::string further;
  for (const auto& each : services.further) further += (further.empty() ? "" : ",") + std::to_string(each.port().number);
  const auto port = services.control.port(), stun_alternate = services.stun_alternate.port();
  SecureRandom random;
  TicketOffice tickets{identity, random, options.relay_quota};
  Joiner joiner{{.rendezvous = {identity.public_key()}, .relay = identity.id(), .max_lanes = options.relay_sessions, .rate = options.relay_rate}};
  const auto rate = options.relay_rate ? std::optional{BytesPerSecond{*options.relay_rate}} : std::nullopt;
  RelayService relay{loop.get_executor(), joiner, {.rate = rate}};
  Rendezvous rendezvous{*names, {.max_clients = options.max_clients, .agent = agent, .notice = {}, .first_device = some_first_device(),
                                 .stun = services.stun.port(), .stun_alternate = stun_alternate, .reflect_alternate = services.reflect_alternate,
                                 .addresses = services.addresses, .dials_back = true, .tickets = &tickets, .relays = options.relays, .random = &random}};
  StunServer answers{{.port = services.stun.port(), .alternate_port = stun_alternate, .addresses = services.addresses, .software = agent}};
  StunResponder stun{std::move(answers), std::move(services.stun), std::move(services.stun_alternate)};
  Server server{loop.get_executor(), tls, rendezvous, std::move(services.control), std::move(services.reflectors), std::move(services.further), options.relays ? &relay : nullptr};
  const auto clients_use = clients_line(options, port, identity.id());
  print_welcome(options, port, clients_use);
  tell_service_manager("READY=1\nSTATUS=Clients use: " + clients_use);
  log(LogLevel::info, "server.listening", {{"port", port.number}, {"max_clients", options.max_clients}, {"relay", options.relays ? "yes" : "no"}});
  if (!further.empty()) log(LogLevel::info, "server.listening-too", {{"ports", further}});
  const auto& addresses = services.addresses;
  log(LogLevel::info, "stun.listening", {{"port", port.number}, {"alternate_port", stun_alternate.number}, {"reflect_port", services.reflect_alternate.number},
                                         {"addresses", addresses ? addresses->first.text() + "," + addresses->second.text() : std::string{"one"}}});

  std::exception_ptr trouble;
  asio::co_spawn(loop, serve_until_told(requests, server, stun), [&](std::exception_ptr thrown) { trouble = thrown; });
  loop.run();
  if (trouble) std::rethrow_exception(trouble);
}

int end(const Error& error) {
  const auto words = printable(error.message(), Newlines::kept, longest_error);
  std::fprintf(stderr, "pshare-server: %s%s\n", words.c_str(), words.ends_with('.') ? "" : ".");
  if (!error.hint.empty()) std::fprintf(stderr, "  %s\n", printable(error.hint, Newlines::kept).c_str());
  if (error.code == Errc::usage) return usage;
  return error.code == Errc::local_io || error.code == Errc::malformed ? local_trouble : failed;
}

Result<std::string> read_config(const std::filesystem::path& file) {
  auto read = read_owned_file(file, max_config_text);
  if (read && *read) return std::move((*read)->text);
  Error error{.code = Errc::local_io, .doing = "reading " + text_of(file) + ": there is no such file"};
  if (!read) error.doing = read.error().doing, error.cause = read.error().cause;
  error.hint = "Is it the right --config FILE, and may this user read it?";
  return Unexpected{std::move(error)};
}

int guarded_main(int argc, char** argv) {
  const PlainOutput plain_output;
  be_always_on();
  if (argc == 2 && argv[1] == complete_argument) {
    const Lookup nothing{[](ValueKind, std::string_view, const std::string&) { return std::vector<Suggestion>{}; }};
    std::fputs(complete(pshare_server_command(), typed_words(typed_line(stdin)), nothing).text().c_str(), stdout);
    return ended;
  }
  const auto arguments = program_arguments(argc, argv);
  std::vector<const char*> as_given;
  for (const auto& each : arguments) as_given.push_back(each.c_str());
  const auto parsed = parse_server_options(static_cast<int>(as_given.size()), as_given.data(), read_config);
  if (!parsed) return end(parsed.error());
  if (const auto* answered = std::get_if<Answered>(&*parsed)) {
    std::fputs(answered->text.c_str(), stdout);
    return ended;
  }
  const auto& options = std::get<ServerOptions>(*parsed);
  set_log_level(options.verbosity > 0 ? LogLevel::debug : LogLevel::info);
  try {
    run(options);
    return ended;
  } catch (const Failure& failure) {
    return end(failure.error());
  } catch (const std::exception& trouble) {
    return end({.code = Errc::failed, .doing = std::string{"something unforeseen: "} + trouble.what()});
  }
}

}  // namespace
}  // namespace pshare

int main(int argc, char** argv) { return pshare::guarded_main(argc, argv); }
