#include "apps/pshare/reception.hpp"

#include <algorithm>

#include "apps/pshare/consent.hpp"
#include "apps/pshare/progress_watch.hpp"
#include "apps/pshare/quantities.hpp"
#include "apps/pshare/receipt_wish.hpp"
#include "apps/pshare/standstill.hpp"
#include "io/deadline.hpp"
#include "io/log.hpp"
#include "io/printable.hpp"
#include "secure/receipt.hpp"
#include "transfer/io/file_sink.hpp"
#include "transfer/io/standard_stream.hpp"
#include "transfer/io/stream_sink.hpp"
#include "transfer/transfer_id.hpp"
#include "wire/native_path.hpp"

namespace pshare {

namespace {

constexpr Duration path_patience = laneless_patience - std::chrono::seconds{5};
constexpr Duration further_lane_patience = std::chrono::seconds{5};
constexpr Duration answer_patience = std::chrono::seconds{30};
/// How long calling off may take.
constexpr Duration last_words = std::chrono::seconds{1};

}  // namespace

Reception::Reception(Program& program, Online& online, const ReceiveOptions& options, Letter letter, std::optional<std::string> met_as)
    : program_(program), online_(online), options_(options), letter_(std::move(letter)), offer_(std::get<Offer>(letter_.signal)), sender_device_(letter_.device),
      slot_(online.letters().expect(offer_.session, letter_.from)), met_as_(std::move(met_as)), left_(program.executor) {}

void Reception::cancel() {
  cancelled_ = true;
  if (session_) session_->cancel();
  if (asking_ && met_as_) left_.ring();
}

void Reception::give_way() {
  gives_way_ = true;
  cancel();
}

// --- who, and whether ------------------------------------------------------------------------------------------------------

awaitable<bool> Reception::consent(std::optional<Summary> agreed) {
  caller_ = co_await identify_caller(program_, online_.server(), letter_.from, offer_.from_name);
  if (met_as_) {
    caller_.by_code = true;
    if (!caller_.contact) caller_.name = *met_as_;
  }
  program_.report.offer_came(caller_.name, letter_.from, caller_.contact, offer_.summary);
  if (caller_.warning) program_.report.warn(*caller_.warning);
  // Read anew for each offer, so that what is laid down counts from then on.
  const auto rules = program_.home.rules();
  if (!rules) {
    program_.report.error(rules.error());
    co_await reject(Reject::Why::local_trouble, "its rules for what it accepts cannot be read");
    co_return false;
  }
  const auto rule = caller_.contact ? rules->of(caller_.name) : AcceptRule{};
  destination_ = destination(rule, options_);
  agreed_before_ = agreed && covered_by(*agreed, offer_.summary) && rule.accept != Acceptance::never;
  if (agreed_before_) co_return true;

  auto decision = decide(caller_, offer_.summary, rule, options_, program_.terminal.present());
  if (const auto* refuse = std::get_if<Refuse>(&decision)) {
    program_.report.rejected(caller_.name, word(refuse->why), "Declined: " + refuse->words + "." + (refuse->advice.empty() ? "" : " " + refuse->advice));
    co_await reject(refuse->why, refuse->words);
    co_return false;
  }
  if (const auto* at_once = std::get_if<AcceptAtOnce>(&decision)) {
    if (at_once->pin) pin();
    co_return true;
  }
  co_return co_await ask(std::move(std::get<AskTheUser>(decision).because));
}

void Reception::pin() {
  auto contacts = value_or_throw(program_.home.contacts());
  value_or_throw(contacts.add(Pin{caller_.name, letter_.from}));
  program_.report.say("\"" + caller_.name + "\" is one of your contacts now.");
}

awaitable<bool> Reception::ask(std::string because) {
  if (!because.empty()) because += ' ';
  const auto body = [&](TaskGroup& tasks) -> awaitable<bool> {
    tasks.start(watch_for_cancel());
    tasks.start(watch_for_leaving());
    auto question = because + "Accept " + summary_words(offer_.summary) + " from " + printable(caller_.name) + "?";
    co_return co_await program_.terminal.agree(std::move(question));
  };
  bool yes = false;
  asking_ = true;
  try {
    yes = co_await with_tasks<bool>(body);
  } catch (const Failure& failure) {
    // Whoever ends the input instead of answering has not said yes.
    if (!cancelled_) program_.report.say(printable(failure.error().message()) + ".");
  }
  if (!yes && !withdrawn_) co_await reject(Reject::Why::declined, cancelled_ ? "they left instead of answering" : "");
  asking_ = false;
  co_return yes;
}

/// Throws interrupted once the user has ended the program.
awaitable<void> Reception::watch_for_leaving() {
  co_await left_.wait();
  throw Failure{{.code = Errc::interrupted, .doing = "not answered"}};
}

/// Throws cancelled once the sender takes the offer back.
awaitable<void> Reception::watch_for_cancel() {
  for (;;) {
    const auto letter = co_await slot_.next();
    sender_device_ = letter.device;  // a session has one sender: after a loss of the server it has another connection
    if (std::holds_alternative<Offer>(letter.signal)) answer_again();
    if (const auto* punch = std::get_if<Punch>(&letter.signal); punch && climber_) climber_->heard(*punch);
    if (const auto* more = std::get_if<MoreCandidates>(&letter.signal); more && climber_) {
      climber_->heard(*more, letter.seen_at);
      if (session_ && !more->candidates.empty()) session_->doubt_lanes();
    }
    if (const auto* meet = std::get_if<MeetAtRelay>(&letter.signal); meet && climber_) climber_->heard(*meet);
    if (std::holds_alternative<TryAgain>(letter.signal) && climber_) climber_->try_again();
    const auto* taken_back = std::get_if<Cancel>(&letter.signal);
    if (!taken_back) continue;
    if (taken_back->why == Cancel::Why::no_path)
      throw Failure{{.code = Errc::no_path,
                     .doing = caller_.name + " found no path to this machine",
                     .hint = "`pshare doctor --with NAME` on either side says what stands in the way, and what could be changed."}};
    // In the middle of a transfer they say so on a lane as well: whichever comes first.
    if (taken_back->why == Cancel::Why::user && last_path_)
      throw Failure{{.code = Errc::interrupted, .doing = caller_.name + " stopped the transfer", .hint = "What has arrived is kept: it goes on when they send it again."}};
    withdrawn_ = true;
    if (taken_back->why == Cancel::Why::taken_by_other_device)
      throw Failure{{.code = Errc::cancelled, .doing = "another device of yours receives what " + caller_.name + " sends"}};
    const auto* how = taken_back->why == Cancel::Why::timed_out ? " did not wait any longer" : " took the offer back";
    throw Failure{{.code = Errc::cancelled, .doing = caller_.name + how}};
  }
}

/// The same offer once more: its sender has a new connection to the server, and may have missed our answer.
void Reception::answer_again() {
  if (!accepted_) return;
  Signal yes = *accepted_;
  // Not waited for: other letters may be behind this one.
  online_.letters().post(letter_.from_key, sender_device_, std::move(yes), RendezvousClient::OurAddress::shown);
}

/// Says yes, and what is not known of us yet as it comes to be known. Where the yes does not get through, the sender offers again, and we answer again.
awaitable<void> Reception::agree(ReceiverSession& session) {
  Signal yes = *accepted_;
  try {
    co_await answer(std::move(yes));
  } catch (const Failure& failure) {
    program_.report.detail("That you agree could not be said yet: " + printable(failure.error().message()));
  }
  Online::Told told{offer_.session, letter_.from_key, sender_device_, accepted_->candidates, accepted_->nat};
  std::function<void()> moved = [&session] { session.doubt_lanes(); };
  auto telling = online_.tell_more(std::move(told), std::move(moved));
  co_await std::move(telling);
}

awaitable<void> Reception::answer(Signal signal) {
  // Who has agreed lets the server say where it sees us: the sender searches for us nowhere else.
  const auto address = std::holds_alternative<Accept>(signal) ? RendezvousClient::OurAddress::shown : RendezvousClient::OurAddress::hidden;
  co_await online_.letters().send(letter_.from_key, sender_device_, std::move(signal), false, Clock::now() + answer_patience, address);
}

awaitable<void> Reception::call_off() {
  Signal cancel = Cancel{offer_.session, Cancel::Why::user};
  try {
    co_await online_.letters().send(letter_.from_key, sender_device_, std::move(cancel), false, Clock::now() + last_words);
  } catch (const Failure& failure) {
    program_.report.detail("Could not be called off: " + printable(failure.error().message()));
  }
}

awaitable<void> Reception::reject(Reject::Why why, std::string words) {
  Signal no = Reject{offer_.session, why, std::move(words)};
  co_await answer(std::move(no));
}

// --- the transfer ----------------------------------------------------------------------------------------------------------

Result<std::unique_ptr<Sink>> Reception::open_sink() const {
  if (options_.to_stdout) return std::unique_ptr<Sink>{std::make_unique<StreamSink>(standard_output())};
  auto files = FileSink::at(destination_, options_.on_conflict);
  if (!files) return Unexpected{std::move(files).error()};
  return std::unique_ptr<Sink>{std::make_unique<FileSink>(*std::move(files))};
}

awaitable<Reception::End> Reception::receive(GiveUp give_up) {
  give_up_ = give_up;
  began_ = Clock::now();
  if (offer_.summary.text) co_return co_await show_text();
  auto sink = open_sink();
  if (!sink) {
    co_await reject(Reject::Why::local_trouble, "the folder there cannot be written");
    co_return Failed{sink.error()};
  }
  co_return co_await run_session(**sink);
}

awaitable<Reception::End> Reception::show_text() {
  program_.report.text(caller_.name, *offer_.summary.text);
  Signal shown = TextShown{offer_.session};
  co_await answer(std::move(shown));
  program_.report.done("Received", {.bytes = offer_.summary.text->size(), .seconds = 0});
  co_return Shown{};
}

awaitable<Reception::End> Reception::run_session(Sink& sink) {
  auto climber = online_.climber(offer_.session, letter_.from, ClimbRole::receiver, CheckKey{offer_.check_secret});
  climber.set_on_attempt([&report = program_.report](const Attempt& each) { report.attempt(each.tier, each.transport, each.outcome, each.reason, each.elapsed); });
  ReceiverSession::Settings settings;
  settings.partial = transfer_id(letter_.from, program_.identity.id(), TransferKind::files, {offer_.transfer.text()}, {});
  if (gives_receipt(offer_.receipt))
    settings.sign = [this](const ContentFacts& held) {
      const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
      return sign_receipt(program_.identity, {.transfer = offer_.transfer, .sender = letter_.from, .receiver = {}, .signed_at = now, .held = held});
    };
  settings.lane_lost = [this](const Path& path, const Error& why) {
    const auto* what = why.code == Errc::closed ? "Closed " : "Lost ";
    program_.report.detail(what + path_words(path) + ": " + printable(why.message()));
    lost_because_ = printable(why.message());
    if (path_mtu_fell(why) && climber_) climber_->avoid_large_datagrams();
    if (const auto gone = std::ranges::find(lanes_, path); gone != lanes_.end()) lanes_.erase(gone);
    if (path_ == path && !lanes_.empty()) use(lanes_.front());
    if (climber_) climber_->lanes_left(lanes_);
  };
  // Several lanes may have come up; the sender has chosen the one on which it speaks. While it measures two, the first counts.
  settings.lane_speaks = [this](const Path& path) {
    if (!path_ || std::ranges::find(lanes_, *path_) == lanes_.end()) use(path);
  };
  ReceiverSession session{program_.executor, program_.workers, sink, offer_.transfer, offer_.summary, settings};
  session_ = &session;
  if (cancelled_) session.cancel();
  program_.report.agreed(caller_.name);
  log(LogLevel::debug, "offer.agreed", {{"session", offer_.session.text()}});
  climber.set_on_no_path([this] { return goes_on_without_server(); });
  climber.set_on_say([this](const Climber::Word& word) { online_.say(letter_.from_key, sender_device_, word); });
  climber.set_on_relayed([&report = program_.report](const Path& path, const RelayJoined& limits) { report.relayed(path, limits); });
  co_await online_.standpoint().settled(Clock::now() + survey_patience);
  const auto& standpoint = online_.standpoint();
  accepted_ = Accept{offer_.session, standpoint.candidates(), standpoint.facts(), settings.sign != nullptr};

  const auto no_path_at = Clock::now() + std::min(path_patience, program_.options.timeout.value_or(default_timeout));
  const auto body = [&](TaskGroup& tasks) -> awaitable<ReceiveOutcome> {
    climber_ = &climber;
    tasks.start(climber.run());
    tasks.start(keep_lanes(session, climber));
    tasks.start(watch_for_cancel());
    tasks.start(watch(session, climber, tasks));
    // Our word is with the sender after half of each side's round trip to the server: then both begin.
    PeerFacts peer{offer_.candidates, offer_.nat, letter_.seen_at};
    climber.attend(std::move(peer), Clock::now() + (accepted_->nat.server_rtt + offer_.nat.server_rtt) / 2, no_path_at);
    tasks.start(agree(session));
    co_return co_await session.run();
  };
  std::optional<ReceiveOutcome> outcome;
  std::optional<Error> trouble;
  try {
    outcome.emplace(co_await with_tasks<ReceiveOutcome>(body));
  } catch (const Failure& failure) {
    trouble = failure.error();
  }
  session_ = nullptr;
  climber_ = nullptr;
  if (withdrawn_ && !outcome) {
    program_.report.say(printable(trouble->message()) + ".");
    co_return NotWanted{};
  }
  // The session has said so on its lanes; but a lane may be dead, and nobody know it yet.
  if (cancelled_ && !gives_way_) co_await call_off();
  // There has been a path before: the sender may come back by another, or the server.
  const bool passes = trouble && (trouble->code == Errc::no_path || trouble->code == Errc::timed_out || trouble->code == Errc::unreachable);
  if (passes && (agreed_before_ || last_path_) && !options_.to_stdout) co_return lost(*trouble);
  if (trouble) co_return Failed{online_.advised(*trouble, caller_.name, offer_.nat)};
  co_return end_of(*outcome, session);
}

awaitable<void> Reception::keep_lanes(ReceiverSession& session, Climber& climber) {
  for (;;) {
    auto lane = co_await climber.next_lane();
    const auto path = lane->path();
    lanes_.push_back(path);
    had_lane_ = true;
    session.add_lane(std::move(lane));
  }
}

void Reception::use(const Path& path) {
  path_ = last_path_ = path;
  if (lost_at_) program_.report.path_again(caller_.name, path, Clock::now() - *lost_at_);
  else program_.report.path(path);
  lost_at_.reset();
}

/// Lanes beyond the first are dialled by whoever dialled the first.
awaitable<void> Reception::dial_further_lanes(ReceiverSession& session, Climber& climber, Path like) {
  for (std::uint32_t ordinal = 1; ordinal < std::min(offer_.lanes, max_lanes); ++ordinal) {
    try {
      auto lane = co_await climber.another_lane(like, ordinal, Clock::now() + further_lane_patience);
      lanes_.push_back(lane->path());
      session.add_lane(std::move(lane));
    } catch (const Failure& failure) {
      program_.report.detail("No lane number " + std::to_string(ordinal + 1) + ": " + printable(failure.error().message()));
    }
  }
}

awaitable<void> Reception::watch(ReceiverSession& session, Climber& climber, TaskGroup& tasks) {
  Standstill standstill{Clock::now()};
  const auto look = [&](TimePoint now) {
    if (standstill.began(session.progress().durable, now)) online_.doubt();
    if (hope_.is_due(path_, now)) online_.standpoint().doubt();
    if (lanes_.empty() && had_lane_ && !session.progress().ended) {
      path_.reset();
      had_lane_ = false;
      if (last_path_ && !lost_at_) {
        lost_at_ = now;
        give_up_->lost(online_.awake());
        program_.report.path_lost(caller_.name, lost_because_, duration_words(give_up_->left(online_.awake())));
      }
      online_.doubt();
      further_dialled_ = false;
      search(climber, now);
    }
    look_for_sender(session, climber, now);
    // The sender has chosen when it has spoken and closed the others.
    const bool chosen = session.progress().manifest_known && lanes_.size() == 1;
    if (chosen && !further_dialled_ && offer_.lanes > 1 && climber.dialled(lanes_.front())) {
      further_dialled_ = true;
      tasks.start(dial_further_lanes(session, climber, lanes_.front()));
    }
  };
  const Undertaking whole{.total = offer_.summary.bytes, .files = offer_.summary.files};
  co_await watch_progress(session, program_.report, path_, whole, look);
}

/// While the server is out of reach no offer can come, so this session is what the sender can find.
void Reception::look_for_sender(ReceiverSession& session, Climber& climber, TimePoint now) {
  if (path_) give_up_->moved(session.progress().durable);
  if (!lost_at_ || !lanes_.empty() || online_.server().connected() || give_up_->over(online_.awake()) || options_.to_stdout) return;
  session.bear_without_lanes(now + laneless_patience);
  if (now >= search_at_) search(climber, now);
}

void Reception::search(Climber& climber, TimePoint now) {
  climber.climb_again(laneless_patience);
  search_at_ = now + laneless_patience + search_pause;
}

/// A climb has come to nothing. True: another one follows.
bool Reception::goes_on_without_server() const { return lost_at_ && !online_.server().connected() && !options_.to_stdout; }

Reception::Lost Reception::lost(Error error) {
  give_up_->lost(online_.awake());
  return {std::move(error)};
}

Reception::End Reception::end_of(const ReceiveOutcome& outcome, const ReceiverSession& session) {
  for (const auto& remark : outcome.remarks) program_.report.warn(printable(remark));
  if (outcome.trouble) {
    if (cancelled_) return Failed{{.code = Errc::interrupted, .doing = "interrupted", .hint = "Run the same command again to go on where it stopped."}};
    const bool gone = outcome.trouble->code == Errc::interrupted && lanes_.empty();
    // What is written to a pipe cannot be taken back, so nothing can go on there.
    if (gone && options_.to_stdout)
      return Failed{{.code = Errc::interrupted, .doing = caller_.name + " was lost in the middle of the stream", .hint = "What was written is incomplete: run the whole pipeline again."}};
    if (gone) return lost(*outcome.trouble);
    return Failed{*outcome.trouble};
  }
  const auto progress = session.progress();
  const auto files = offer_.summary.files;
  program_.report.last_progress({.bytes = progress.durable, .total = progress.durable, .files_done = files, .files = files, .path = last_path_});
  program_.report.done("Received", {.bytes = progress.durable, .wire_bytes = session.wire_bytes(), .files = files, .resumed_bytes = progress.resumed,
                                    .seconds = std::chrono::duration<double>{Clock::now() - began_}.count(), .path = last_path_});
  if (!options_.to_stdout)
    for (const auto& name : outcome.names) program_.report.say("  " + printable(text_of(destination_ / path_from(name))));
  return Done{};
}

}  // namespace pshare
