#include "apps/pshare/meeting.hpp"

#include <utility>

#include "apps/pshare/qr.hpp"
#include "io/log.hpp"
#include "io/printable.hpp"

namespace pshare {

namespace {

Introduction introduction(const Program& program, CodePurpose purpose) {
  auto name = program.options.settings.name.value_or("");
  if (name.size() > max_introduced_name) name.clear();
  return {program.identity.public_key(), std::move(name), purpose};
}

Met met(Program& program, const Introduction& other) {
  const auto contacts = value_or_throw(program.home.contacts());
  const auto id = id_of(other.key);
  if (id == program.identity.id())
    throw Failure{{.code = Errc::usage, .doing = "this is your own code: both sides have the same identity", .hint = "Run the other side with another home (--home DIR), or as another user."}};
  if (const auto contact = contacts.find(id)) return {contact->name, id, other.key, true};
  Met somebody{printable(other.name), id, other.key, false};
  if (somebody.name.empty()) somebody.name = id.short_text();
  if (contacts.find(somebody.name))
    program.report.warn("they call themselves \"" + somebody.name + "\", but are NOT your contact of that name: the key is another. They do know the code.");
  return somebody;
}

Failure no_codes(Error error) {
  if (error.code == Errc::unsupported) {
    error.doing = "this server knows no one-time codes";
    error.hint = "Its operator should update pshare-server; until then send with --to NAME.";
  }
  return Failure{std::move(error)};
}

/// One code, from being shown to the end of the one guess at it.
class Invited {
 public:
  enum class End { met, guessed, broken_off, line_cut };

  Invited(Program& program, RendezvousClient& server, const Code& code, CodePurpose purpose)
      : program_(program), server_(server), number_(code.number), host_(code, introduction(program, purpose), program.random) {}

  awaitable<End> wait_for_guest(TimePoint until) {
    for (;;) {
      const auto news = co_await server_.next_code_news(joined_ ? Clock::now() + meeting_patience : until);
      if (!news) co_return joined_ ? End::broken_off : End::line_cut;
      if (news->number != number_) continue;  // of an earlier code
      // Also of a guest of whom we never heard: nobody comes under that number any more, and a server that says so again and again is not listened to for ever.
      if (news->what == CodeNews::What::gone) co_return End::broken_off;
      if (news->what == CodeNews::What::joined) {
        if (std::exchange(joined_, true)) co_return End::guessed;  // two guests for one code: the server lies
        auto answer = host_.joined(news->body);
        if (!answer) co_return End::guessed;
        co_await server_.say_by_code(number_, *std::move(answer), Clock::now() + meeting_patience);
        continue;
      }
      auto agreed = host_.confirmed(news->body);
      if (!agreed) co_return End::guessed;
      guest_ = std::move(agreed->guest);
      co_await server_.say_by_code(number_, std::move(agreed->welcome), Clock::now() + meeting_patience);
      co_return End::met;
    }
  }

  bool joined() const { return joined_; }
  const Introduction& guest() const { return *guest_; }

 private:
  Program& program_;
  RendezvousClient& server_;
  std::uint64_t number_;
  CodeHost host_;
  bool joined_ = false;
  std::optional<Introduction> guest_;
};

void show(Program& program, const RendezvousClient& server, const Code& code, const Invitation& invitation) {
  const auto text = code.text();
  const auto& at = server.server();
  const auto link = Code::link(text, HostAndPort{at.host, at.port}.text(), at.key.text());
  std::vector<std::string> qr;
  if (invitation.qr && !program.report.manner().json)
    if (const auto screen = screen_size()) qr = qr_code(link, *screen);
  const auto there = invitation.purpose == CodePurpose::pair ? "`pshare pair " + text + "`" : std::string{"`pshare receive` and type it there"};
  program.report.code(text, link, there, qr);
}

/// The end of the one guess; what the server refuses in the middle of it breaks it off.
awaitable<Invited::End> wait_for_guest(Program& program, Invited& invited, TimePoint until) {
  std::optional<Error> trouble;
  try {
    co_return co_await invited.wait_for_guest(until);
  } catch (const Failure& failure) {
    trouble = failure.error();
  }
  if (!invited.joined()) {
    if (trouble->code != Errc::timed_out) throw Failure{*trouble};
    throw Failure{{.code = Errc::offline, .doing = "nobody came with the code in time", .hint = "Send again when the other side is ready; --timeout sets how long to wait."}};
  }
  program.report.detail("The exchange by code broke off: " + printable(trouble->message()));
  co_return Invited::End::broken_off;
}

}  // namespace

awaitable<Met> invite(Program& program, RendezvousClient& server, Invitation invitation, TimePoint until) {
  std::optional<Code> shown;
  std::size_t burnt = 0;
  for (;;) {
    const auto words = shown ? shown->words : CodeWords::random(invitation.words, program.random);
    std::uint64_t number = 0;
    std::optional<Error> refused;
    try {
      number = co_await server.open_code(shown ? shown->number : 0, until);
    } catch (const Failure& failure) {
      refused = failure.error();
    }
    if (refused) throw no_codes(*refused);
    const Code code{number, words};
    if (!shown || shown->number != number) show(program, server, code, invitation);
    shown = code;
    Invited invited{program, server, code, invitation.purpose};
    const auto end = co_await wait_for_guest(program, invited, until);
    log(LogLevel::debug, "code.ended", {{"end", static_cast<int>(end)}});
    if (end == Invited::End::met) co_return met(program, invited.guest());
    if (end == Invited::End::line_cut) continue;  // nobody has guessed: the same code, on a new connection
    // Who sees that a guess was wrong hangs up, which looks like any other end in the middle.
    constexpr const char* what = "Somebody came with a wrong code, or broke off in the middle";
    if (++burnt >= max_wrong_guesses)
      throw Failure{{.code = Errc::identity_mismatch,
                     .doing = std::string{what} + ", the " + std::to_string(burnt) + "th time; this looks like somebody guessing",
                     .hint = "Nothing was sent. Tell the other side the code over a channel that others do not read, or use --code-words 4."}};
    program.report.warn(std::string{what} + ": it is burnt, and nothing was sent. Here is a new one.");
    try {
      co_await server.close_code(number, Clock::now() + meeting_patience);
    } catch (const Failure& failure) {
      program.report.detail("The burnt code could not be given back: " + printable(failure.error().message()));
    }
    shown.reset();
  }
}

awaitable<Met> join(Program& program, RendezvousClient& server, Code code, CodePurpose purpose, std::function<void(const Met&)> on_host) {
  const auto until = Clock::now() + meeting_patience;
  CodeGuest guest{code, introduction(program, purpose), program.random};
  std::optional<Error> trouble;
  std::optional<Met> host;
  bool answered = false;
  try {
    co_await server.join_code(code.number, guest.share(), until);
    for (bool welcomed = false; !welcomed;) {
      const auto news = co_await server.next_code_news(until);
      if (!news) throw Failure{{.code = Errc::unreachable, .doing = "the connection to the server was lost in the middle of the exchange", .hint = "The code may be burnt: ask the other side for the one that it shows now."}};
      if (news->number != code.number) continue;
      if (news->what == CodeNews::What::gone)
        throw Failure{answered ? wrong_code()
                               : Error{.code = Errc::offline, .doing = "the other side went away", .hint = "Ask them for the code that they show now."}};
      if (news->what != CodeNews::What::message) continue;
      if (std::exchange(answered, true)) {
        value_or_throw(guest.welcomed(news->body));
        welcomed = true;
        continue;
      }
      auto answer = value_or_throw(guest.answered(news->body));
      const auto for_what = answer.host.purpose;
      if (for_what != purpose)
        throw Failure{{.code = Errc::usage,
                       .doing = std::string{"this code is for "} + (for_what == CodePurpose::pair ? "becoming contacts, not for a transfer" : "a transfer, not for becoming contacts"),
                       .hint = std::string{"Ask for a new code (this one is used up), and run "} + (for_what == CodePurpose::pair ? "`pshare pair CODE`." : "`pshare receive CODE`.")}};
      host = met(program, answer.host);
      if (on_host) on_host(*host);
      // Before they know that it is us: what they offer then comes here.
      if (purpose == CodePurpose::send) co_await server.take_offers(host->id, until);
      co_await server.say_by_code(code.number, std::move(answer.reply), until);
    }
  } catch (const Failure& failure) {
    trouble = failure.error();
  }
  // So that the other side learns at once what came of it.
  if (!trouble || trouble->code != Errc::unknown_peer) {
    try {
      co_await server.close_code(code.number, Clock::now() + meeting_patience);
    } catch (const Failure& failure) {
      program.report.detail("Could not be told to the server: " + printable(failure.error().message()));
    }
  }
  if (!trouble) co_return *host;
  if (trouble->code == Errc::unknown_peer)
    throw Failure{{.code = Errc::identity_mismatch,
                   .doing = "nobody shows this code (the server knows none of its number, or no more)",
                   .hint = "A code is good for one try, and as long as the sender waits: ask for the one that is shown now. Do you both use the same server?"}};
  if (trouble->code == Errc::timed_out)
    throw Failure{{.code = Errc::offline, .doing = "the other side of the code did not answer in time", .hint = "Ask them for the code that they show now."}};
  throw no_codes(*trouble);
}

}  // namespace pshare
