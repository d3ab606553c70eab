#include "textbook_punch.hpp"

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "traversal/stun_transaction.hpp"

namespace pshare::sim {

namespace {

using namespace std::chrono_literals;

constexpr Duration again = 50ms;       // RFC 8445 section 14.2: Ta
constexpr Duration again_tcp = 100ms;

ByteView bytes(const std::string& text) { return bytes_of(text); }

/// "peer 192.0.2.1:4000"
std::optional<Endpoint> introduced(ByteView word) {
  const auto text = text_of(word);
  if (!text.starts_with("peer ")) return std::nullopt;
  return value_or_throw(Endpoint::parse(text.substr(5)));
}

}  // namespace

// What the server knows of the guests that have said who they are; the second to come makes the pair.
struct Introducer::Guests {
  struct Caller {
    TcpSocket socket;
    std::string name;
    Endpoint seen;
  };

  Guests(Machine& machine, Port port)
      : udp(value_or_throw(machine.udp({.port = port}))), listener(value_or_throw(machine.listen({.port = port}))) {
    udp.on_datagram([this](const Endpoint& from, const Endpoint&, ByteView datagram) { heard(from, datagram); });
    listener.on_accept([this](TcpSocket socket) {
      auto& caller = callers.emplace_back(Caller{std::move(socket), {}, {}});
      caller.seen = caller.socket.remote();
      caller.socket.on_data([this, &caller](ByteView word) { called(caller, word); });
    });
  }

  void heard(const Endpoint& from, ByteView datagram) {
    if (looks_like_stun(datagram)) {
      const auto asked = decode_stun(datagram);
      if (!asked || asked->message.kind != StunClass::request) return;
      StunMessage answer{.kind = StunClass::success, .id = asked->message.id};
      answer.xor_mapped_address = from;
      udp.send_to(from, encode(answer));
      return;
    }
    // "left 192.0.2.1:4000": who it is, and how it was seen.
    const std::string text{text_of(datagram)};
    const auto space = text.find(' ');
    if (space == std::string::npos) return;
    guests[text.substr(0, space)] = {from, text.substr(space + 1)};
    if (guests.size() < 2) return;
    for (const auto& [name, guest] : guests)
      for (const auto& [other, peer] : guests)
        if (name != other) udp.send_to(guest.first, bytes("peer " + peer.second));
  }

  void called(Caller& caller, ByteView word) {
    caller.name = text_of(word);
    for (auto& other : callers) {
      if (&other == &caller || other.name.empty() || other.name == caller.name) continue;
      other.socket.send(bytes("peer " + caller.seen.text()));
      caller.socket.send(bytes("peer " + other.seen.text()));
    }
  }

  UdpSocket udp;
  TcpListener listener;
  std::map<std::string, std::pair<Endpoint, std::string>> guests;
  std::deque<Caller> callers;
};

Introducer::Introducer(Machine& machine, Port port) : port_(port), guests_(std::make_unique<Guests>(machine, port)) {}
Introducer::~Introducer() = default;

namespace {

class UdpPeer {
 public:
  UdpPeer(Machine& machine, std::string name, Endpoint introducer)
      : machine_(machine),
        name_(std::move(name)),
        introducer_(introducer),
        began_(machine.now()),
        socket_(value_or_throw(machine.udp())),
        asking_(machine, StunTransaction{encode(StunMessage{.id = TransactionId::random(machine.random())}), {}, machine.now()},
                [this](StunTransaction::Action action) { perform(std::move(action)); }) {
    socket_.on_datagram([this](const Endpoint& from, const Endpoint&, ByteView datagram) { heard(from, datagram); });
    asking_.feed([](StunTransaction&) {});
  }

  std::optional<Duration> heard_peer_after;

 private:
  void perform(StunTransaction::Action action) {
    if (auto* send = std::get_if<StunTransaction::Send>(&action)) socket_.send_to(introducer_, send->bytes);
    if (auto* answered = std::get_if<StunTransaction::Answered>(&action)) {
      seen_ = answered->answer.message.xor_mapped_address.value();
      introduce();
    }
  }

  void introduce() {
    if (peer_) return;
    socket_.send_to(introducer_, bytes(name_ + ' ' + seen_.text()));
    machine_.in(10 * again, [this] { introduce(); });
  }

  void heard(const Endpoint& from, ByteView datagram) {
    if (from == introducer_) {
      if (looks_like_stun(datagram)) asking_.feed([&](StunTransaction& core) { core.receive(datagram, machine_.now()); });
      else if (const auto peer = introduced(datagram); peer && !peer_) seek(*peer);
      return;
    }
    // Whoever is heard is answered, and sought, where it was heard from: that may not be the address we were told (peer-reflexive).
    if (text_of(datagram) == "knock") seek(from), socket_.send_to(from, bytes("come in"));
    else if (!heard_peer_after) heard_peer_after = machine_.now() - began_;
  }

  void seek(const Endpoint& peer) {
    const bool first = !peer_;
    peer_ = peer;
    if (first) knock();
  }

  void knock() {
    if (heard_peer_after) return;
    socket_.send_to(*peer_, bytes("knock"));
    machine_.in(again, [this] { knock(); });
  }

  Machine& machine_;
  std::string name_;
  Endpoint introducer_, seen_;
  TimePoint began_;
  std::optional<Endpoint> peer_;
  UdpSocket socket_;
  Driver<StunTransaction> asking_;
};

class TcpPeer {
 public:
  TcpPeer(Machine& machine, std::string name, Endpoint introducer) : machine_(machine), name_(std::move(name)), began_(machine.now()) {
    to_introducer_ = machine.connect(introducer);
    port_ = to_introducer_.local().port;
    to_introducer_.on_connected([this] { to_introducer_.send(bytes(name_)); });
    to_introducer_.on_data([this](ByteView word) {
      if (const auto peer = introduced(word); peer && !peer_) peer_ = peer, knock();
    });
    listener_ = value_or_throw(machine.listen({.port = port_}));
    listener_.on_accept([this](TcpSocket socket) { connected(std::move(socket)); });
  }

  std::optional<Duration> heard_peer_after;

 private:
  void knock() {
    if (heard_peer_after) return;
    attempt_ = machine_.connect(*peer_, {.from = port_});
    attempt_.on_connected([this] { connected(std::move(attempt_)); });
    attempt_.on_closed([this](const TcpEnd&) { machine_.in(again_tcp, [this] { knock(); }); });
  }

  void connected(TcpSocket socket) {
    auto& up = up_.emplace_back(std::move(socket));
    up.on_data([this](ByteView) {
      if (!heard_peer_after) heard_peer_after = machine_.now() - began_;
    });
    up.send(bytes("come in"));
  }

  Machine& machine_;
  std::string name_;
  TimePoint began_;
  Port port_;
  std::optional<Endpoint> peer_;
  TcpSocket to_introducer_, attempt_;
  TcpListener listener_;
  std::deque<TcpSocket> up_;
};

template <typename Peer>
PunchTimes punch(World& world, Machine& left, Machine& right, const Endpoint& introducer, Duration patience) {
  Peer first{left, "left", introducer}, second{right, "right", introducer};
  world.events().run_until([&] { return first.heard_peer_after && second.heard_peer_after; }, world.now() + patience);
  // What was planned for these two is not to happen any more.
  left.kill(), right.kill();
  left.start(), right.start();
  return {first.heard_peer_after, second.heard_peer_after};
}

}  // namespace

PunchTimes punch_udp(World& world, Machine& left, Machine& right, const Endpoint& introducer, Duration patience) {
  return punch<UdpPeer>(world, left, right, introducer, patience);
}

PunchTimes punch_tcp(World& world, Machine& left, Machine& right, const Endpoint& introducer, Duration patience) {
  return punch<TcpPeer>(world, left, right, introducer, patience);
}

}  // namespace pshare::sim
