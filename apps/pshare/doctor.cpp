// pshare doctor: what this network allows, and what could be changed. It asks the user's own server and the router in front of this machine, nobody else.
#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "apps/pshare/addressee.hpp"
#include "apps/pshare/correspondence.hpp"
#include "apps/pshare/diagnosis.hpp"
#include "apps/pshare/inquiries.hpp"
#include "apps/pshare/program.hpp"
#include "apps/pshare/quantities.hpp"
#include "apps/pshare/server_choice.hpp"
#include "io/deadline.hpp"
#include "io/printable.hpp"
#include "io/task_group.hpp"
#include "io/tcp_stream.hpp"
#include "io/wakeup.hpp"
#include "traversal/io/lane_door.hpp"
#include "traversal/io/reachability.hpp"
#include "traversal/io/standpoint.hpp"

namespace pshare {

namespace {

using namespace std::chrono_literals;

/// For what comes of the server and of routers; what is not there by then is reported as unknown.
constexpr Duration looking_patience = 10s;
/// For a connection to a port at which nobody may be.
constexpr Duration knock_patience = 3s;
constexpr Port https{443};
constexpr Duration farewell_patience = 1500ms;
/// For a contact's answer, unless --timeout says otherwise: their program may have to look for itself first.
constexpr Duration answer_patience = 30s;
/// They may come online while we look.
constexpr Duration asking_again = 2s;
/// For our own last answer to be on its way.
constexpr Duration last_words = 300ms;

/// One look at this machine's place in the network. All that it starts ends with it.
class Examination {
 public:
  Examination(Program& program, const std::vector<ServerAddress>& servers, DoctorOptions options)
      : program_(program),
        options_(std::move(options)),
        address_(servers.front()),
        door_(program.executor, program.tls, Listener::on(program.executor, program.options.port.value_or(Port{0}))),
        server_(program.executor, program.tls, servers, program.random, program.outlet, RendezvousClient::Attendance::answers_only, door_.port()),
        letters_(program.executor, program.identity, server_, program.random),
        inquiries_(program, letters_, [this] { return concluded_ ? std::optional{found_.network} : std::nullopt; }),
        standpoint_(program.executor, program.tls, program.random, server_, servers.front(), door_, {.manual = program.options.port}),
        step_ended_(program.executor),
        session_(SessionId::random(program.random)),
        answered_(program.executor) {}

  awaitable<Diagnosis> run(TaskGroup& tasks) {
    tasks.start(server_.run());
    tasks.start(door_.run());
    tasks.start(letters_.run());
    standpoint_.begin(tasks);
    found_.server.address = address_.host + ":" + std::to_string(address_.port.number);
    found_.port = door_.port();
    found_.manual_port = program_.options.port;
    found_.routers_asked = true;
    try {
      const auto welcome = co_await server_.welcome(program_.server_patience());
      address_ = server_.server();
      found_.server.address = address_.host + ":" + std::to_string(address_.port.number);
      note_welcome(welcome);
    } catch (const Failure& failure) {
      no_server_ = failure.error();
    }
    if (no_server_) {
      co_await look_at_what_is_near();
      co_return found_;
    }
    std::optional<Addressee> other;
    if (options_.with) other = co_await find_addressee(program_, server_, *options_.with, false);
    program_.report.say("Looking at your network. This takes some seconds.");

    until_ = Clock::now() + looking_patience;
    start(tasks, look_at_nat());
    start(tasks, look_at_routers());
    start(tasks, look_at_ipv6());
    start(tasks, look_from_outside_over(IpFamily::v4));
    start(tasks, look_at_forwarded_port());
    start(tasks, look_at_https());
    if (other) tasks.start(ask(*other));
    while (steps_ > 0) co_await step_ended_.wait();
    note_where_we_are();
    conclude(found_);
    concluded_ = true;
    inquiries_.answer_the_waiting();
    try {  // what was found on this side is worth telling in any case
      if (other) co_await hear_from(*other);
    } catch (const Failure& failure) {
      unheard_ = failure.error();
    }
    co_await standpoint_.give_back(Clock::now() + farewell_patience);
    co_return found_;
  }

  /// Why the server was not reached; then what was found is what does without it.
  const std::optional<Error>& no_server() const { return no_server_; }
  /// Why nothing was heard of the contact who was asked.
  const std::optional<Error>& unheard() const { return unheard_; }

 private:
  /// The router has been asked since the beginning, and this machine needs nobody.
  awaitable<void> look_at_what_is_near() {
    found_.server.trouble = no_server_->message();
    until_ = Clock::now() + knock_patience;
    note_addresses();
    const auto& mappings = standpoint_.mapper().ports();
    co_await until([&] { return mappings.settled; });
    found_.mappings = mappings;
    for (const auto wanted : {IpFamily::v4, IpFamily::v6})
      if (const auto there = co_await server_at(wanted); there && !found_.tcp_443_out) co_await knock_at_https(there->address);
    if (const auto& over_udp = view(Transport::udp); over_udp.reflexive) {  // that much of the server may be there
      found_.udp.external = over_udp.reflexive;
      found_.udp.forecast = over_udp.forecast;
    }
    note_where_we_are();
    co_await standpoint_.give_back(Clock::now() + farewell_patience);
  }

  /// Says so again until there is an answer: then hear_from() has it.
  awaitable<void> ask(Addressee other) {
    auto slot = letters_.expect(session_, other.id);
    const auto asking = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(keep_asking(other));
      const auto letter = co_await slot.next();
      if (const auto* findings = std::get_if<Findings>(&letter.signal)) theirs_ = findings->network;
    };
    while (!theirs_) co_await with_tasks<void>(asking);
    answered_.ring();
  }

  awaitable<void> keep_asking(Addressee other) {
    for (;;) {
      Signal inquiry = Inquiry{session_};
      const auto fate = co_await letters_.send(other.key, DeviceId{}, std::move(inquiry), false, Clock::now() + looking_patience);
      was_there_ = was_there_ || fate == Fate::delivered;
      co_await sleep_until(Clock::now() + asking_again);
    }
  }

  awaitable<void> hear_from(const Addressee& other) {
    const auto latest = Clock::now() + program_.options.timeout.value_or(answer_patience);
    if (!theirs_) program_.report.say("Waiting for " + printable(other.name) + " to answer, for up to " + duration_words(latest - Clock::now()) + ".");
    while (!theirs_ && Clock::now() < latest) co_await answered_.wait(latest);
    if (!theirs_ && !was_there_)
      throw Failure{{.code = Errc::offline, .doing = "asking " + other.name + " about their network: not online", .hint = "Let them run `pshare receive`, or `pshare doctor --with` you."}};
    if (!theirs_)
      throw Failure{{.code = Errc::no_answer, .doing = "asking " + other.name + " about their network: no answer",
                     .hint = "Programs answer contacts only: let them add you. Older programs do not know the question."}};
    found_.with = Diagnosis::With{.name = other.name, .network = *theirs_, .prognosis = {}};
    conclude(found_);
    // They have asked too: not to go before they have our answer.
    co_await sleep_until(Clock::now() + last_words);
  }

  void start(TaskGroup& tasks, awaitable<void> step) {
    ++steps_;
    tasks.start(counted(std::move(step)));
  }

  awaitable<void> counted(awaitable<void> step) {
    co_await std::move(step);
    --steps_;
    step_ended_.ring();
  }

  /// Of the connection to the server; through a proxy IPv4, where there is most to find out.
  IpFamily family() const { return !server_.server_endpoint() || server_.server_endpoint()->address.is_v4() ? IpFamily::v4 : IpFamily::v6; }

  void note_welcome(const Welcome& welcome) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    auto& server = found_.server;
    server.endpoint = server_.server_endpoint();
    if (server_.through_proxy()) server.proxy = program_.outlet.proxy()->text();
    server.version = welcome.agent;
    server.stun = welcome.stun != Port{};
    server.two_addresses = welcome.alternate_address.has_value();
    server.clock_ahead = now - welcome.now;
  }

  awaitable<void> until(std::function<bool()> done) { co_await until(std::move(done), until_); }

  awaitable<void> until(std::function<bool()> done, TimePoint latest) {
    while (!done() && Clock::now() < latest) {
      try {
        auto changing = standpoint_.changed();
        co_await with_deadline(std::move(changing), latest, "waiting for what servers and routers say");
      } catch (const Failure&) {  // then what is there has to do
      }
    }
  }

  const NatSurvey& survey() const { return standpoint_.survey(); }

  /// Which family's view is told: IPv4's, where NATs are, if there is one.
  const NatSurvey::View& view(Transport transport) const {
    const auto& v4 = survey().view(transport, IpFamily::v4);
    return v4.reflexive || v4.forecast.kind != PortForecast::Kind::unknown ? v4 : survey().view(transport, IpFamily::v6);
  }

  /// One after the other: each mapping that is made in between would look like a stranger's.
  awaitable<void> look_at_nat() {
    co_await look_at_udp();
    co_await look_at_tcp();
    co_await look_at_behaviour();
  }

  awaitable<void> look_at_udp() {
    co_await until([this] {
      return std::ranges::all_of(standpoint_.port().udp(), [this](const auto& port) { return survey().view(Transport::udp, port->family()).surveyed; });
    });
    auto& udp = found_.udp;
    udp.external = view(Transport::udp).reflexive;
    udp.forecast = view(Transport::udp).forecast;
    if (!is_hard(udp.forecast)) co_return;
    std::vector<std::shared_ptr<UdpPort>> sockets;
    udp.forecast = co_await standpoint_.measure(Transport::udp, sockets);
  }

  awaitable<void> look_at_tcp() {
    co_await until([this] {
      return survey().view(Transport::tcp, IpFamily::v4).surveyed && survey().view(Transport::tcp, IpFamily::v6).surveyed;
    });
    auto& tcp = found_.tcp;
    tcp.external = view(Transport::tcp).reflexive;
    tcp.forecast = view(Transport::tcp).forecast;
    if (tcp.external) tcp.preserves_ports = tcp.external->port == door_.port();
    const auto surely_at_most = found_.server.two_addresses ? Dependence::endpoint_independent : Dependence::address_dependent;
    if (tcp.forecast.kind == PortForecast::Kind::stable) tcp.mapping = DependenceRange{Dependence::endpoint_independent, surely_at_most};
    if (!is_hard(tcp.forecast)) co_return;
    tcp.mapping = found_.server.two_addresses ? DependenceRange{Dependence::address_dependent, Dependence::address_and_port_dependent}
                                              : exactly(Dependence::address_and_port_dependent);
    std::vector<std::shared_ptr<UdpPort>> none;
    tcp.forecast = co_await standpoint_.measure(Transport::tcp, none);
  }

  awaitable<void> look_at_behaviour() {
    const auto behaviour = co_await standpoint_.survey().discover();
    if (!behaviour) co_return;
    found_.udp.mapping = behaviour->mapping;
    found_.udp.filtering = behaviour->filtering;
    found_.udp.preserves_ports = behaviour->preserves_ports;
    found_.hairpinning = behaviour->hairpinning;
    if (options_.lifetime && behaviour->mapping) found_.lifetime = co_await standpoint_.survey().measure_lifetime(*options_.lifetime);
  }

  awaitable<void> look_at_routers() {
    const auto& mappings = standpoint_.mapper().ports();
    co_await until([&] { return mappings.settled; });
    // The server then tries each.
    const auto is_tried = [](const MappedPort& each) { return each.proved || each.behind_another || each.external.address.is_v6(); };
    const auto tried_by = std::min(until_, Clock::now() + reachability_patience);
    co_await until([&] { return std::ranges::all_of(mappings.ports, is_tried); }, tried_by);
    found_.mappings = mappings;
  }

  awaitable<void> look_at_https() {
    auto there = server_.server_endpoint();
    if (!there) there = co_await server_at(family());
    if (there) co_await knock_at_https(there->address);
  }

  awaitable<void> knock_at_https(IpAddress there) {
    try {
      auto knocking = connect({there, https});
      co_await with_deadline(std::move(knocking), Clock::now() + knock_patience, "knocking at port 443");
      found_.tcp_443_out = true;
    } catch (const Failure&) {  // a firewall's no looks like the server's
    }
  }

  void note_addresses() {
    if (const auto addresses = interface_addresses()) found_.addresses = *addresses;
    const auto is_the_internets = [](const InterfaceAddress& each) { return each.address.is_v6() && each.address.scope() == Scope::global; };
    found_.ipv6.address = std::ranges::any_of(found_.addresses, is_the_internets);
  }

  awaitable<void> look_at_ipv6() {
    note_addresses();
    auto& ipv6 = found_.ipv6;
    if (family() == IpFamily::v6) {
      ipv6.server_reached = true;
      co_await look_from_outside_over(IpFamily::v6);
      co_return;
    }
    const auto there = co_await server_at(IpFamily::v6);
    if (!there) co_return;
    ipv6.server_reached = false;
    if (!ipv6.address) co_return;
    try {
      auto dialling = connect(*there);
      co_await with_deadline(std::move(dialling), Clock::now() + knock_patience, "dialling the server over IPv6");
      ipv6.server_reached = true;
    } catch (const Failure&) {
    }
    if (*ipv6.server_reached) co_await look_from_outside_over(IpFamily::v6);
  }

  /// Of the other family than the one that we are connected over; nothing if the server has none, or the look-up fails.
  awaitable<std::optional<Endpoint>> server_at(IpFamily wanted) {
    std::vector<Endpoint> all;
    try {
      auto looking_up = resolve(address_.host, address_.port);
      all = co_await with_deadline(std::move(looking_up), Clock::now() + knock_patience, "looking up the server");
    } catch (const Failure&) {
    }
    const auto found = std::ranges::find_if(all, [&](const Endpoint& each) { return each.address.is_v4() == (wanted == IpFamily::v4); });
    co_return found == all.end() ? std::nullopt : std::optional{*found};
  }

  /// From a port of its own, which has spoken to the server's first address alone: what the punching port has done to find out about the NAT has opened
  /// filters, and a router perhaps a port.
  awaitable<void> look_from_outside_over(IpFamily over) {
    auto there = server_.server_endpoint();
    if (over != family() || !there) there = co_await server_at(over);
    if (!there) co_return;
    LaneDoor door{program_.executor, program_.tls, Listener::on(program_.executor, Port{0})};
    const PunchingPort port{program_.executor, door.port()};
    const ServerAddress literal{.host = there->address.text(), .port = there->port, .key = address_.key};
    Outlet straight;
    RendezvousClient server{program_.executor, program_.tls, literal, program_.random, straight, RendezvousClient::Attendance::answers_only, door.port()};
    std::optional<bool> over_tcp, over_udp;
    const auto look = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(server.run());
      tasks.start(door.run());
      const auto welcome = co_await server.welcome(Clock::now() + knock_patience);
      std::optional<Endpoint> udp;
      for (const auto& socket : port.udp())
        if (socket->family() == over) udp = co_await survey().reflexive_of(socket);
      std::size_t under_way = 0;
      Wakeup ended{program_.executor};
      const auto one = [&](Transport transport, Port external, std::optional<bool>& result) -> awaitable<void> {
        result = co_await comes_in(server, door, port, program_.random, transport, external);
        --under_way;
        ended.ring();
      };
      const auto start_one = [&](Transport transport, Port external, std::optional<bool>& result) {
        ++under_way;
        tasks.start(one(transport, external, result));
      };
      const bool from_that_port = server.local_endpoint() && server.local_endpoint()->port == door.port();
      if (from_that_port) start_one(Transport::tcp, welcome.observed.port, over_tcp);
      if (udp && udp->address == welcome.observed.address) start_one(Transport::udp, udp->port, over_udp);
      while (under_way > 0) co_await ended.wait();
    };
    try {
      co_await with_tasks<void>(look);
    } catch (const Failure&) {  // then it stays unknown
    }
    if (over == IpFamily::v6) {
      found_.ipv6.strangers_get_in = over_tcp == true ? over_tcp : over_udp;
    } else {
      found_.tcp.strangers_get_in = over_tcp;
      found_.udp.strangers_get_in = over_udp;
    }
  }

  awaitable<void> look_at_forwarded_port() {
    if (found_.manual_port && family() == IpFamily::v4)
      found_.manual_port_works = co_await comes_in(server_, door_, standpoint_.port(), program_.random, Transport::tcp, *found_.manual_port);
  }

  void note_where_we_are() {
    const auto& seen = found_.tcp.external ? found_.tcp.external : found_.udp.external;
    const auto is_ours = [&](const InterfaceAddress& each) { return each.address == seen->address; };
    found_.translated = seen && std::ranges::none_of(found_.addresses, is_ours);
    const auto udp = view(Transport::udp).round_trip;
    const auto tcp = server_.round_trip_time();
    found_.server.round_trip = udp && tcp ? std::min(*udp, *tcp) : udp ? udp : tcp;
    // Over TCP the filter shows by who gets in; from the same address as far as a server with one address goes.
    auto& filtering = found_.tcp.filtering;
    if (found_.tcp.strangers_get_in == true)
      filtering = DependenceRange{Dependence::endpoint_independent, found_.server.two_addresses ? Dependence::endpoint_independent : Dependence::address_dependent};
    else if (found_.tcp.strangers_get_in == false && !is_hard(found_.tcp.forecast))
      filtering = found_.server.two_addresses ? DependenceRange{Dependence::address_dependent, Dependence::address_and_port_dependent} : exactly(Dependence::address_and_port_dependent);
  }

  Program& program_;
  DoctorOptions options_;
  ServerAddress address_;
  LaneDoor door_;
  RendezvousClient server_;
  Correspondence letters_;
  Inquiries inquiries_;
  Standpoint standpoint_;
  Diagnosis found_;
  std::optional<Error> no_server_, unheard_;
  bool concluded_ = false;
  std::size_t steps_ = 0;
  Wakeup step_ended_;
  TimePoint until_{};
  SessionId session_;                        // of the question to a contact
  std::optional<NetworkFindings> theirs_;
  bool was_there_ = false;
  Wakeup answered_;
};

}  // namespace

awaitable<void> doctor(Program& program, DoctorOptions options) {
  const auto servers = co_await pinned_servers(program);
  Examination examination{program, servers, std::move(options)};
  const auto look = [&](TaskGroup& tasks) -> awaitable<Diagnosis> {
    tasks.start(until_interrupted());
    co_return co_await examination.run(tasks);
  };
  const auto diagnosis = co_await with_tasks<Diagnosis>(look);
  program.report.result(diagnosis_json(diagnosis), diagnosis_words(diagnosis));
  if (examination.no_server()) throw Failure{*examination.no_server()};
  if (examination.unheard()) throw Failure{*examination.unheard()};
}

}  // namespace pshare
