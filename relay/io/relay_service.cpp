#include "relay/io/relay_service.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "io/deadline.hpp"
#include "io/log.hpp"
#include "io/task_group.hpp"
#include "relay/io/keep_alive.hpp"
#include "wire/framing.hpp"

namespace pshare {

namespace {

constexpr auto as_result = asio::experimental::as_tuple(use_awaitable);
constexpr std::size_t piece_of_a_hello = 2 * KiB;
constexpr std::size_t frame_header = 4;  // wire/framing.hpp

UnixTime wall_clock() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

/// Who waits says nothing: whatever is heard, if only its end, is the end of it.
awaitable<void> notice_end(TlsStream& stream) {
  std::array<std::byte, 1> nothing;
  co_await stream.read_some(nothing);
  throw Failure{{.code = Errc::malformed, .doing = stream.socket().remote().text() + " said something before the relay had answered"}};
}

awaitable<void> say(TlsStream& stream, RelayAnswer answer) {
  const auto framed = frame(encode(answer));
  auto writing = stream.write(ByteView{framed});
  co_await with_deadline(std::move(writing), Clock::now() + relay_answer_patience, "answering at the relay");
}

}  // namespace

struct RelayService::Side {
  explicit Side(const asio::any_io_executor& executor) : news(executor) {}
  Wakeup news;
  std::optional<std::variant<Joiner::Join, RelayRefused>> verdict;
};

struct RelayService::Lane {
  explicit Lane(const asio::any_io_executor& executor) : over(executor) {}
  void close() {
    for (auto& end : ends)
      if (end) end->close();
  }
  std::array<std::optional<TcpStream>, 2> ends;  // as they come
  bool cut = false;                              // by the joiner, or because one side never got here
  std::size_t ways_ended = 0;
  std::optional<Error> trouble;
  Wakeup over;
};

RelayService::RelayService(asio::any_io_executor executor, Joiner& joiner, Settings settings)
    : executor_(executor), joiner_(joiner), settings_(std::move(settings)), clock_(executor) {
  if (!settings_.clock) settings_.clock = wall_clock;
  if (settings_.rate) rate_.emplace(*settings_.rate, Clock::now());
}

RelayService::~RelayService() = default;

awaitable<void> RelayService::run() {
  for (;;) {
    next_expiry_ = joiner_.deadline();
    co_await clock_.wait(next_expiry_);
    joiner_.expire(Clock::now());
    carry_out();
  }
}

void RelayService::change(const std::function<void(Joiner&)>& what) {
  what(joiner_);
  carry_out();
}

void RelayService::carry_out() {
  while (const auto action = joiner_.take()) perform(*action);
  while (const auto over = joiner_.take_over())
    if (watch_.over) watch_.over(*over);
  const auto deadline = joiner_.deadline();
  if (deadline && (!next_expiry_ || *deadline < *next_expiry_)) clock_.ring();
}

void RelayService::perform(const Joiner::Action& action) {
  const auto tell = [&](RelaySide number, std::variant<Joiner::Join, RelayRefused> verdict) {
    const auto side = sides_.find(number);
    if (side == sides_.end()) return;
    side->second->verdict = std::move(verdict);
    side->second->news.ring();
  };
  if (const auto* refuse = std::get_if<Joiner::Refuse>(&action)) return tell(refuse->side, refuse->answer);
  if (const auto* join = std::get_if<Joiner::Join>(&action)) {
    lanes_.emplace(join->lane, std::make_shared<Lane>(executor_));
    if (watch_.begun)
      for (const auto& each : joiner_.lanes(Clock::now()))
        if (each.lane == join->lane) watch_.begun(each);
    tell(join->one, *join);
    tell(join->other, *join);
    return;
  }
  const auto& cut = std::get<Joiner::Cut>(action);
  log(LogLevel::debug, "relay.lane-cut", {{"lane", cut.lane.number}, {"why", cut.why.doing}});
  const auto lane = lanes_.extract(cut.lane);
  if (!lane) return;
  lane.mapped()->cut = true;
  lane.mapped()->close();
  lane.mapped()->over.ring();
}

// --- before there is a lane -----------------------------------------------------------------------------------------

awaitable<RelayHello> RelayService::hear_hello(TlsStream& stream) {
  const auto hear = [&]() -> awaitable<RelayHello> {
    FrameReader frames;
    std::array<std::byte, piece_of_a_hello> piece;
    for (std::size_t heard = 0;;) {
      const auto body = value_or_throw(frames.next());
      if (body && heard != frame_header + body->size())
        throw Failure{{.code = Errc::malformed, .doing = stream.socket().remote().text() + " said more than a hello before the relay had answered"}};
      if (body) co_return value_or_throw(decode_relay_hello(*body));
      if (heard > max_relay_hello) throw Failure{{.code = Errc::limit, .doing = "reading a relay hello that is too long"}};
      const auto count = co_await stream.read_some(piece);
      heard += count;
      frames.feed(ByteView{piece}.first(count));
    }
  };
  stream.stop_reading_ahead();
  auto hearing = hear();
  co_return co_await with_deadline(std::move(hearing), Clock::now() + settings_.hello_patience, "waiting for a ticket");
}

awaitable<void> RelayService::serve(TlsStream stream, RelayHello hello) {
  const RelaySide number{next_side_++};
  if (hello.version != relay_version) {
    const auto speaks = "this relay speaks version " + std::to_string(relay_version) + ", you speak " + std::to_string(hello.version);
    RelayRefused answer{Errc::version, speaks + (hello.version < relay_version ? ": update pshare on your machine" : ": its operator has to update it")};
    co_return co_await refuse(std::move(stream), std::move(answer));
  }
  Side side{executor_};
  struct Place {
    Place(RelayService& at, RelaySide side) : service(at), number(side) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      service.sides_.erase(number);
      service.joiner_.gone(number);
    }
    RelayService& service;
    RelaySide number;
  };
  std::optional<Place> place{std::in_place, *this, number};
  sides_.emplace(number, &side);
  const auto from = stream.socket().remote();
  log(LogLevel::debug, "relay.ticket-presented", {{"side", number.number}, {"peer", stream.peer().short_text()}, {"remote", from}});
  joiner_.presented(number, stream.peer(), from.address, hello.ticket, settings_.clock(), Clock::now());
  hello = {};
  carry_out();

  const auto until_verdict = [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(notice_end(stream));
    while (!side.verdict) co_await side.news.wait();
  };
  try {
    if (!side.verdict) co_await with_tasks<void>(until_verdict);
  } catch (const Failure& left) {
    log(LogLevel::debug, "relay.side-left", {{"side", number.number}, {"why", left.what()}});
  }
  const auto verdict = std::move(side.verdict);
  place.reset();
  if (!verdict) co_return;
  if (const auto* no = std::get_if<RelayRefused>(&*verdict)) {
    log(LogLevel::debug, "relay.refused", {{"side", number.number}, {"code", word(no->code)}, {"why", no->words}});
    auto answer = *no;
    co_return co_await refuse(std::move(stream), std::move(answer));
  }
  auto joined = std::get<Joiner::Join>(*verdict);
  co_await join(std::move(stream), std::move(joined), number);
}

/// Lets the peer read why: it hangs up once it has.
awaitable<void> RelayService::refuse(TlsStream stream, RelayRefused answer) {
  struct Count {
    std::size_t& count;
    ~Count() { --count; }
  };
  const Count counted{++being_refused_};
  const auto talk = [&]() -> awaitable<void> {
    RelayAnswer words = std::move(answer);
    co_await say(stream, std::move(words));
    stream.finish();
    if (being_refused_ > max_being_refused) co_return;
    std::array<std::byte, 256> nothing;
    for (;;) co_await stream.read_some(nothing);
  };
  try {
    auto talking = talk();
    co_await with_deadline(std::move(talking), Clock::now() + relay_answer_patience, "refusing at the relay");
  } catch (const Failure&) {  // it has gone, as it should
  }
}

awaitable<void> RelayService::join(TlsStream stream, Joiner::Join verdict, RelaySide number) {
  const auto found = lanes_.find(verdict.lane);
  if (found == lanes_.end()) co_return;  // cut already
  const auto lane = found->second;
  const std::size_t place = number == verdict.one ? 0 : 1;
  try {
    RelayAnswer answer = verdict.limits;
    co_await say(stream, std::move(answer));
    if (!lane->cut) lane->ends[place].emplace(std::move(stream).release());
  } catch (const Failure& failure) {
    log(LogLevel::debug, "relay.side-lost", {{"side", number.number}, {"why", failure.what()}});
    if (lane->cut) co_return;
    lanes_.erase(verdict.lane);
    lane->cut = true;
    lane->close();
    joiner_.ended(verdict.lane, {.code = Errc::closed, .doing = "one of the two peers was lost before the lane began"}, Clock::now());
    carry_out();
  }
  if (lane->cut || !lane->ends[0] || !lane->ends[1]) co_return;  // the later one copies
  co_await copy(verdict.lane, lane);
}

// --- while there is one ---------------------------------------------------------------------------------------------

awaitable<void> RelayService::copy(RelayLane number, std::shared_ptr<Lane> lane) {
  for (auto& end : lane->ends) keep_alive(end->socket(), {.idle = relay_keep_alive_idle, .interval = relay_keep_alive_interval, .count = relay_keep_alive_count});
  log(LogLevel::debug, "relay.joined", {{"lane", number.number}, {"one", lane->ends[0]->remote()}, {"other", lane->ends[1]->remote()}});
  const auto both_ways = [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(flow(number, *lane, 0));
    tasks.start(flow(number, *lane, 1));
    co_await lane->over.wait();
  };
  struct Farewell {
    RelayService& service;
    RelayLane number;
    Lane& lane;
    ~Farewell() {
      lane.close();
      if (lane.cut) return;
      service.lanes_.erase(number);
      const Error ended{.code = Errc::closed, .doing = "the peers have ended this lane"};
      service.joiner_.ended(number, lane.trouble.value_or(ended), Clock::now());
      service.carry_out();
    }
  };
  const Farewell farewell{*this, number, *lane};
  co_await with_tasks<void>(both_ways);
  log(LogLevel::debug, "relay.lane-over", {{"lane", number.number}, {"why", lane->trouble ? lane->trouble->message() : "both ended"}});
}

awaitable<OneWay::Step> RelayService::next_step(OneWay& way, RelayLane number) {
  if (way.held() > 0) co_return way.step(0);
  const auto allowed = std::min<std::uint64_t>(joiner_.allowance(number), bytes_of_a_turn);
  if (!rate_) co_return way.step(static_cast<std::size_t>(allowed));
  // A lane may end while this one waits for its turn: what was promised to it is given back all the same.
  struct Turn {
    FairRate& rate;
    FairRate::Cut cut;
    std::size_t bytes = 0;
    ~Turn() { rate.used(cut, bytes); }
  };
  Turn turn{*rate_, rate_->ask(Clock::now())};
  if (turn.cut.at > Clock::now()) co_await sleep_until(turn.cut.at);
  const auto step = way.step(std::min({turn.cut.most, static_cast<std::size_t>(allowed), static_cast<std::size_t>(joiner_.allowance(number))}));
  turn.bytes = step.taken;
  co_return step;
}

awaitable<void> RelayService::flow(RelayLane number, Lane& lane, std::size_t from) {
  auto& source = lane.ends[from]->socket();
  auto& destination = lane.ends[1 - from]->socket();
  OneWay way{source, destination, pipes_, settings_.means};
  while (!lane.cut) {
    const auto step = co_await next_step(way, number);
    if (step.taken > 0) {
      joiner_.carried(number, step.taken, Clock::now());
      carry_out();  // may have cut us
      if (lane.cut) co_return;
    }
    switch (step.next) {
      case OneWay::Next::turn: co_await asio::post(use_awaitable); break;  // the others'
      case OneWay::Next::source: co_await source.async_wait(asio::socket_base::wait_read, as_result); break;
      case OneWay::Next::destination: co_await destination.async_wait(asio::socket_base::wait_write, as_result); break;
      case OneWay::Next::ended:
        if (++lane.ways_ended == lane.ends.size()) lane.over.ring();
        co_return;
      case OneWay::Next::broken:
        lane.trouble = Error{.code = Errc::closed, .doing = "one of the two peers was lost", .cause = step.why};
        lane.over.ring();
        co_return;
    }
  }
}

}  // namespace pshare
