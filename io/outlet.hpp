// How connections to servers and relays leave this machine: which ways there are (straight, through a proxy, to the port of HTTPS instead of the
// server's own), in which order and at which pace they are tried (after RFC 8305), and which one worked last; and which addresses a host had. Cores; they
// know no socket.
// docs/decisions/0024 says why in this order.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "io/proxy.hpp"
#include "wire/address.hpp"
#include "wire/result.hpp"
#include "wire/time.hpp"

namespace pshare {

/// Where networks that let through nothing else let through TLS.
inline constexpr Port https_port{443};
/// What goes straight is this far ahead of what goes through a proxy: where both work, the straight one wins. RFC 8305 section 5.
inline constexpr Duration proxy_head_start = std::chrono::milliseconds{250};
/// The server's own port is this far ahead of https_port, unless it has failed sooner. Ours: a connection with TLS is up by then unless a packet was lost.
inline constexpr Duration https_head_start = std::chrono::seconds{1};
/// The most hosts whose way is remembered; there are a few servers, and relays come and go.
inline constexpr std::size_t max_remembered_ways = 64;

/// What is said of proxies on the command line and in the environment.
struct ProxySettings {
  enum class Use {
    only,    // nothing goes straight but what NO_PROXY names
    beside,  // straight as well
  };
  std::optional<Proxy> proxy = {};
  Use use = Use::beside;
  std::vector<std::string> except = {};   // patterns of NO_PROXY
  std::optional<std::string> ignored = {};  // why the environment's proxy is none to us, for people
};

/// The value of an environment variable; nothing if it is not set or empty.
using Environment = std::function<std::optional<std::string>(const char* name)>;

/// `option`: what --proxy says, a URL or "none"; then that alone is used. Else the environment's https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY, the first
/// of these that is set. no_proxy or NO_PROXY counts in either case. Errors: usage, for the option.
Result<ProxySettings> proxy_settings(const std::optional<std::string>& option, const Environment& environment);

/// Whether `patterns` (of NO_PROXY) name this host: "*", a name with all under it, an address, a block of addresses ("10.0.0.0/8"), each perhaps with a port.
bool is_excepted(const std::vector<std::string>& patterns, std::string_view host, Port port);

/// One way to a host.
struct WayOut {
  bool through_proxy = false;
  Port port;
  friend bool operator==(const WayOut&, const WayOut&) = default;
};

/// A way, and when to try it: so long after the beginning, or when the one in whose place it stands has failed, whichever comes first.
struct PlannedWay {
  WayOut way;
  Duration head_start{};
  std::size_t in_place_of = 0;  // an index before its own; of the first, its own
  friend bool operator==(const PlannedWay&, const PlannedWay&) = default;
};

/// One for the whole program: what was learned on one connection helps the next.
class Outlet {
 public:
  Outlet() = default;  // straight
  explicit Outlet(ProxySettings settings) : settings_(std::move(settings)) {}

  enum class OtherPort { https, none };
  /// The ways to a host, at least one; the one that worked last goes first. `other`: whether https_port may serve in place of `port`.
  std::vector<PlannedWay> ways(const std::string& host, Port port, OtherPort other) const;
  void worked(const std::string& host, Port port, const WayOut& way);

  /// What a look-up of that name has found, for when there is no answer: name servers are lost and back with everything else, and often last.
  void found(const std::string& host, std::vector<IpAddress> addresses);
  /// None if it was never found.
  const std::vector<IpAddress>& last_addresses(const std::string& host) const;

  const std::optional<Proxy>& proxy() const { return settings_.proxy; }
  /// Nothing goes straight to that host.
  bool only_through_proxy(const std::string& host, Port port) const;

 private:
  bool proxy_serves(const std::string& host, Port port) const;
  ProxySettings settings_;
  std::map<std::pair<std::string, Port>, WayOut> worked_;
  std::map<std::string, std::vector<IpAddress>> found_;
};

/// Starts the ways as they were planned. All go on until one succeeds, which is the driver's to notice: it then stops asking.
class WaysRace {
 public:
  struct Try { std::size_t way = 0; };  // an index into what was planned
  struct Exhausted {};                  // every way has failed; the last action
  using Action = std::variant<Try, Exhausted>;

  WaysRace(std::vector<PlannedWay> planned, TimePoint now);
  void failed(std::size_t way, TimePoint now);
  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

 private:
  struct Entrant {
    PlannedWay plan;
    bool started = false, failed = false;
  };
  std::vector<Entrant> entrants_;
  TimePoint began_;
  std::deque<Action> actions_;
};

}  // namespace pshare
