// An internet described in JSON: edges to real kernels, and between them switches, NATs, routers and wires. It runs on the events of
// the simulator, with the real clock. Configuration and commands are described in tests/natlab/README.md.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "fields.hpp"
#include "network/gateway.hpp"
#include "network/mapping_service.hpp"
#include "network/router.hpp"
#include "tun_edge.hpp"

namespace pshare::natlab {

class Internet {
 public:
  using Json = nlohmann::json;

  /// Throws std::exception, with words, for a description that makes no sense and for devices that cannot be had.
  explicit Internet(const Json& description);
  ~Internet();

  sim::EventQueue& events() { return events_; }
  std::deque<TunEdge>& edges() { return edges_; }

  /// {"ok":true,...} or {"ok":false,"error":"..."}: never throws. "quit" is the caller's.
  Json perform(const Json& command);

 private:
  struct NamedWire { std::string name; std::unique_ptr<sim::Wire> wire; };

  void add_edge(const Json& edge);
  void add_switch(const Json& described);
  void add_nat(const Json& nat);
  void add_service(sim::Gateway& nat, const Json& protocols, const Json& habits);
  void add_router(const Json& router);
  void add_wire(const Json& wire);
  sim::Interface& interface(const std::string& end);
  sim::Gateway& nat(const std::string& name);
  sim::Router& router(const std::string& name);
  sim::Wire& wire(const std::string& name);
  static sim::Interface& port_of(sim::Router& router, const std::string& name);
  Json counters();
  Json carry_out(const Json& described);
  void change_wire(Fields& command);
  void change_external(Fields& command);
  void add_rule(Fields& command);

  sim::EventQueue events_;
  SeededRandom random_;
  std::deque<TunEdge> edges_;
  std::deque<sim::Switch> switches_;
  std::deque<sim::Gateway> nats_;
  std::deque<sim::MappingService> services_;  // of some of them
  std::deque<sim::Router> routers_;
  std::vector<NamedWire> wires_;
};

}  // namespace pshare::natlab
