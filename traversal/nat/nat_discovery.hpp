// Finding out how the NAT in front of us behaves over UDP, with the server's help (RFC 5780 sections 4.3 and 4.4, hairpinning as RFC 4787 section 6
// means it), as a core. For people who ask: it takes two seconds where a NAT filters. What a connection needs to know tells udp_measurement.
//
// It owns no sockets: they are numbered, all are fresh, and each is for one question alone, since what a socket has sent to opens filters.
//
//   0  mapping      asks the server at each address and port that it has: is the mapped address the same everywhere?
//   1  filtering    asks at the first, once plainly, then that the answer may come from the other port, and from the other address and port
//   2  hairpinning  both ask how they are seen, then each sends to the other's external endpoint
//   3
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <variant>

#include "traversal/nat/nat_behaviour.hpp"
#include "traversal/stun_transaction.hpp"
#include "wire/core.hpp"
#include "wire/random.hpp"

namespace pshare {

class NatDiscovery {
 public:
  static constexpr std::size_t sockets = 4;

  struct Server {
    Endpoint primary;
    Port alternate_port;                         // UDP
    std::optional<IpAddress> alternate_address;  // with the same two ports
  };
  struct Settings {
    /// Silence after 2 s is a filter's.
    StunTransaction::Settings transaction{.rto = std::chrono::milliseconds{100}, .sends = 5, .last_wait = 5};
  };

  struct Send  { std::size_t socket; Endpoint to; ByteBuffer bytes; };
  struct Found { NatBehaviour behaviour; };
  using Action = std::variant<Send, Found>;

  /// `locals`: of each socket, with the address from which it reaches the server.
  NatDiscovery(std::array<Endpoint, sockets> locals, Server server, Settings settings, Random& random, TimePoint now);

  /// False: nothing of ours.
  bool arrived(std::size_t socket, const Endpoint& from, const ReceivedStun& received, TimePoint now);
  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

 private:
  enum class Test {
    mapping, mapping_port, mapping_address, mapping_both,  // how the primary, and what differs from it in port, address or both, sees socket 0
    filter, filter_port, filter_both,                      // the answer from the primary, and from what differs
    external_2, external_3, hairpin_2, hairpin_3,
  };
  struct Question {
    std::size_t socket;
    Endpoint to, answer_from;
    StunTransaction transaction;
    std::optional<Endpoint> mapped;     // it was answered with that
    std::optional<Endpoint> seen_from;  // hairpinning: the request arrived, and from there
    bool refused = false;               // answered, but not as was asked
  };

  void ask(Test test, std::size_t socket, const Endpoint& to, std::optional<ChangeRequest> change, const Endpoint& answer_from, TimePoint now);
  void drain(Question& question, TimePoint now);
  void go_on(TimePoint now);
  void end_if_over();

  const Question* at(Test test) const;
  std::optional<Endpoint> mapped(Test test) const;
  bool went_unanswered(Test test) const;
  std::optional<DependenceRange> mapping() const;
  std::optional<DependenceRange> filtering() const;
  std::optional<Hairpinning> hairpinning() const;
  NatBehaviour behaviour() const;

  std::array<Endpoint, sockets> locals_;
  Server server_;
  Settings settings_;
  Random& random_;
  std::map<Test, Question> questions_;
  std::deque<Action> actions_;
  bool ended_ = false;
};

}  // namespace pshare
