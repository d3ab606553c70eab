// What is asked of a UPnP Internet Gateway Device (WANIPConnection:1), as a core: one mapping each of a TCP and a UDP port of ours, and what
// the errors mean that routers are known for. Search, HTTP and XML are the driver's (traversal/io/igd); it carries out one action at a time.
//
// A mapping here is one of an external port, which we choose: one that is another host's already is an error (718), and another is tried.
// Some routers lease only for ever (725); the mapping is then ours to take away.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "traversal/mapping/mapping.hpp"
#include "wire/core.hpp"
#include "wire/random.hpp"

namespace pshare {

class IgdClient {
 public:
  /// Look for a gateway; then found() or absent().
  struct Search {};
  /// AddPortMapping; then added(), denied() or failed(). A lifetime of 0: for ever.
  struct Add {
    Transport transport = Transport::tcp;
    Port internal, external;
    std::chrono::seconds lifetime{0};
    friend bool operator==(const Add&, const Add&) = default;
  };
  /// DeletePortMapping; then deleted(), whatever the gateway says.
  struct Delete {
    Transport transport = Transport::tcp;
    Port external;
    friend bool operator==(const Delete&, const Delete&) = default;
  };
  using Action = std::variant<Search, Add, Delete, GatewayAnswers, GatewayUnusable, GatewayForgot, MappingGranted, MappingDenied, MappingReleased>;

  // WANIPConnection:1 section 2.4.16.
  static constexpr int conflict_in_mapping_entry = 718, only_permanent_leases_supported = 725;
  /// Ours: so many ports are tried.
  static constexpr int tries = 4;

  /// `random` lives longer.
  explicit IgdClient(Random& random) : random_(random) { actions_.emplace_back(Search{}); }

  /// Once it answers. Asks for a mapping of our port, or renews it.
  void map(Transport transport, Port internal, Port external, std::chrono::seconds lifetime);
  /// Also what is not answered yet. Without a mapping nothing is asked, and it is released.
  void release(Transport transport);

  /// `external` is the gateway's address outside; nothing: it says that it has none.
  void found(std::optional<IpAddress> external);
  void absent();
  void added(Transport transport);
  void denied(Transport transport, int error, std::string_view words);
  void failed(Transport transport, std::string_view words);
  void deleted(Transport transport);

  void expire(TimePoint) {}
  std::optional<TimePoint> deadline() const { return std::nullopt; }
  std::optional<Action> take();

 private:
  struct Mapping {
    std::optional<Add> asked{};  // last
    bool waiting = false, held = false;
    int tries_left = 0;
  };

  Mapping& of(Transport transport) { return mappings_[transport == Transport::tcp ? 0 : 1]; }
  void add(Mapping& mapping);
  void deny(Transport transport, std::string_view words);

  Random& random_;
  std::optional<IpAddress> external_;
  std::array<Mapping, 2> mappings_;
  std::deque<Action> actions_;
};

}  // namespace pshare
