// pshare supernode: an ordinary peer whose port others can reach carries lanes of those who have no path of their own. It lists itself with the
// server (apps/pshare/candidacy), lets relay/io/relay_service do the carrying on the port where lanes come in, keeps to what its owner has set, and
// shows what it does. What it carries it cannot read.
#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "apps/pshare/candidacy.hpp"
#include "apps/pshare/program.hpp"
#include "apps/pshare/quantities.hpp"
#include "apps/pshare/server_choice.hpp"
#include "apps/pshare/server_clock.hpp"
#include "apps/pshare/supernode_view.hpp"
#include "io/deadline.hpp"
#include "io/descriptor_limit.hpp"
#include "io/log.hpp"
#include "io/printable.hpp"
#include "io/task_group.hpp"
#include "io/wakeup.hpp"
#include "relay/io/relay_service.hpp"
#include "relay/io/role_handshake.hpp"
#include "traversal/io/lane_door.hpp"
#include "traversal/io/rendezvous_client.hpp"
#include "traversal/io/standpoint.hpp"

namespace pshare {

namespace {

/// The server answers when it has dialled us, for which it takes seconds at most.
constexpr Duration volunteer_patience = std::chrono::seconds{20};
/// How often what was carried is written down and the contacts are read again: a kill forgets no more than that. Not more often than `least`.
constexpr Duration between_books = std::chrono::seconds{10}, least_between_books = std::chrono::seconds{1};
constexpr Duration between_blocks = std::chrono::milliseconds{500};
/// How long telling the server that we are going, and giving back what routers have opened, may take.
constexpr Duration last_words = std::chrono::seconds{3};
constexpr Duration farewell_patience = std::chrono::milliseconds{1500};

/// The listener, connections to the server and to routers, what is dialled to find out where we stand, the loop, the standard streams.
constexpr std::size_t descriptors_of_our_own = 64;

/// Lanes of so many sessions are not all joined at once: of a home's memory those who wait get less than a server gives them (max_waiting_sides).
std::size_t waiting_sides_of(std::size_t sessions) { return std::min(max_waiting_sides, 16 + 2 * sessions); }

UnixTime wall_clock() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

class Supernode {
 public:
  Supernode(Program& program, const std::vector<ServerAddress>& servers, const SupernodeOptions& options)
      : program_(program),
        terms_{.for_anyone = options.for_anyone, .sessions = static_cast<std::size_t>(options.sessions), .rate = options.rate, .volume = options.volume},
        live_(screen_size() && !program.options.json && !program.options.quiet),
        door_(program.executor, program.tls, Listener::on(program.executor, program.options.port.value_or(Port{0}))),
        // Not from the door's port: a NAT that has seen us speak from there to the server may let the server in, and nobody else.
        server_(program.executor, program.tls, servers, program.random, program.outlet, RendezvousClient::Attendance::answers_only),
        standpoint_(program.executor, program.tls, program.random, server_, servers.front(), door_, standpoint_settings(program.options)),
        volume_(value_or_throw(program.home.volume())),
        news_(program.executor),
        books_(program.executor),
        over_(program.executor),
        changed_(program.executor) {
    door_.set_guests([this](TcpStream socket) { return welcome_guest(std::move(socket)); });
    server_.set_on_state([this](bool connected, const Error& why) { server_changed(connected, why.message()); });
    server_.set_on_notice([&report = program.report](const std::string& words) { report.say("The server says: " + words); });
  }

  awaitable<void> run(TaskGroup& tasks) {
    tasks_ = &tasks;
    ask_for_descriptors();
    tasks.start(watch_interrupt());
    tasks.start(server_.run());
    tasks.start(door_.run());
    standpoint_.begin(tasks);
    tasks.start(watch_standpoint());
    tasks.start(serve());
    while (!is_over_) co_await over_.wait();
  }

  /// Before the program ends, however it does.
  awaitable<void> farewell() {
    if (relay_) keep_books();
    co_await standpoint_.give_back(Clock::now() + farewell_patience);
  }

 private:
  static Standpoint::Settings standpoint_settings(const CommonOptions& options) {
    const bool mapped = std::ranges::find(options.tiers, Tier::mapped) != options.tiers.end();
    return {.manual = options.port, .udp_allowed = false, .ask_routers = mapped, .punched_allowed = false, .survey = false};
  }

  void ask_for_descriptors() const {
    const auto wanted = descriptors_of_relay(terms_.sessions, waiting_sides_of(terms_.sessions)) + LaneDoorLimits{}.half_open + descriptors_of_our_own;
    if (const auto allowed = allow_descriptors(wanted); allowed < wanted)
      program_.report.warn(count_words(terms_.sessions, "session", "sessions") + " at once may take " + std::to_string(wanted) + " open files and sockets, of which this system allows " +
                           std::to_string(allowed) + ". Raise `ulimit -n`, or lower --sessions.");
  }

  // --- with the server -----------------------------------------------------------------------------------------------

  awaitable<void> serve() {
    const auto patience = program_.options.timeout ? program_.patience() : TimePoint::max();
    const auto welcome = co_await server_.welcome(patience);
    if (!welcome.signs_tickets)
      throw Failure{{.code = Errc::unsupported, .doing = "offering ourselves as a supernode: this server lists none", .hint = "Its operator should update pshare-server."}};
    joiner_.emplace(Joiner::Settings{.rendezvous = {*server_.server_key()},
                                     .relay = program_.identity.id(),
                                     .max_lanes = terms_.sessions,
                                     .rate = terms_.rate,
                                     .volume_left = volume_.left(terms_.volume, month_clock()),
                                     .friends = std::set<PeerId>{},
                                     .max_waiting = waiting_sides_of(terms_.sessions)});
    RelayService::Settings settings{.clock = [this] { return server_clock_.at(Clock::now()); }};
    if (terms_.rate) settings.rate = BytesPerSecond{*terms_.rate};
    relay_.emplace(program_.executor, *joiner_, settings);
    relay_->watch({.begun = [this](const Joiner::LaneView& lane) { lane_begun(lane); }, .over = [this](const Joiner::Over& over) { lane_over(over); }});
    if (draining_) relay_->change([](Joiner& joiner) { joiner.drain(); });
    keep_books();
    program_.report.say("Carrying " + terms_words(terms_) + ". Ctrl-C takes nobody new and waits for those under way.");
    if (!terms_.for_anyone && value_or_throw(program_.home.contacts()).pins().empty())
      program_.report.warn("you have no contacts, and this supernode is for them alone. Add some (`pshare contacts add`), or say --for anyone.");
    tasks_->start(relay_->run());
    tasks_->start(keep_keeping_books());
    if (live_) tasks_->start(show());
    co_await stand();
  }

  /// Tells the server what has changed, and the owner what it says.
  awaitable<void> stand() {
    for (;;) {
      const auto now = Clock::now();
      candidacy_.reached_through(port_to_offer(), now);
      candidacy_.room(!joiner_->full(), now);
      candidacy_.expire(now);
      while (const auto say = candidacy_.take()) tasks_->start(volunteer(*say, connection_));
      tell_standing();
      changed_.ring();
      co_await news_.wait(candidacy_.deadline());
    }
  }

  awaitable<void> volunteer(Candidacy::Say say, std::size_t connection) {
    std::optional<Volunteered> answer;
    Error no;
    try {
      answer = co_await server_.volunteer(say.port, terms_.for_anyone, say.full, Clock::now() + volunteer_patience);
    } catch (const Failure& failure) {
      no = failure.error();
    }
    if (connection != connection_) co_return;  // that was another connection, of which the server has forgotten all
    log(LogLevel::debug, "supernode.said", {{"port", say.port.number}, {"full", say.full ? "yes" : "no"}, {"outcome", answer ? word(answer->outcome) : "refused"}});
    const auto now = Clock::now();
    if (answer) {
      if (answer->outcome != DialBackOutcome::reached && say.port == program_.options.port) manual_failed_ = true;
      candidacy_.answered(*answer, now);
    } else {
      candidacy_.failed(no, now);
    }
    news_.ring();
  }

  void server_changed(bool connected, const std::string& words) {
    if (connected) {
      server_clock_.heard(server_.last_welcome()->now, Clock::now());
      if (joiner_) joiner_->trust(*server_.server_key());  // perhaps another of our servers
      ++connection_;
      manual_failed_ = false;
      no_server_.clear();
      candidacy_.server_is_there(Clock::now());
    } else {
      no_server_ = "No connection to the server (" + words + "); trying again.";
      candidacy_.server_lost();
      if (!relay_ && !std::exchange(told_of_trouble_, true)) program_.report.say(no_server_);
    }
    news_.ring();
  }

  awaitable<void> watch_standpoint() {
    for (;;) {
      co_await standpoint_.changed();
      news_.ring();
    }
  }

  std::optional<Port> mapped_port() const {
    const auto& observed = standpoint_.observed();
    for (const auto& each : standpoint_.mapper().ports().ports)
      if (each.transport == Transport::tcp && observed && each.external.address == observed->address) return each.external.port;
    return std::nullopt;
  }

  /// Where others might come in: the server finds out whether they do. Nothing while a router may still open something for us.
  std::optional<Port> port_to_offer() const {
    const auto mapped = mapped_port();
    if (program_.options.port && !(manual_failed_ && mapped)) return program_.options.port;
    if (mapped) return mapped;
    const bool asking = std::ranges::find(program_.options.tiers, Tier::mapped) != program_.options.tiers.end() && !standpoint_.mapper().ports().settled;
    return asking ? std::nullopt : std::optional{door_.port()};
  }

  // --- with those who come -------------------------------------------------------------------------------------------

  /// Up to its ticket a caller counts as half open, and the door bounds how many there are, and for how long.
  awaitable<void> welcome_guest(TcpStream socket) {
    if (!relay_) throw Failure{{.code = Errc::refused, .doing = "the server is not there yet, whose tickets count"}};
    std::vector<std::string> roles{std::string{relay_alpn}};
    PeerCheck anybody = [](const PeerId&) { return true; };  // the ticket decides, and says why in words
    TlsStream stream{std::move(socket), TlsEngine{program_.tls, TlsRole::server, alpns_of(roles), std::move(anybody)}};
    co_await shake_hands(stream, std::move(roles));
    auto hello = co_await relay_->hear_hello(stream);
    tasks_->start(relay_->serve(std::move(stream), std::move(hello)));
  }

  LaneNews::Peer peer(const PeerId& id) const {
    if (id == program_.identity.id()) return {.name = "you", .id = id};
    const auto contact = contacts_.find(id);
    return {.name = contact == contacts_.end() ? std::string{} : contact->second, .id = id};
  }

  void lane_begun(const Joiner::LaneView& lane) {
    if (!live_) program_.report.relaying({.number = lane.lane.number, .one = peer(lane.one), .other = peer(lane.other)});
    news_.ring();
  }

  void lane_over(const Joiner::Over& over) {
    const auto& lane = over.lane;
    program_.report.relaying({.number = lane.lane.number,
                              .one = peer(lane.one),
                              .other = peer(lane.other),
                              .over = LaneNews::Over{.bytes = lane.bytes, .age = Clock::now() - lane.since, .why = over.why.message()}});
    books_.ring();
    news_.ring();
  }

  // --- what is written down ------------------------------------------------------------------------------------------

  awaitable<void> keep_keeping_books() {
    for (;;) {
      co_await sleep_until(Clock::now() + least_between_books);
      co_await books_.wait(Clock::now() + between_books - least_between_books);
      keep_books();
    }
  }

  /// Writes down what was carried since the last time, and tells the relay what holds from now on: the month may be another one, other programs
  /// may have carried, contacts may have come or gone.
  void keep_books() {
    const auto now = month_clock();
    const auto carried = joiner_->total_bytes() - counted_;
    const auto volume = carried > 0 ? program_.home.add_to_volume(carried, now) : program_.home.volume();
    if (volume) {
      volume_ = *volume;
      counted_ += carried;
    } else if (!std::exchange(told_of_books_, true)) {
      program_.report.warn("how much was carried cannot be written down: " + printable(volume.error().message()));
    }
    if (const auto contacts = program_.home.contacts()) {
      contacts_.clear();
      for (const auto& pin : contacts->pins()) contacts_.emplace(pin.id, pin.name);
    }
    std::optional<std::set<PeerId>> friends;
    if (!terms_.for_anyone) {
      friends.emplace({program_.identity.id()});  // our own other machines
      for (const auto& [id, name] : contacts_) friends->insert(id);
    }
    const auto left = left_this_month();
    relay_->change([&](Joiner& joiner) {
      joiner.serve_only(std::move(friends));
      joiner.allow_volume(left, Clock::now());
    });
    news_.ring();
  }

  /// A month begins when this machine and the server agree that it has: a clock that is ahead does not move the count on, and no server can.
  UnixTime month_clock() const { return std::min(wall_clock(), server_clock_.at(Clock::now())); }

  std::uint64_t used_this_month() const { return volume_.used(month_clock()) + (joiner_ ? joiner_->total_bytes() - counted_ : 0); }

  std::optional<std::uint64_t> left_this_month() const {
    if (!terms_.volume) return std::nullopt;
    return *terms_.volume - std::min(*terms_.volume, used_this_month());
  }

  // --- what the owner sees -------------------------------------------------------------------------------------------

  std::string standing_sentence() const {
    if (draining_) return "Draining: nobody new is taken.";
    if (!no_server_.empty()) return no_server_;
    return standing_words(candidacy_.standing());
  }

  void tell_standing() {
    auto words = standing_sentence();
    if (words == told_standing_) return;
    told_standing_ = words;
    if (draining_) return;  // drain() has said so
    const auto& standing = candidacy_.standing();
    const auto hint = standing_hint(standing, {.manual_port = program_.options.port.has_value(),
                                               .mapped = standpoint_.has_mapping(Transport::tcp),
                                               .mapping_trouble = standpoint_.mapping_trouble()});
    const bool is_in_the_block = live_ && relay_ && hint.empty();
    tell(no_server_.empty() ? state_word(standing) : "offline", words, is_in_the_block ? std::string{} : words, hint);
  }

  /// `reason` for programs, `words` and `hint` for people.
  void tell(std::string_view state, const std::string& reason, const std::string& words, const std::string& hint = {}) {
    SupernodeStanding event{.state = state, .for_whom = for_whom(terms_), .sessions = joiner_ ? joiner_->lane_count() : 0, .max_sessions = terms_.sessions, .rate = terms_.rate};
    const auto* listed = std::get_if<Candidacy::Listed>(&candidacy_.standing());
    if (listed && !draining_) event.endpoint = listed->at;
    if (!event.endpoint) event.reason = reason;
    event.month_bytes = used_this_month();
    event.month_left = left_this_month();
    program_.report.supernode(event, words, hint);
  }

  SupernodeFacts facts() const {
    const auto now = Clock::now();
    SupernodeFacts facts{.standing = standing_sentence(), .lanes = {}, .waiting = joiner_->waiting(), .terms = terms_, .month_used = used_this_month(), .month_left = left_this_month(), .month_ends = end_of_month(month_clock())};
    for (const auto& lane : joiner_->lanes(now))
      facts.lanes.push_back({.one = printable(peer(lane.one).shown()), .other = printable(peer(lane.other).shown()), .bytes = lane.bytes, .rate = lane.rate, .age = now - lane.since});
    return facts;
  }

  awaitable<void> show() {
    for (;;) {
      const auto screen = screen_size().value_or(ScreenSize{});
      program_.report.block(supernode_block(facts(), screen.columns - 1, screen.rows - 1));
      co_await sleep_until(Clock::now() + between_blocks);
    }
  }

  // --- the end -------------------------------------------------------------------------------------------------------

  awaitable<void> watch_interrupt() {
    try {
      co_await until_interrupted();
    } catch (const Failure&) {  // that is how it says that it has come
    }
    draining_ = true;
    candidacy_.withdraw(Clock::now());
    if (relay_) relay_->change([](Joiner& joiner) { joiner.drain(); });
    news_.ring();
    const auto lanes = joiner_ ? joiner_->lane_count() : 0;
    const auto waiting = "Draining: nobody new is taken. Waiting for " + count_words(lanes, "session", "sessions") + " under way; Ctrl-C again ends at once.";
    if (lanes > 0) tell("draining", waiting, waiting);
    while (joiner_ && !joiner_->idle()) co_await changed_.wait();
    const auto until = Clock::now() + last_words;
    while (!candidacy_.is_withdrawn() && Clock::now() < until) co_await changed_.wait(until);
    const auto over = "Over: " + size_words(joiner_ ? joiner_->total_bytes() : 0) + " carried in " + count_words(joiner_ ? joiner_->lanes_so_far() : 0, "session", "sessions") + ".";
    tell("withdrawn", over, over);
    is_over_ = true;
    over_.ring();
  }

  Program& program_;
  const SupernodeTerms terms_;
  const bool live_;              // there is a screen for the block
  LaneDoor door_;
  RendezvousClient server_;
  Standpoint standpoint_;
  ServerClock server_clock_;
  std::optional<Joiner> joiner_;  // both from the first Welcome on: tickets of that server count, and of each that welcomes us later
  std::optional<RelayService> relay_;
  Candidacy candidacy_;
  MonthlyVolume volume_;          // as written down
  std::uint64_t counted_ = 0;     // of the joiner's total: what is written down
  std::map<PeerId, std::string> contacts_;
  TaskGroup* tasks_ = nullptr;    // while run() runs
  std::size_t connection_ = 0;    // to the server, counted
  bool manual_failed_ = false;    // nobody came through --port, though the server has tried
  bool draining_ = false, is_over_ = false, told_of_trouble_ = false, told_of_books_ = false;
  std::string no_server_, told_standing_;
  Wakeup news_, books_, over_;
  Wakeups changed_;
};

}  // namespace

awaitable<void> supernode(Program& program, SupernodeOptions options) {
  const auto servers = co_await pinned_servers(program);
  Supernode node{program, servers, options};
  const auto body = [&](TaskGroup& tasks) -> awaitable<void> { co_await node.run(tasks); };
  std::exception_ptr trouble;
  try {
    co_await with_tasks<void>(body);
  } catch (...) {
    trouble = std::current_exception();
  }
  co_await node.farewell();
  if (trouble) std::rethrow_exception(trouble);
}

}  // namespace pshare
