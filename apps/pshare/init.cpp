// pshare init: makes the identity, remembers the server, and registers a name there.
#include "apps/process/environment.hpp"
#include "apps/pshare/program.hpp"
#include "apps/pshare/server_choice.hpp"
#include "io/task_group.hpp"
#include "traversal/io/rendezvous_client.hpp"

namespace pshare {

namespace {

awaitable<void> register_at(Program& program, ServerAddress address, std::optional<std::string> name) {
  RendezvousClient server{program.executor, program.tls, address, program.random, program.outlet, RendezvousClient::Attendance::answers_only};
  const auto conversation = [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(server.run());
    tasks.start(until_interrupted());
    co_await server.welcome(program.server_patience());
    if (name) co_await server.register_name(*name, program.server_patience());
  };
  co_await with_tasks<void>(conversation);
}

/// A fingerprint said to `init` is the user's word, also against what was pinned before.
void pin(Program& program, const ServerSpec& spec, const PeerId& key) {
  auto pins = value_or_throw(program.home.servers());
  if (const auto old = pins.find(spec.host_and_port()); old && old->id != key) {
    value_or_throw(pins.remove(spec.host_and_port()));
    program.report.warn("the key remembered for " + spec.host_and_port() + " was another one; it is replaced.");
  }
  value_or_throw(pins.add(Pin{spec.host_and_port(), key}));
}

awaitable<void> introduce(Program& program, ServerSpec spec, std::optional<std::string> name) {
  const auto address = co_await pinned_server(program, spec);
  co_await register_at(program, address, name);
  pin(program, spec, address.key);
}

/// At one at least: one that is down is worth a warning, one that says no (the name is somebody else's there) is the end.
awaitable<void> introduce_at_all(Program& program, std::vector<ServerSpec> specs, std::optional<std::string> name) {
  std::size_t reached = 0;
  std::optional<Error> trouble;
  for (const auto& spec : specs) {
    try {
      co_await introduce(program, spec, name);
      ++reached;
    } catch (const Failure& failure) {
      trouble = failure.error();
      if (trouble->code != Errc::unreachable && trouble->code != Errc::timed_out) throw;
      if (spec.fingerprint) pin(program, spec, *spec.fingerprint);
      if (specs.size() > 1)
        program.report.warn("the server " + spec.host_and_port() + " was not reached, and does not know you yet; run `pshare init` again when it is there: " + trouble->message());
    }
  }
  if (reached == 0) throw Failure{*trouble};
}

std::string list_of(const std::vector<ServerSpec>& specs) {
  std::string list;
  for (const auto& each : specs) list += (list.empty() ? "" : ",") + each.host_and_port();
  return list;
}

}  // namespace

awaitable<void> init(Program& program, InitOptions options) {
  const auto& before = program.options.settings;
  const auto& of_all = program.options.server_of_all;  // what other verbs will have
  auto name = before.name;
  std::optional<std::string> new_server;
  const bool server_known = program.options.server || environment("PSHARE_SERVER") || before.server;
  if (server_known) {
    const auto specs = chosen_servers(program);
    if (options.name) name = options.name;
    co_await introduce_at_all(program, specs, name);
    if (!of_all || list_of(value_or_throw(parse_servers(*of_all))) != list_of(specs)) new_server = list_of(specs);
  } else if (options.name) {
    throw Failure{{.code = Errc::usage,
                   .doing = "a name is registered at a server, and none is known",
                   .hint = "Run `pshare init --name " + *options.name + " --server HOST:PORT`."}};
  }
  // What stands in the file already stays as it is written there, with a fingerprint for instance.
  value_or_throw(program.home.keep({.server = new_server, .name = name != before.name ? name : std::nullopt}));
  program.report.identity(name.value_or(""), program.identity.id());
  if (server_known && name) program.report.say("Others can now send you files: run `pshare receive`.");
}

}  // namespace pshare
