// One bound UDP socket and all that shares it: STUN (punching, discovery), QUIC lanes and bare datagrams, told apart by their first byte
// (RFC 9443: 0-3 STUN, 64-127 and 192-255 QUIC). A NAT knows one mapping for one socket, so whoever wants the punched hole must share it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "traversal/io/udp_socket.hpp"
#include "wire/address.hpp"
#include "wire/bytes.hpp"
#include "wire/time.hpp"

namespace pshare {

/// Shared by those who listen on it and by the lanes that run over it: the socket lives as long as any of them.
class UdpPort : public std::enable_shared_from_this<UdpPort> {
 public:
  using Listener = std::function<void(const Endpoint& from, ByteView datagram, TimePoint now)>;

  /// Binds one family; port 0 lets the system choose. The same number may be open for the other family and for TCP.
  /// Errors: busy (in use), refused (privileged), unsupported (this machine has not got the family), local_io.
  static std::shared_ptr<UdpPort> open(const asio::any_io_executor& executor, IpFamily family, Port port = {});
  /// The same on one address of this machine.
  static std::shared_ptr<UdpPort> open(const asio::any_io_executor& executor, const Endpoint& at);
  ~UdpPort();

  const Endpoint& local() const { return socket_.local(); }
  Endpoint local_towards(const Endpoint& remote) const noexcept { return socket_.local_towards(remote); }
  IpFamily family() const { return socket_.family(); }
  asio::any_io_executor executor() { return socket_.socket().get_executor(); }

  /// Ends the registration when it goes. May outlive the port.
  class Registration {
   public:
    Registration() = default;
    Registration(Registration&& other) noexcept;
    Registration& operator=(Registration&& other) noexcept;
    ~Registration();

   private:
    friend class UdpPort;
    Registration(std::weak_ptr<UdpPort> port, std::function<void(UdpPort&)> end);
    std::weak_ptr<UdpPort> port_;
    std::function<void(UdpPort&)> end_;
  };
  /// Every STUN datagram goes to every such listener, in the order of their registration.
  [[nodiscard]] Registration on_stun(Listener listener);
  /// What is neither STUN nor QUIC, if it has 16 to 64 bytes (the server's dial-back nonce).
  [[nodiscard]] Registration on_other(Listener listener);
  /// QUIC of no lane's, as after a restart of this program.
  [[nodiscard]] Registration on_stray_quic(Listener listener);

  /// False if the system did not take it: no route, a full buffer, another family. `ttl` (or hop limit) instead of the system's own.
  bool send(const Endpoint& to, ByteView datagram, std::optional<int> ttl = std::nullopt) noexcept;

  /// Nothing arrives and nothing is sent any more. Lanes over it fail.
  void close() noexcept;

  /// A lane, as its port sees it.
  class LaneEnd {
   public:
    /// One QUIC datagram from there.
    virtual void arrived(const Endpoint& from, ByteView datagram, std::uint8_t ecn, TimePoint now) = 0;
    /// That was all for now: the moment to answer.
    virtual void all_arrived(TimePoint now) = 0;
    virtual void writable(TimePoint now) = 0;
    /// May this datagram be ours, though it comes from where nobody is registered? (A peer whose NAT gave it another port.)
    virtual bool recognises(ByteView datagram) const = 0;

   protected:
    ~LaneEnd() = default;
  };
  /// From now on QUIC from `remote` is `lane`'s, which takes itself off again (drop) before it goes. Errors: busy (another has that remote).
  void enlist(const Endpoint& remote, LaneEnd& lane);
  void drop(const LaneEnd& lane) noexcept;
  UdpSent send_run(const SocketAddress& to, ByteView bytes, std::size_t segment, std::uint8_t ecn) noexcept;
  /// Calls writable() of all lanes, once.
  void tell_when_writable();

 private:
  struct Listeners {
    std::map<std::uint64_t, std::shared_ptr<Listener>> all;  // shared with the call under way, which may end its own registration
    void tell(const Endpoint& from, ByteView datagram, TimePoint now);
  };
  explicit UdpPort(UdpSocket socket);
  Registration listen(Listeners UdpPort::*where, Listener listener);
  void wait();
  void receive();
  void sort(const Endpoint& from, const UdpArrival& run, TimePoint now);
  LaneEnd* lane_for(const Endpoint& from, ByteView datagram);
  void remember_early(const Endpoint& from, ByteView datagram, TimePoint now);

  UdpSocket socket_;
  bool streaming_ = false, awaiting_writable_ = false;
  std::uint64_t next_listener_ = 0;
  Listeners stun_, other_, stray_;
  std::map<Endpoint, LaneEnd*> lanes_;
  std::vector<LaneEnd*> woken_;  // had datagrams in this round

  /// The first datagram of a peer that was quicker than our own side: kept a moment, since its next try is a probe timeout away.
  struct Early {
    Endpoint from;
    ByteBuffer datagram;
    TimePoint at;
  };
  std::vector<Early> early_;
};

}  // namespace pshare
