// How fast the simulator runs: whole scenarios of two peers behind NATs each second of real time, on one core. A scenario is a world
// of its own with a server, two sites out of ten kinds with their gateways and lines, a STUN transaction of each, an introduction and
// UDP punching, until both have heard each other or two seconds have passed.
//
//   bench_simulator [SECONDS]      prints scenarios, connected pairs, events, and each of them per second
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "network/site_kinds.hpp"
#include "textbook_punch.hpp"

int main(int count, char** arguments) {
  using namespace pshare;
  using namespace pshare::sim;
  using namespace std::chrono_literals;
  const std::chrono::duration<double> budget{count > 1 ? std::atof(arguments[1]) : 3.0};
  const auto began = Clock::now();
  std::uint64_t scenarios = 0, connected = 0, events = 0;
  std::chrono::duration<double> took{};
  do {
    const auto& a = site_kinds[scenarios % site_kinds.size()];
    const auto& b = site_kinds[scenarios / site_kinds.size() % site_kinds.size()];
    World world{Seed{++scenarios}};
    Internet internet{world};
    auto& server = internet.add_server("server", {"81.2.69.10"});
    const Introducer introducer{server, Port{4700}};
    auto& left = add_site(internet, a, "left");
    auto& right = add_site(internet, b, "right");
    connected += punch_udp(world, left, right, introducer.at(server.addresses().front().address), 2s).connected() ? 1 : 0;
    events += world.events().steps();
    took = Clock::now() - began;
  } while (took < budget);
  std::printf("%llu scenarios in %.2f s, %llu connected: %.0f scenarios/s, %.0f events/s\n", static_cast<unsigned long long>(scenarios), took.count(),
              static_cast<unsigned long long>(connected), static_cast<double>(scenarios) / took.count(), static_cast<double>(events) / took.count());
  return 0;
}
