#include "apps/pshare/offering.hpp"

#include <exception>
#include <utility>

#include "apps/pshare/quantities.hpp"
#include "io/deadline.hpp"
#include "io/log.hpp"
#include "io/printable.hpp"
#include "io/task_group.hpp"

namespace pshare {

namespace {

/// Before an offer that nobody has answered is made again: in the middle of a transfer, where the other side answers by itself, and where a person
/// may have to, or their program was started anew meanwhile.
constexpr Duration answer_patience = std::chrono::seconds{5}, persons_patience = std::chrono::seconds{15};
/// And one that waits at the server: it is handed to the first connection that comes, which may be dead before it has read it.
constexpr Duration waiting_patience = std::chrono::seconds{15};
/// How long a cancelled offer's last words may take.
constexpr Duration last_words = std::chrono::seconds{1};

std::string advice(Reject::Why why) {
  if (why == Reject::Why::not_a_contact) return "Ask them to make you a contact: `pshare contacts add`, with the ID that your `pshare id` shows.";
  if (why == Reject::Why::no_terminal) return "Ask them to answer in a terminal, or to let you: `pshare contacts rule`, or without a rule for you `pshare receive --yes`.";
  return "";
}

Failure refusal(const std::string& name, const Reject& reject) {
  const auto said = reject.words.empty() ? std::string{} : ": " + reject.words;
  if (reject.why == Reject::Why::no_space)
    return Failure{{.code = Errc::local_io, .doing = name + " cannot take it" + said, .hint = "Ask them to make room, or to choose another folder with --dir."}};
  if (reject.why == Reject::Why::local_trouble)
    return Failure{{.code = Errc::local_io, .doing = name + " cannot take it" + said, .hint = "Ask them to look at what their program says, and send again."}};
  if (reject.why == Reject::Why::busy) return Failure{{.code = Errc::busy, .doing = name + " is busy" + said, .hint = "Try again later."}};
  return Failure{{.code = Errc::declined, .doing = name + " declined" + said, .hint = advice(reject.why)}};
}

/// Nobody has answered in time. `waiting`: the offer waits at the server, as they are not online.
Failure no_answer(const std::string& peer, bool underway, bool waiting) {
  if (underway) return Failure{{.code = Errc::unreachable, .doing = peer + (waiting ? " is not online" : " does not answer")}};
  if (waiting)
    return Failure{{.code = Errc::offline, .doing = peer + " did not come online in time", .hint = "Ask them to run `pshare receive`, and send again; --timeout sets how long to wait."}};
  return Failure{{.code = Errc::no_answer, .doing = peer + " is online but did not answer in time", .hint = "Ask them to look at their terminal, and send again."}};
}

}  // namespace

Failure gave_up(const std::string& peer, Duration after, const std::string& at_last) {
  return Failure{{.code = Errc::interrupted,
                  .doing = "the way to " + peer + " was lost in the middle, and there was no other in " + duration_words(after) + "; at last: " + at_last,
                  .hint = "Run the same command again to go on where it stopped; --give-up sets how long to look for another way."}};
}

Offering::Offering(Program& program, Online& online, const Addressee& to, Offer made, Terms terms)
    : program_(program), online_(online), to_(to), made_(std::move(made)), terms_(terms) {}

awaitable<Letter> Offering::agree(Correspondence::Slot& slot) {
  const auto body = [&](TaskGroup& tasks) -> awaitable<Letter> {
    tasks.start(until_interrupted());
    tasks.start(offer_again_after_reconnection());
    co_await make();
    tasks.start(offer_again_unanswered());
    co_return co_await answer(slot);
  };
  std::exception_ptr trouble;
  std::optional<Letter> letter;
  auto why = Cancel::Why::user;
  bool over = false;
  try {
    letter.emplace(co_await with_tasks<Letter>(body));
  } catch (const Failure& failure) {
    trouble = std::current_exception();
    const auto code = failure.error().code;
    over = code == Errc::interrupted || code == Errc::no_answer || code == Errc::offline || (terms_.underway && code == Errc::unreachable);
    if (code != Errc::interrupted) why = Cancel::Why::timed_out;
  }
  if (over) co_await take_back(program_, online_, to_, made_.session, why);
  if (trouble) std::rethrow_exception(trouble);
  co_return *letter;
}

awaitable<void> Offering::make() {
  std::optional<Fate> fate;
  std::optional<Error> trouble;
  try {
    fate = co_await say();
  } catch (const Failure& failure) {
    trouble = failure.error();
  }
  // That the server, too, was out of reach matters little in the middle of a transfer: there is something to go on with.
  const bool out_of_reach = trouble && (trouble->code == Errc::timed_out || trouble->code == Errc::unreachable);
  if (out_of_reach && terms_.underway) throw no_answer(to_.name, true, waiting_);
  if (trouble) throw Failure{*trouble};
  switch (*fate) {
    case Fate::delivered: program_.report.offer_made(to_.name, to_.id, made_.summary, "delivered"); break;
    case Fate::waiting: program_.report.offer_made(to_.name, to_.id, made_.summary, "waiting"); break;
    case Fate::mailbox_full:
      throw Failure{{.code = Errc::offline, .doing = to_.name + " is not online, and too many offers wait for them already", .hint = "Try again when they are online: `pshare peers`."}};
    case Fate::offline:
    case Fate::unknown:
      throw Failure{{.code = Errc::offline, .doing = to_.name + " is not online", .hint = "Ask them to run `pshare receive`."}};
  }
  waiting_ = fate == Fate::waiting;
}

awaitable<Fate> Offering::say() {
  Signal signal = made_;
  co_return co_await online_.letters().send(to_.key, every_device, std::move(signal), true, terms_.patience, RendezvousClient::OurAddress::shown);
}

/// A server that was restarted has forgotten what waited there. Whoever has the offer already knows it by its session.
awaitable<void> Offering::offer_again_after_reconnection() {
  for (;;) {
    co_await online_.reconnected();
    co_await say();
  }
}

/// The server believes in a connection for a while that a power cut or another network has ended, and whoever comes back on a new one has
/// not heard what was delivered to the old one. Whoever has heard it knows it by its session. A text is shown whenever it comes: once.
awaitable<void> Offering::offer_again_unanswered() {
  while (!made_.summary.text && (terms_.underway || !waiting_)) {
    co_await sleep_until(Clock::now() + (waiting_ ? waiting_patience : terms_.underway ? answer_patience : persons_patience));
    try {
      const auto fate = co_await say();
      waiting_ = fate == Fate::waiting;
      log(LogLevel::debug, "offer.repeated", {{"session", made_.session.text()}});
    } catch (const Failure& failure) {
      program_.report.detail("The offer could not be repeated: " + printable(failure.error().message()));
    }
  }
}

awaitable<Letter> Offering::answer(Correspondence::Slot& slot) {
  std::optional<Letter> letter;
  bool late = false;
  try {
    auto next = slot.next();
    letter = co_await with_deadline(std::move(next), terms_.patience, "waiting for an answer");
  } catch (const Failure& failure) {
    if (failure.error().code != Errc::timed_out) throw;
    late = true;
  }
  if (late) throw no_answer(to_.name, terms_.underway, waiting_);
  if (const auto* reject = std::get_if<Reject>(&letter->signal)) {
    program_.report.rejected(to_.name, word(reject->why), reject->words);
    throw refusal(to_.name, *reject);
  }
  if (std::holds_alternative<Cancel>(letter->signal))
    throw Failure{{.code = Errc::cancelled, .doing = to_.name + " called it off", .hint = "Send again when they are ready."}};
  co_return *letter;
}

awaitable<void> take_back(Program& program, Online& online, const Addressee& to, SessionId session, Cancel::Why why) {
  const auto until = Clock::now() + last_words;
  try {
    co_await online.server().withdraw(to.id, session, until);
    Signal cancel = Cancel{session, why};
    co_await online.letters().send(to.key, every_device, std::move(cancel), false, until);
  } catch (const Failure& failure) {
    program.report.detail("The offer could not be withdrawn: " + printable(failure.error().message()));
  }
}

}  // namespace pshare
