#include "traversal/io/server_dial.hpp"

#include <algorithm>
#include <utility>

#include "io/deadline.hpp"
#include "io/log.hpp"
#include "io/proxy_dial.hpp"
#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "wire/framing.hpp"
#include "wire/role.hpp"

namespace pshare {

std::string HostAndPort::text() const {
  const bool v6_literal = host.find(':') != std::string::npos;
  return (v6_literal ? "[" + host + "]" : host) + ":" + std::to_string(port.number);
}

namespace {

/// How long a look-up may take where the addresses of the last one are known. Ours: half of what an attempt to reach the server has at its shortest.
constexpr Duration look_up_patience = std::chrono::seconds{2};

/// How a connection looks to who watches it pass.
enum class Looks { ours, ordinary };

Looks looks_of(const WayOut& way) { return way.through_proxy || way.port == https_port ? Looks::ordinary : Looks::ours; }

struct Greeting {
  std::string role;
  PeerCheck check;
  Looks looks = Looks::ours;
  std::string server_name = {};  // none for a literal address (RFC 6066 section 3)
};

awaitable<TlsStream> greet(TcpStream socket, const TlsContext& tls, Greeting greeting) {
  const bool ordinary = greeting.looks == Looks::ordinary;
  std::vector<std::string> alpn{ordinary ? std::string{ordinary_alpn} : greeting.role};
  TlsStream stream{std::move(socket), TlsEngine{tls, TlsRole::client, std::move(alpn), std::move(greeting.check), greeting.server_name}};
  co_await stream.handshake();
  if (!ordinary) co_return stream;
  const auto words = frame(encode_role(greeting.role));
  co_await stream.write(ByteView{words});
  co_return stream;
}

/// One place to go, and one way there.
struct Course {
  std::string host;
  Port asked;        // what was asked for; the way may lead to another
  PlannedWay plan;
};

/// What the attempts have to say to the coroutine that starts them.
struct Attempts {
  explicit Attempts(const asio::any_io_executor& executor) : news(executor) {}
  Wakeup news;
  std::vector<Course> courses = {};
  std::vector<std::optional<Error>> troubles = {};  // of each course
  std::vector<std::size_t> failed = {};             // since the race was told
  std::optional<ServerConnection> winner = {};
  std::size_t winning_course = 0;
};

std::vector<Course> courses_to(const Outlet& outlet, const std::variant<HostAndPort, std::vector<Endpoint>>& to) {
  std::vector<Course> courses;
  const auto add = [&](const std::string& host, Port port, Outlet::OtherPort other) {
    const auto first = courses.size();
    for (auto plan : outlet.ways(host, port, other)) {
      plan.in_place_of += first;
      if (first > 0) plan.head_start += static_cast<int>(first) * proxy_head_start;
      if (first > 0 && plan.in_place_of == courses.size()) plan.in_place_of = first - 1;  // after the last way to the address before
      courses.push_back({host, port, plan});
    }
  };
  if (const auto* named = std::get_if<HostAndPort>(&to)) {
    add(named->host, named->port, Outlet::OtherPort::https);
  } else {
    for (const auto& each : std::get<std::vector<Endpoint>>(to)) add(each.address.text(), each.port, Outlet::OtherPort::none);
  }
  return courses;
}

/// Those of the last time where the look-up comes to nothing: then the server can still be where it was.
awaitable<std::vector<Endpoint>> look_up(Outlet& outlet, std::string host, Port port) {
  if (const auto literal = IpAddress::parse(host)) co_return std::vector{Endpoint{*literal, port}};
  const auto last = outlet.last_addresses(host);
  std::vector<Endpoint> found;
  try {
    auto asking = resolve(host, port);
    if (last.empty()) found = co_await std::move(asking);
    else found = co_await with_deadline(std::move(asking), Clock::now() + look_up_patience, "looking up the host name " + host);
  } catch (const Failure& failure) {
    if (last.empty()) throw;
    log(LogLevel::debug, "look-up.failed", {{"host", host}, {"why", failure.what()}});
    for (const auto& address : last) found.push_back({address, port});
    co_return found;
  }
  std::vector<IpAddress> addresses;
  addresses.reserve(found.size());
  for (const auto& each : found) addresses.push_back(each.address);
  outlet.found(host, std::move(addresses));
  co_return found;
}

awaitable<TcpStream> connect_by(Outlet& outlet, Course course, std::optional<Port> local_port) {
  const auto& way = course.plan.way;
  if (way.through_proxy) co_return co_await connect_through(*outlet.proxy(), course.host, way.port);
  auto endpoints = co_await look_up(outlet, course.host, way.port);
  co_return co_await connect_any(std::move(endpoints), local_port);
}

/// Something other than our server speaks TLS there: not the trouble of somebody posing as it.
Error as_seen_by(const Course& course, Error error) {
  if (error.code != Errc::identity_mismatch || course.plan.way.port == course.asked) return error;
  error.code = Errc::unreachable;
  return error;
}

awaitable<void> attempt(Attempts& attempts, std::size_t number, const TlsContext& tls, Outlet& outlet, const ServerDial& dial) {
  const auto& course = attempts.courses[number];
  const auto& way = course.plan.way;
  try {
    auto socket = co_await connect_by(outlet, course, dial.local_port);
    const bool literal = IpAddress::parse(course.host).has_value();
    Greeting greeting{.role = dial.role, .check = dial.check, .looks = looks_of(way), .server_name = literal ? std::string{} : course.host};
    auto stream = co_await greet(std::move(socket), tls, std::move(greeting));
    if (!attempts.winner) {
      attempts.winner.emplace(ServerConnection{std::move(stream), way.through_proxy, way.port});
      attempts.winning_course = number;
    }
  } catch (const Failure& failure) {
    attempts.troubles[number] = as_seen_by(course, failure.error());
    attempts.failed.push_back(number);
    log(LogLevel::debug, "dial.failed", {{"host", course.host}, {"port", way.port.number}, {"proxy", way.through_proxy ? outlet.proxy()->text() : "none"},
                                         {"why", failure.what()}});
  }
  attempts.news.ring();
}

/// Of all that went wrong: what says most, and then the others.
Error account_of(const Attempts& attempts) {
  const auto silent = [](const Course& course) {
    return Error{.code = Errc::timed_out, .doing = "connecting to " + HostAndPort{course.host, course.plan.way.port}.text() + ": no answer in time"};
  };
  const auto& troubles = attempts.troubles;
  const auto says_most = std::ranges::find_if(troubles, [](const auto& each) { return each && each->code == Errc::identity_mismatch; });
  const auto first = says_most == troubles.end() ? std::size_t{0} : static_cast<std::size_t>(says_most - troubles.begin());
  auto account = troubles[first].value_or(silent(attempts.courses[first]));
  std::vector<std::string> said{account.message()};
  for (std::size_t i = 0; i < troubles.size(); ++i) {
    if (i == first || !troubles[i]) continue;
    const auto words = troubles[i]->message();
    if (std::ranges::find(said, words) != said.end()) continue;  // a name that nobody knows is unknown for every port
    said.push_back(words);
    if (account.hint.empty()) account.hint = troubles[i]->hint;
  }
  if (said.size() == 1) return account;
  account.doing.clear();
  for (const auto& each : said) account.doing += (account.doing.empty() ? "" : "; ") + each;
  account.cause = {};
  return account;
}

}  // namespace

awaitable<TlsStream> greet_in_role(TcpStream socket, const TlsContext& tls, std::string role, PeerCheck check) {
  const auto looks = looks_of({.through_proxy = false, .port = socket.remote().port});
  Greeting greeting{.role = std::move(role), .check = std::move(check), .looks = looks};
  co_return co_await greet(std::move(socket), tls, std::move(greeting));
}

awaitable<ServerConnection> dial_server(const TlsContext& tls, Outlet& outlet, ServerDial dial) {
  Attempts attempts{co_await asio::this_coro::executor};
  attempts.courses = courses_to(outlet, dial.to);
  attempts.troubles.resize(attempts.courses.size());
  if (attempts.courses.empty()) throw Failure{{.code = Errc::unreachable, .doing = "connecting to a host without any address"}};
  auto body = [&](TaskGroup& tasks) -> awaitable<void> {
    std::vector<PlannedWay> plans;
    for (const auto& each : attempts.courses) plans.push_back(each.plan);
    WaysRace race{std::move(plans), Clock::now()};
    while (!attempts.winner && Clock::now() < dial.until) {
      while (const auto action = race.take()) {
        const auto* one = std::get_if<WaysRace::Try>(&*action);
        if (one == nullptr) co_return;
        tasks.start(attempt(attempts, one->way, tls, outlet, dial));
      }
      const auto next = race.deadline();
      co_await attempts.news.wait(next ? std::min(*next, dial.until) : dial.until);
      for (const auto number : std::exchange(attempts.failed, {})) race.failed(number, Clock::now());
      race.expire(Clock::now());
    }
  };
  co_await with_tasks(std::move(body));
  if (!attempts.winner) throw Failure{account_of(attempts)};
  const auto& course = attempts.courses[attempts.winning_course];
  outlet.worked(course.host, course.asked, course.plan.way);
  co_return std::move(*attempts.winner);
}

}  // namespace pshare
