// natlab-port-mapper: traversal/io/port_mapper by itself, for the laboratory and for looking at a router without all of pshare. Prints a line of JSON at
// each change, with the time since the start, until SIGINT or SIGTERM; then gives everything back.
//
//   natlab-port-mapper [--port N] [--lifetime SECONDS] [--protocols pcp,nat-pmp,upnp] [--observed ADDRESS] [--dial-back arrived|lost] [--verbose]
#include <chrono>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "io/asio.hpp"
#include "io/log.hpp"
#include "io/task_group.hpp"
#include "secure/random_source.hpp"
#include "traversal/io/port_mapper.hpp"

namespace {

using namespace pshare;
using Json = nlohmann::ordered_json;

struct Options {
  std::uint16_t port = 4700;
  unsigned lifetime = static_cast<unsigned>(mapping_lifetime.count());
  std::vector<std::string> protocols;
  std::string observed, dial_back;
  bool verbose = false;
};

const auto began = Clock::now();

double seconds_since_start() { return std::chrono::duration<double>(Clock::now() - began).count(); }

void say(Json what) {
  what["at"] = seconds_since_start();
  std::cout << what.dump(-1, ' ', true, Json::error_handler_t::replace) << std::endl;
}

Json json_of(const MappedPorts& ports) {
  Json out{{"event", "ports"}, {"ports", Json::array()}, {"protocols", Json::array()}, {"settled", ports.settled}, {"reason", word(ports.reason())}};
  for (const auto& port : ports.ports)
    out["ports"].push_back({{"transport", word(port.transport)},
                            {"protocol", word(port.protocol)},
                            {"external", port.external.text()},
                            {"proved", port.proved},
                            {"behind_another", port.behind_another}});
  for (const auto& protocol : ports.protocols)
    out["protocols"].push_back({{"protocol", word(protocol.protocol)},
                                {"ipv6", protocol.ipv6},
                                {"state", word(protocol.state)},
                                {"reason", word(protocol.reason)},
                                {"said", protocol.said}});
  if (ports.router_address) out["router_address"] = ports.router_address->text();
  return out;
}

PortMapper::Settings settings_of(const Options& options) {
  PortMapper::Settings settings{.lifetime = std::chrono::seconds{options.lifetime}, .protocols = {}};
  for (const auto protocol : all_mapping_protocols) {
    const auto& named = options.protocols;
    if (named.empty() || std::find(named.begin(), named.end(), word(protocol)) != named.end()) settings.protocols.push_back(protocol);
  }
  return settings;
}

awaitable<void> work(const Options& options) {
  const auto executor = co_await asio::this_coro::executor;
  SecureRandom random;
  PortMapper mapper{executor, random, Port{options.port}, settings_of(options)};
  mapper.set_on_change([&] { say(json_of(mapper.ports())); });
  if (!options.dial_back.empty())
    mapper.set_verify([&](Transport transport, Endpoint external) -> awaitable<PortMapper::DialBack> {
      say({{"event", "dial-back"}, {"transport", word(transport)}, {"external", external.text()}});
      co_return options.dial_back == "arrived" ? PortMapper::DialBack::arrived : PortMapper::DialBack::lost;
    });
  if (!options.observed.empty()) mapper.set_observed(value_or_throw(IpAddress::parse(options.observed)));
  asio::signal_set signals{executor, SIGINT, SIGTERM};
  auto body = [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(mapper.run());
    co_await signals.async_wait(use_awaitable);
  };
  co_await with_tasks(std::move(body));
  const auto asked = Clock::now();
  co_await mapper.give_back(asked + std::chrono::seconds{1});
  say({{"event", "given-back"}, {"took", std::chrono::duration<double>(Clock::now() - asked).count()}, {"ports", json_of(mapper.ports())["ports"]}});
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Has routers open a port, and says what comes of it"};
  app.add_option("--port", options.port, "ours, TCP and UDP");
  app.add_option("--lifetime", options.lifetime, "of leases, in seconds");
  app.add_option("--protocols", options.protocols, "pcp, nat-pmp, upnp; all")->delimiter(',');
  app.add_option("--observed", options.observed, "where a server sees us");
  app.add_option("--dial-back", options.dial_back, "what a server's dialling comes to: arrived, lost")->check(CLI::IsMember({"arrived", "lost"}));
  app.add_flag("--verbose", options.verbose, "log what happens");
  CLI11_PARSE(app, argc, argv);
  if (options.verbose) set_log_level(LogLevel::debug);
  asio::io_context loop;
  std::exception_ptr trouble;
  asio::co_spawn(loop, work(options), [&](std::exception_ptr thrown) { trouble = std::move(thrown); });
  loop.run();
  try {
    if (trouble) std::rethrow_exception(trouble);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "natlab-port-mapper: %s\n", error.what());
    return 1;
  }
  return 0;
}
