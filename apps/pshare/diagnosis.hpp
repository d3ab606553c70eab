// All that `pshare doctor` has found, as values: what it says in words (diagnosis_words.cpp) and to programs (diagnosis_json.cpp) is made of this alone.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "io/interfaces.hpp"
#include "traversal/mapping/mapped_ports.hpp"
#include "traversal/nat/nat_behaviour.hpp"
#include "traversal/nat/prognosis.hpp"
#include "wire/error.hpp"
#include "wire/nat.hpp"

namespace pshare {

/// A clock that is off by more than this is told of. An hour ahead makes peers drop what we say (docs/protocol.md).
inline constexpr std::chrono::seconds clock_tolerance{60};

struct Diagnosis {
  struct Server {
    std::string address;                                   // as the user gave it
    std::optional<std::string> trouble = {};               // why it was not reached: then nothing that needs it is known, and nothing concluded
    std::optional<Endpoint> endpoint = {};                 // that was dialled; nothing if that was through a proxy
    std::optional<std::string> proxy = {};                 // through which it was reached, without credentials
    std::string version = {};
    std::optional<Duration> round_trip = {};
    std::optional<std::chrono::seconds> clock_ahead = {};  // ours; negative: behind
    bool stun = false;                                     // it can say how it sees us
    bool two_addresses = false;
  };

  /// Nothing anywhere: unknown.
  struct Nat {
    PortForecast forecast = {};
    std::optional<Endpoint> external = {};
    std::optional<DependenceRange> mapping = {}, filtering = {};
    std::optional<bool> preserves_ports = {};
    std::optional<bool> strangers_get_in = {};             // at the punching port's external endpoint, though no router opened it
  };

  struct Ipv6 {
    bool address = false;                                  // this machine has one of the internet's
    std::optional<bool> server_reached = {};               // nothing: the server has none
    std::optional<bool> strangers_get_in = {};
  };

  struct With {
    std::string name;
    NetworkFindings network;
    Prognosis prognosis;
  };

  Server server;
  Port port;                                               // the punching port
  std::vector<InterfaceAddress> addresses = {};
  bool translated = false;                                 // there is a NAT in front of us, as far as IPv4 goes
  Nat udp = {}, tcp = {};
  std::optional<Hairpinning> hairpinning = {};
  std::optional<MappingLifetime> lifetime = {};            // looked at only when asked
  bool routers_asked = false;
  MappedPorts mappings = {};
  std::optional<Port> manual_port = {};
  std::optional<bool> manual_port_works = {};
  Ipv6 ipv6 = {};
  std::optional<bool> tcp_443_out = {};                    // nothing: nobody answered there, which proves nothing

  NetworkFindings network = {};
  std::vector<std::pair<std::string, Prognosis>> expected = {};  // of typical peers
  std::vector<Advice> advice = {};
  std::optional<With> with = {};
};

/// The server sees us at an address that is not the internet's: it is in our own network, or on this machine, and cannot tell what lies beyond.
bool server_is_near(const Diagnosis& diagnosis);

/// Fills in what follows from the rest: network, expected, advice.
void conclude(Diagnosis& diagnosis);

/// Several lines for people.
std::string diagnosis_words(const Diagnosis& diagnosis);
/// {"event":"doctor",...}, one line; docs/doctor.md says what is in it.
std::string diagnosis_json(const Diagnosis& diagnosis);

}  // namespace pshare
