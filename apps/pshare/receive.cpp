// pshare receive: waits for offers, and receives what the user (or a rule) agrees to; several at once.
#include <algorithm>
#include <deque>
#include <map>

#include "apps/pshare/code_prompt.hpp"
#include "apps/pshare/consent.hpp"
#include "apps/pshare/inquiries.hpp"
#include "apps/pshare/meeting.hpp"
#include "apps/pshare/quantities.hpp"
#include "apps/pshare/reception.hpp"
#include "io/deadline.hpp"
#include "io/printable.hpp"
#include "transfer/io/file_sink.hpp"

namespace pshare {

namespace {

/// Offers and transfers at once; further ones are told that we are busy.
constexpr std::size_t max_receptions = 32;
constexpr std::size_t max_receptions_of_a_peer = 8;
/// How long transfers under way may take to say their last words after Ctrl-C.
constexpr Duration last_words = std::chrono::seconds{3};
/// Once two have met by a code, how long saying to the server whose offers we take may take.
constexpr Duration take_offers_patience = std::chrono::seconds{30};

class Receiving {
 public:
  /// `code`: it is for that one offer, and for nothing else.
  Receiving(Program& program, Online& online, ReceiveOptions options, std::optional<Code> code)
      : program_(program), online_(online), options_(std::move(options)), code_(std::move(code)), ended_(program.executor), offered_(program.executor), reception_ended_(program.executor) {}

  awaitable<void> run(TaskGroup& tasks) {
    online_.letters().set_on_offer([this](Letter letter) { take(std::move(letter)); });
    tasks.start(watch_interrupt());
    tasks.start(serve_offers(tasks));
    tasks.start(code_ ? come_by_code(*code_) : introduce(tasks));  // beside the rest, so that Ctrl-C is heard while the server is not there
    if (program_.options.timeout) no_offer_by_ = Clock::now() + *program_.options.timeout;
    co_await wait_for_the_end();
    if (trouble_) throw Failure{*trouble_};
  }

 private:
  /// What is taken from whom, where nobody is there to see it happen, or the user wants to know. A rule that cannot do what it says is better known now.
  void say_what_is_taken(const std::vector<std::string>& contacts, const AcceptRules& rules) const {
    for (const auto& [name, rule] : rules.by_name())
      if (std::ranges::find(contacts, name) == contacts.end())
        program_.report.warn("there is a rule for \"" + name + "\", who is none of your contacts: it counts for nobody.");
    for (const auto& name : contacts) {
      const auto rule = rules.of(name);
      if (options_.to_stdout || !rule.directory || rule.accept == Acceptance::never) continue;
      if (const auto folder = FileSink::at(*rule.directory, options_.on_conflict); !folder)
        program_.report.warn("nothing can be received from " + name + " as things are: " + printable(folder.error().message()) + ". A rule names that folder (`pshare contacts rule " + name + "`).");
    }
    const bool attended = program_.terminal.present();
    const auto words = standing_words(contacts, rules, options_, attended);
    if (attended) program_.report.detail(words);
    else program_.report.say(words);
  }

  awaitable<void> introduce(TaskGroup& tasks) {
    const auto& settings = program_.options.settings;
    std::vector<std::string> names;
    const auto contacts = value_or_throw(program_.home.contacts());
    for (const auto& pin : contacts.pins()) names.push_back(pin.name);
    say_what_is_taken(names, value_or_throw(program_.home.rules()));
    co_await online_.server().welcome(program_.patience());
    if (settings.name) co_await online_.server().register_name(*settings.name, program_.patience());
    program_.report.say("Waiting for offers as " + (settings.name ? "\"" + *settings.name + "\"" : program_.identity.id().short_text()) + ". Ctrl-C stops.");
    const auto& manner = program_.report.manner();
    if (input_is_a_pipe()) tasks.start(come_by_piped_code());
    else if (program_.terminal.present() && !manner.json && !manner.quiet) tasks.start(come_by_typed_code());
  }

  /// Throws what came of it, if the code led to nobody.
  awaitable<PeerId> meet(Code code) {
    std::optional<Met> met;
    std::function<void(const Met&)> remember = [&](const Met& host) {
      met = host;
      met_.insert_or_assign(host.id, host.name);
    };
    std::optional<Error> trouble;
    try {
      co_await join(program_, online_.server(), std::move(code), CodePurpose::send, std::move(remember));
    } catch (const Failure& failure) {
      trouble = failure.error();
    }
    // Their last word may get lost. Whose offer has come knows us all the same.
    if (trouble && !(met && offers_something(met->id))) throw Failure{*trouble};
    if (trouble) program_.report.detail("The last word of the exchange did not come: " + printable(trouble->message()));
    else program_.report.say("Met " + met->name + " by the code; waiting for what they send.");
    if (!no_offer_by_) no_offer_by_ = program_.patience();
    ended_.ring();
    co_return met->id;
  }

  bool offers_something(const PeerId& peer) const {
    return std::ranges::any_of(receptions_, [&](const Reception* each) { return each->key().first == peer; });
  }

  /// Each connection to the server has to be told; join() has told the present one.
  awaitable<void> keep_taking_offers(PeerId of) {
    for (;;) {
      co_await online_.reconnected();
      co_await online_.server().take_offers(of, Clock::now() + take_offers_patience);
    }
  }

  awaitable<void> come_by_code(Code code) {
    co_await online_.server().welcome(program_.patience());
    const auto met = co_await meet(std::move(code));
    co_await keep_taking_offers(met);
  }

  /// Beside waiting for offers: whoever types a code has come for it, and is done with what comes of it. One that leads to nobody is asked for again.
  awaitable<void> come_by_typed_code() {
    program_.report.say("If you were told a code, type it here (Tab completes words).");
    std::optional<PeerId> met;
    while (!met) {
      std::optional<Error> trouble;
      bool typed = false;
      try {
        auto code = co_await type_code(program_, [this] { return !receptions_.empty(); });
        typed = done_with_code_ = true;
        met = co_await meet(std::move(code));
      } catch (const Failure& failure) {
        trouble = failure.error();
      }
      if (trouble && !typed) co_return;  // no code, then: offers may come
      if (trouble) program_.report.error(*trouble);
    }
    co_await keep_taking_offers(*met);
  }

  awaitable<void> come_by_piped_code() {
    auto piped = co_await read_code();
    if (!piped) co_return;
    done_with_code_ = true;
    const auto met = co_await meet(*std::move(piped));
    co_await keep_taking_offers(met);
  }

  std::optional<std::string> met_as(const PeerId& peer) const {
    const auto met = met_.find(peer);
    return met == met_.end() ? std::nullopt : std::optional{met->second};
  }

  void take(Letter letter) {
    if (code_ && !met_.contains(letter.from)) return;  // the server is not to send such
    if (offers_.size() >= max_receptions) return;  // the sender's own patience ends it
    offers_.push_back(std::move(letter));
    offered_.ring();
  }

  awaitable<void> serve_offers(TaskGroup& tasks) {
    for (;;) {
      while (!offers_.empty()) {
        auto letter = std::move(offers_.front());
        offers_.pop_front();
        tasks.start(serve(std::move(letter)));
      }
      co_await offered_.wait();
    }
  }

  bool room_for(const PeerId& peer) const {
    const auto theirs = std::ranges::count_if(receptions_, [&](const Reception* each) { return each->key().first == peer; });
    return receptions_.size() < max_receptions && static_cast<std::size_t>(theirs) < max_receptions_of_a_peer;
  }

  awaitable<void> serve(Letter letter) {
    const auto& offer = std::get<Offer>(letter.signal);
    if (!room_for(letter.from)) {
      Signal busy = Reject{offer.session, Reject::Why::busy, "too many transfers at once"};
      co_await online_.letters().send(letter.from_key, letter.device, std::move(busy), false, Clock::now() + last_words);
      co_return;
    }
    auto known_as = met_as(letter.from);
    Reception reception{program_, online_, options_, std::move(letter), std::move(known_as)};
    receptions_.push_back(&reception);
    std::optional<Reception::End> end;
    std::exception_ptr unforeseen;
    try {
      end.emplace(co_await go_through_with(reception));
    } catch (const Failure& failure) {
      end.emplace(Reception::Failed{failure.error()});
    } catch (...) {
      unforeseen = std::current_exception();
    }
    std::erase(receptions_, &reception);
    reception_ended_.ring();
    if (unforeseen) std::rethrow_exception(unforeseen);
    account_for(reception, *end);
  }

  awaitable<Reception::End> go_through_with(Reception& reception) {
    const auto key = reception.key();
    std::optional<Summary> agreed_to;
    if (const auto agreed = agreed_.find(key); agreed != agreed_.end()) agreed_to = agreed->second.to;
    if (!co_await reception.consent(std::move(agreed_to))) co_return Reception::NotWanted{};
    // The sender came back before we noticed that it had gone: the newer offer is the one that lives.
    while (Reception* older = other_of(reception)) {
      older->give_way();
      superseded_.insert(older);
      co_await reception_ended_.wait();
    }
    lost_.erase(key);
    auto& agreed = agreed_.try_emplace(key, Agreed{GiveUp{options_.give_up}, reception.offered()}).first->second;
    if (!reception.agreed_before()) agreed.to = reception.offered();
    const auto give_up = agreed.give_up;
    co_return co_await reception.receive(give_up);
  }

  Reception* other_of(const Reception& reception) const {
    const auto other = std::ranges::find_if(receptions_, [&](const Reception* each) { return each != &reception && each->key() == reception.key() && each->receiving(); });
    return other == receptions_.end() ? nullptr : *other;
  }

  void account_for(const Reception& reception, const Reception::End& end) {
    const auto key = reception.key();
    if (const auto& left = reception.give_up()) agreed_.try_emplace(key, Agreed{*left, reception.offered()}).first->second.give_up = *left;
    if (superseded_.erase(&reception) > 0) return;
    if (std::holds_alternative<Reception::NotWanted>(end)) {
      // A further offer of what has begun was taken back: the sender may think again, but not for ever.
      came_to_nothing_ = true;
      if (is_by_code(reception) && !interrupted_) over_by_code(Error{.code = Errc::declined, .doing = "what " + printable(reception.caller()) + " offered was not taken", .hint = "Ask them to send again, with a new code."});
      if (!reception.agreed_before()) return;
      return keep_lost(reception, {.code = Errc::interrupted, .doing = printable(reception.caller()) + " took the offer back and did not come again", .hint = "What has arrived is kept: it goes on when they send it again."});
    }
    if (const auto* lost = std::get_if<Reception::Lost>(&end)) {
      const auto left = reception.give_up()->left(online_.awake());
      if (left > Duration::zero())
        program_.report.say(printable(reception.caller()) + " is gone; what has arrived is kept, and goes on if they come back within " + duration_words(left) + ".");
      return keep_lost(reception, lost->error);
    }
    agreed_.erase(key);
    lost_.erase(key);
    if (const auto* failed = std::get_if<Reception::Failed>(&end)) {
      if (!options_.once && !is_by_code(reception) && !interrupted_) return program_.report.error(failed->error);
      trouble_ = failed->error;
    }
    if (options_.once) over_ = true;
    if (is_by_code(reception)) over_by_code(std::nullopt);
    ended_.ring();
  }

  bool is_by_code(const Reception& reception) const { return (code_ || done_with_code_) && met_.contains(reception.key().first); }

  /// What the code was for is over; what else is under way goes on.
  void over_by_code(std::optional<Error> trouble) {
    if (trouble && !trouble_) trouble_ = std::move(trouble);
    over_by_code_ = true;
    ended_.ring();
  }

  void keep_lost(const Reception& reception, Error error) {
    agreed_.try_emplace(reception.key(), Agreed{GiveUp{options_.give_up}, reception.offered()}).first->second.give_up.lost(online_.awake());
    lost_.insert_or_assign(reception.key(), std::move(error));
    ended_.ring();
  }

  /// Until --once has had its transfer, nobody came in time, or the user has had enough.
  awaitable<void> wait_for_the_end() {
    while (!over_) {
      if (over_by_code_ && receptions_.empty() && lost_.empty()) break;
      co_await ended_.wait(next_deadline());
      give_up_the_lost();
      const bool nobody = receptions_.empty() && lost_.empty() && no_offer_by_ && Clock::now() >= *no_offer_by_;
      if (nobody && !over_) {
        trouble_ = Error{.code = Errc::offline, .doing = came_to_nothing_ ? "no offer came to anything in time" : "nobody offered anything in time", .hint = "Ask the sender to run `pshare send`; --timeout sets how long to wait."};
        over_ = true;
      }
    }
  }

  std::optional<TimePoint> next_deadline() {
    auto earliest = receptions_.empty() ? no_offer_by_ : std::nullopt;
    for (const auto& [key, why] : lost_) {
      const auto over = Clock::now() + agreed_.at(key).give_up.left(online_.awake());
      if (!earliest || over < *earliest) earliest = over;
    }
    return earliest;
  }

  void give_up_the_lost() {
    for (auto each = lost_.begin(); each != lost_.end();) {
      if (!agreed_.at(each->first).give_up.over(online_.awake())) {
        ++each;
        continue;
      }
      agreed_.erase(each->first);
      if (options_.once) {
        trouble_ = each->second;
        over_ = true;
      } else {
        program_.report.error(each->second);
      }
      each = lost_.erase(each);
    }
  }

  awaitable<void> watch_interrupt() {
    try {
      co_await until_interrupted();
    } catch (const Failure& failure) {
      interrupted_ = failure.error();
    }
    const bool busy = !receptions_.empty() || !lost_.empty() || options_.once;
    for (auto* reception : receptions_) reception->cancel();
    const auto until = Clock::now() + last_words;
    const auto underway = [this] { return std::ranges::any_of(receptions_, [](const Reception* each) { return each->has_last_words(); }); };
    while (underway() && Clock::now() < until) co_await reception_ended_.wait(until);
    if (busy && !trouble_) trouble_ = Error{.code = Errc::interrupted, .doing = "interrupted", .hint = code_ ? "What has arrived is kept. To go on, ask the sender for a new code." : "Run the same command again; what has arrived is kept."};
    over_ = true;
    ended_.ring();
  }

  Program& program_;
  Online& online_;
  const ReceiveOptions options_;
  const std::optional<Code> code_;
  std::map<PeerId, std::string> met_;               // by a code, and what they call themselves
  bool done_with_code_ = false;                     // the program ends with what comes by the code
  bool over_by_code_ = false;                       // that has come
  std::deque<Letter> offers_;
  std::vector<Reception*> receptions_;              // each owned by its serve()
  std::set<const Reception*> superseded_;           // by a newer offer of the same transfer
  /// A transfer to which the user (or a rule) has said yes.
  struct Agreed {
    GiveUp give_up;                                 // what the sessions up to now have left of it
    Summary to;
  };
  std::map<TransferKey, Agreed> agreed_;            // and not finished
  std::map<TransferKey, Error> lost_;               // of those, because of what; their sender may come back
  Wakeup ended_, offered_;
  Wakeups reception_ended_;
  std::optional<TimePoint> no_offer_by_;            // --timeout
  std::optional<Error> trouble_, interrupted_;
  bool over_ = false;
  bool came_to_nothing_ = false;                    // an offer: declined, or taken back
};

}  // namespace

awaitable<void> receive(Program& program, ReceiveOptions options) {
  // A folder that cannot be written is better known now than when the first offer comes.
  if (!options.to_stdout) value_or_throw(FileSink::at(options.directory, options.on_conflict));
  value_or_throw(program.home.rules());  // the same of rules that cannot be read
  const auto given = options.code ? options.code : take_code_from_environment();
  std::optional<Code> code;
  if (given == "-") {
    code = co_await read_code();
    if (!code) throw Failure{{.code = Errc::usage, .doing = "standard input has no code", .hint = "Pipe one in: `echo CODE | pshare receive -`."}};
  } else if (given) {
    code = value_or_throw(Code::parse(*given));
  }
  if (code) options.once = true;
  auto specs = servers_for(program, code ? code->server : std::nullopt);
  const auto servers = co_await pinned_servers(program, std::move(specs));
  // With a code nothing but the offer it is for is wanted: another `pshare receive` of the same identity may be there for the others.
  Online online{program, servers, code ? RendezvousClient::Attendance::answers_only : RendezvousClient::Attendance::offers};
  Inquiries inquiries{program, online.letters(), [&online] { return std::optional{network_of(online.standpoint())}; }};
  Receiving receiving{program, online, std::move(options), std::move(code)};
  const auto body = [&](TaskGroup& tasks) -> awaitable<void> {
    online.begin(tasks);
    co_await receiving.run(tasks);
  };
  std::exception_ptr trouble;
  try {
    co_await with_tasks<void>(body);
  } catch (...) {
    trouble = std::current_exception();
  }
  co_await online.farewell();
  if (trouble) std::rethrow_exception(trouble);
}

}  // namespace pshare
