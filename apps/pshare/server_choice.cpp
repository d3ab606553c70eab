#include "apps/pshare/server_choice.hpp"

#include "apps/process/environment.hpp"

namespace pshare {

std::vector<ServerSpec> chosen_servers(const Program& program) {
  if (program.options.server) return value_or_throw(parse_servers(*program.options.server));
  if (const auto given = environment("PSHARE_SERVER")) return value_or_throw(parse_servers(*given));
  if (const auto& standing = program.options.settings.server) return value_or_throw(parse_servers(*standing));
  throw Failure{{.code = Errc::usage,
                 .doing = "no server is known",
                 .hint = "Run `pshare init --name YOU --server HOST:PORT` once, or name one with --server or PSHARE_SERVER. "
                         "`pshare-server` on any public machine is one."}};
}

awaitable<ServerAddress> pinned_server(Program& program, ServerSpec spec) {
  if (spec.fingerprint) co_return ServerAddress{spec.host, spec.port, *spec.fingerprint};
  auto pins = value_or_throw(program.home.servers());
  if (const auto pin = pins.find(spec.host_and_port())) co_return ServerAddress{spec.host, spec.port, pin->id};

  const auto key = co_await learn_server_key(spec.host, spec.port, program.tls, program.outlet, program.server_patience());
  value_or_throw(pins.add(Pin{spec.host_and_port(), key}));
  program.report.warn("the server " + spec.host_and_port() + " is new to you; its key is remembered from now on:\n  " + key.text());
  co_return ServerAddress{spec.host, spec.port, key};
}

std::vector<ServerSpec> servers_for(const Program& program, const std::optional<std::string>& of_code) {
  if (program.options.server || !of_code) return chosen_servers(program);
  return {value_or_throw(ServerSpec::parse(*of_code))};
}

awaitable<std::vector<ServerAddress>> pinned_servers(Program& program) {
  auto specs = chosen_servers(program);
  co_return co_await pinned_servers(program, std::move(specs));
}

awaitable<std::vector<ServerAddress>> pinned_servers(Program& program, std::vector<ServerSpec> specs) {
  std::vector<ServerAddress> known;
  std::optional<Error> trouble;
  for (const auto& spec : specs) {
    try {
      const auto address = co_await pinned_server(program, spec);
      known.push_back(address);
    } catch (const Failure& failure) {
      trouble = failure.error();
      if (specs.size() > 1) program.report.warn("the server " + spec.host_and_port() + " is left out for now: " + trouble->message());
    }
  }
  if (known.empty()) throw Failure{*trouble};
  co_return known;
}

}  // namespace pshare
