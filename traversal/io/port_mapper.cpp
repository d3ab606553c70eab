#include "traversal/io/port_mapper.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include "io/deadline.hpp"
#include "io/interfaces.hpp"
#include "io/log.hpp"
#include "io/socket_errors.hpp"
#include "io/tcp_stream.hpp"
#include "traversal/io/igd.hpp"
#include "traversal/io/igd_firewall.hpp"
#include "traversal/overloaded.hpp"

namespace pshare {

namespace {

using std::chrono::seconds;
namespace ip = asio::ip;

// Ours: how often we look whether the network is another, and how long a socket that is in trouble is left alone.
constexpr Duration look_again = seconds{10}, pause_after_trouble = seconds{1};
constexpr std::size_t longest_datagram = std::max(max_pcp_message, max_nat_pmp_message) + 1;

ip::udp::endpoint for_udp(const Endpoint& endpoint, unsigned zone = 0) {
  const auto same = to_asio(endpoint, zone);
  return {same.address(), same.port()};
}

Endpoint from_udp(const ip::udp::endpoint& endpoint) { return from_asio({endpoint.address(), endpoint.port()}); }

/// Which of our addresses a packet to there would leave from. Nothing is sent.
std::optional<IpAddress> source_towards(const Endpoint& there, const asio::any_io_executor& executor) {
  try {
    const auto to = for_udp(there);
    ip::udp::socket socket{executor, to.protocol()};
    socket.connect(to);
    return from_udp(socket.local_endpoint()).address;
  } catch (const std::system_error&) {  // no route
    return std::nullopt;
  }
}

}  // namespace

// ---- One gateway, one family ----

class PortMapper::Session {
 public:
  Session(PortMapper& owner, const Network& at)
      : network(at),
        core_({.gateway = at.route.gateway,
               .own = at.own,
               .local = owner.local_,
               .lifetime = owner.settings_.lifetime,
               .protocols = protocols_for(owner, at)},
              owner.random_, Clock::now()),
        owner_(owner),
        pcp_(owner.executor_),
        nat_pmp_(owner.executor_),
        announcements_(owner.executor_),
        igd_(way_to(at.route, at.own), at.own),
        firewall_(ways_to_firewall(at), at.own),
        news_(owner.executor_),
        igd_asked_(owner.executor_) {
    open(pcp_);
    open(nat_pmp_);
    open_announcements();
    if (owner.observed_) observed(*owner.observed_);
  }

  /// For ever, or until everything is given back.
  awaitable<void> run(bool until_given_back) {
    auto body = [this, until_given_back](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(serve_igd());
      for (const auto protocol : {MappingProtocol::pcp, MappingProtocol::nat_pmp}) tasks.start(read(protocol));
      if (announcements_.is_open()) tasks.start(read_announcements());
      for (;;) {
        while (auto action = core_.take()) perform(std::move(*action), tasks);
        if (core_.is_given_back()) {
          owner_.given_back_.ring();
          if (until_given_back) co_return;
        }
        co_await news_.wait(core_.deadline());
        core_.expire(Clock::now());
      }
    };
    co_await with_tasks(std::move(body));
  }

  void observed(const IpAddress& address) {
    if (address.is_v4() != network.own.is_v4()) return;
    core_.observed(address, Clock::now());
    news_.ring();
  }

  void give_back() {
    core_.give_back(Clock::now());
    news_.ring();
  }
  bool is_given_back() const { return core_.is_given_back(); }
  const MappedPorts& ports() const { return core_.ports(); }

  const Network network;

 private:
  static std::vector<MappingProtocol> protocols_for(const PortMapper& owner, const Network& at) {
    auto protocols = owner.settings_.protocols;
    if (at.own.is_v6()) std::erase(protocols, MappingProtocol::nat_pmp);
    return protocols;
  }
  static UpnpGateway way_to(const DefaultRoute& route, const IpAddress& own) {
    return {route.gateway, own, interface_index(route.interface)};
  }
  static std::vector<UpnpGateway> ways_to_firewall(const Network& at) {
    std::vector<UpnpGateway> ways{way_to(at.route, at.own)};
    if (at.beside) ways.push_back(way_to(at.beside->route, at.beside->own));
    return ways;
  }
  Endpoint gateway() const { return {network.route.gateway, pcp_server_port}; }
  unsigned zone() const { return network.route.gateway.scope() == Scope::link_local ? interface_index(network.route.interface) : 0; }
  ip::udp::socket& socket_of(MappingProtocol protocol) { return protocol == MappingProtocol::pcp ? pcp_ : nat_pmp_; }

  /// Connected, so that the kernel drops what others send and tells us when nobody listens there.
  void open(ip::udp::socket& socket) const {
    try {
      const auto from = for_udp({network.own, Port{0}});
      socket.open(from.protocol());
      socket.bind(from);
      socket.connect(for_udp(gateway(), zone()));
      socket.non_blocking(true);
    } catch (const std::system_error& error) {
      log(LogLevel::debug, "mapping.socket_failed", {{"gateway", gateway()}, {"why", error.what()}});
    }
  }

  /// Shared with every other program that listens for them; without it, a reboot of the gateway is noticed at the next renewal.
  void open_announcements() {
    try {
      const auto any = for_udp({network.own.is_v4() ? IpAddress{} : IpAddress{IpAddress::V6{}}, pcp_client_port});
      announcements_.open(any.protocol());
      announcements_.set_option(ip::udp::socket::reuse_address(true));
      if (network.own.is_v6()) announcements_.set_option(ip::v6_only(true));
      announcements_.bind(any);
      if (network.own.is_v4())
        announcements_.set_option(ip::multicast::join_group(ip::make_address_v4("224.0.0.1"), for_udp({network.own, Port{0}}).address().to_v4()));
      else
        announcements_.set_option(ip::multicast::join_group(ip::make_address_v6("ff02::1"), interface_index(network.route.interface)));
    } catch (const std::system_error& error) {
      log(LogLevel::debug, "mapping.no_announcements", {{"why", error.what()}});
      std::error_code ignored;
      announcements_.close(ignored);
    }
  }

  void perform(PortMappings::Action action, TaskGroup& tasks) {
    std::visit(Overloaded{
                   [&](PortMappings::Send& send) {
                     std::error_code ignored;  // it is sent again, or its answer is this error
                     socket_of(send.protocol).send(asio::buffer(send.bytes), 0, ignored);
                   },
                   [&](PortMappings::Verify& verify) { tasks.start(have_dialled(verify)); },
                   [&](PortMappings::Changed) { owner_.changed(); },
                   [&](auto& igd) {
                     igd_work_.emplace_back(igd);
                     igd_asked_.ring();
                   },
               },
               action);
  }

  awaitable<void> read(MappingProtocol protocol) {
    std::array<std::byte, longest_datagram> buffer;
    auto& socket = socket_of(protocol);
    for (;;) {
      const auto [error, count] = co_await socket.async_receive(asio::buffer(buffer), asio::experimental::as_tuple(use_awaitable));
      if (error == asio::error::operation_aborted) throw std::system_error{error};
      if (!error) {
        core_.receive(protocol, gateway(), ByteView{buffer}.first(count), Clock::now());
      } else if (is_turned_away(error)) {
        core_.refused(protocol, Clock::now());
      } else {
        co_await sleep_until(Clock::now() + pause_after_trouble);
      }
      news_.ring();
    }
  }

  awaitable<void> read_announcements() {
    std::array<std::byte, longest_datagram> buffer;
    for (;;) {
      ip::udp::endpoint from;
      const auto [error, count] =
          co_await announcements_.async_receive_from(asio::buffer(buffer), from, asio::experimental::as_tuple(use_awaitable));
      if (error == asio::error::operation_aborted) throw std::system_error{error};
      if (!error) {
        core_.announced(from_udp(from), ByteView{buffer}.first(count), Clock::now());
      } else {
        co_await sleep_until(Clock::now() + pause_after_trouble);
      }
      news_.ring();
    }
  }

  awaitable<void> have_dialled(PortMappings::Verify what) {
    if (!owner_.verify_) co_return;
    auto result = DialBack::not_tried;
    try {
      result = co_await owner_.verify_(what.transport, what.external);
    } catch (const Failure& failure) {
      log(LogLevel::debug, "mapping.not_verified", {{"external", what.external}, {"why", failure.error().message()}});
    }
    if (result == DialBack::not_tried) co_return;
    const bool arrived = result == DialBack::arrived;
    log(LogLevel::debug, "mapping.verified", {{"external", what.external}, {"transport", word(what.transport)}, {"arrived", arrived ? "yes" : "no"}});
    core_.dialled(what.transport, what.external, arrived, Clock::now());
    news_.ring();
  }

  /// One after the other, as the clients want it. What is cancelled in the middle is done once more when we are run again: the answer that was
  /// not waited for may be the number of a pinhole, without which it cannot be given back. What a mapping needs for that is known.
  awaitable<void> serve_igd() {
    for (;;) {
      while (!igd_work_.empty()) {
        const auto work = igd_work_.front();
        if (network.own.is_v4()) igd_work_.pop_front();
        auto task = std::visit([this](const auto& what) { return carry_out(what); }, work);
        co_await std::move(task);
        if (network.own.is_v6()) igd_work_.pop_front();
        news_.ring();
      }
      co_await igd_asked_.wait();
    }
  }

  awaitable<void> carry_out(IgdClient::Search) {
    const auto found = co_await igd_.search();
    if (found) {
      core_.igd_found(found->external, Clock::now());
    } else {
      core_.igd_absent(Clock::now());
    }
  }

  awaitable<void> carry_out(IgdClient::Delete remove) {
    co_await igd_.remove(remove);
    core_.igd_deleted(remove.transport, Clock::now());
  }

  awaitable<void> carry_out(IgdClient::Add add) {
    const auto outcome = co_await igd_.add(add);
    std::visit(Overloaded{
                   [&](std::monostate) { core_.igd_added(add.transport, Clock::now()); },
                   [&](const auto& trouble) { refuse(add.transport, trouble); },
               },
               outcome);
  }

  awaitable<void> carry_out(PinholeClient::Search) {
    const auto status = co_await firewall_.search();
    if (status) {
      core_.firewall_found(*status, Clock::now());
    } else {
      core_.igd_absent(Clock::now());
    }
  }

  awaitable<void> carry_out(PinholeClient::Add add) {
    const auto outcome = co_await firewall_.add(add);
    std::visit(Overloaded{
                   [&](PinholeId id) { core_.pinhole_added(add.transport, id, Clock::now()); },
                   [&](const auto& trouble) { refuse(add.transport, trouble); },
               },
               outcome);
  }

  awaitable<void> carry_out(PinholeClient::Update update) {
    const auto outcome = co_await firewall_.update(update);
    std::visit(Overloaded{
                   [&](std::monostate) { core_.pinhole_updated(update.transport, Clock::now()); },
                   [&](const auto& trouble) { refuse(update.transport, trouble); },
               },
               outcome);
  }

  awaitable<void> carry_out(PinholeClient::Delete remove) {
    co_await firewall_.remove(remove);
    core_.igd_deleted(remove.transport, Clock::now());
  }

  void refuse(Transport transport, const SoapError& error) { core_.igd_denied(transport, error.code, error.words, Clock::now()); }
  void refuse(Transport transport, const UpnpGateway::Failed& failed) { core_.igd_failed(transport, failed.words, Clock::now()); }

  PortMappings core_;
  PortMapper& owner_;
  ip::udp::socket pcp_, nat_pmp_, announcements_;
  Igd igd_;               // for IPv4
  IgdFirewall firewall_;  // for IPv6
  Wakeup news_;  // for run(): the core has been told something
  std::deque<std::variant<IgdClient::Search, IgdClient::Add, IgdClient::Delete, PinholeClient::Search, PinholeClient::Add, PinholeClient::Update,
                          PinholeClient::Delete>>
      igd_work_;
  Wakeup igd_asked_;
};

// ---- All of them ----

PortMapper::PortMapper(asio::any_io_executor executor, Random& random, Port local) : PortMapper(std::move(executor), random, local, Settings{}) {}

PortMapper::PortMapper(asio::any_io_executor executor, Random& random, Port local, Settings settings)
    : executor_(std::move(executor)), random_(random), local_(local), settings_(std::move(settings)), given_back_(executor_) {}

PortMapper::~PortMapper() = default;

std::vector<PortMapper::Network> PortMapper::networks(asio::any_io_executor executor) {
  std::vector<Network> found;
  if (auto route = default_route(IpFamily::v4)) {
    const auto own = source_towards({route->gateway, pcp_server_port}, executor);
    if (own && (own->scope() == Scope::private_use || own->scope() == Scope::shared)) found.push_back({std::move(*route), *own});
  }
  std::optional<Network::Beside> beside;
  if (!found.empty()) beside = {found.front().route, found.front().own};
  if (auto route = default_route(IpFamily::v6)) {
    // Towards the gateway it would be our link-local address. Any other on the internet will do to ask the system; this one is nobody's.
    const auto own = source_towards({value_or_throw(IpAddress::parse("2001:db8::1")), pcp_server_port}, executor);
    if (own && own->scope() == Scope::global) found.push_back({std::move(*route), *own, std::move(beside)});
  }
  return found;
}

awaitable<void> PortMapper::run() {
  struct Running {
    bool& flag;
    explicit Running(bool& of) : flag(of) { flag = true; }
    ~Running() { flag = false; }
  };
  const Running running{running_};
  for (;;) {
    const auto here = networks(executor_);
    sessions_.clear();
    for (const auto& network : here) sessions_.push_back(std::make_unique<Session>(*this, network));
    changed();
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      for (const auto& session : sessions_) tasks.start(session->run(false));
      do {
        co_await sleep_until(Clock::now() + look_again);
      } while (giving_back_ || networks(executor_) == here);
    };
    co_await with_tasks(std::move(body));
    log(LogLevel::debug, "mapping.network_changed");
  }
}

bool PortMapper::is_given_back() const {
  return std::ranges::all_of(sessions_, [](const auto& session) { return session->is_given_back(); });
}

awaitable<void> PortMapper::give_back(TimePoint until) {
  giving_back_ = true;
  for (const auto& session : sessions_) session->give_back();
  if (running_) {
    while (!is_given_back() && Clock::now() < until) co_await given_back_.wait(until);
  } else {
    auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      for (const auto& session : sessions_) tasks.start(session->run(true));
      while (!is_given_back() && Clock::now() < until) co_await given_back_.wait(until);
    };
    co_await with_tasks(std::move(body));
  }
  if (!is_given_back()) log(LogLevel::debug, "mapping.not_given_back");
}

void PortMapper::set_observed(IpAddress address) {
  observed_ = address;
  for (const auto& session : sessions_) session->observed(address);
}

void PortMapper::changed() {
  MappedPorts all{.settled = true};
  for (const auto& session : sessions_) {
    const auto& ports = session->ports();
    if (session->network.own.is_v4()) all.router_address = ports.router_address;
    all = merged(std::move(all), ports);
  }
  if (all == ports_) return;
  for (const auto& port : all.ports)
    if (std::ranges::find(ports_.ports, port) == ports_.ports.end())
      log(LogLevel::debug, "mapping.held",
          {{"transport", word(port.transport)}, {"protocol", word(port.protocol)}, {"external", port.external}, {"proved", port.proved ? "yes" : "no"}});
  ports_ = std::move(all);
  if (on_change_) on_change_();
}

}  // namespace pshare
