// pshare pair: makes two people contacts of each other, by a one-time code.
#include "apps/pshare/changed_key.hpp"
#include "apps/pshare/code_prompt.hpp"
#include "apps/pshare/meeting.hpp"
#include "apps/pshare/program.hpp"
#include "apps/pshare/server_choice.hpp"
#include "io/printable.hpp"
#include "io/task_group.hpp"
#include "traversal/io/rendezvous_client.hpp"
#include "wire/control.hpp"

namespace pshare {

namespace {

/// What we are to call them: --as, else the name of the contact that they are, else what they call themselves, else what the user says.
awaitable<std::string> name_for(Program& program, const Met& met, const std::optional<std::string>& wanted) {
  if (wanted) co_return *wanted;
  if (met.contact) co_return met.name;
  if (const auto name = parse_name(met.name); name && met.name != met.id.short_text()) co_return *name;
  const Error nameless{.code = Errc::usage, .doing = "the other side has no name", .hint = "Say what you want to call them: `pshare pair --as NAME`, with a new code."};
  if (!program.terminal.present()) throw Failure{nameless};
  auto question = std::string{"The other side has no name. What do you want to call them? "};
  const auto typed = co_await program.terminal.ask(std::move(question));
  const auto name = parse_name(typed);
  if (!name) throw Failure{{.code = Errc::usage, .doing = name.error().doing, .hint = name.error().hint}};
  co_return *name;
}

void pin(Program& program, const Met& met, const std::string& name) {
  auto contacts = value_or_throw(program.home.contacts());
  if (met.contact && met.name == name) return program.report.say("\"" + name + "\" is your contact already (" + fingerprint_words(met.id) + ").");
  if (const auto pinned = contacts.find(name); pinned && pinned->id != met.id) {
    auto error = pinned_otherwise(*pinned, met.id);  // a pinned name never changes its key in passing
    error.hint += " Or, if this is somebody else, pair again with --as and another name.";
    throw Failure{std::move(error)};
  }
  value_or_throw(contacts.add(Pin{name, met.id}));
  program.report.say("\"" + name + "\" is one of your contacts now (" + fingerprint_words(met.id) + ").");
}

}  // namespace

awaitable<void> pair(Program& program, PairOptions options) {
  auto given = options.code ? options.code : take_code_from_environment();
  std::optional<Code> code;
  if (given == "-") {
    code = co_await read_code();
    if (!code) throw Failure{{.code = Errc::usage, .doing = "standard input has no code", .hint = "Pipe one in: `echo CODE | pshare pair -`."}};
  } else if (given) {
    code = value_or_throw(Code::parse(*given));
  }
  auto specs = servers_for(program, code ? code->server : std::nullopt);
  const auto servers = co_await pinned_servers(program, std::move(specs));
  RendezvousClient server{program.executor, program.tls, servers, program.random, program.outlet, RendezvousClient::Attendance::answers_only};
  server.set_on_notice([&report = program.report](const std::string& words) { report.say("The server says: " + words); });
  std::optional<Met> found;
  const auto conversation = [&](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(server.run());
    tasks.start(until_interrupted());
    co_await server.welcome(program.server_patience());
    const Invitation invitation{.purpose = CodePurpose::pair, .words = options.code_words, .qr = options.qr};
    if (code) found = co_await join(program, server, *code, CodePurpose::pair);
    else found = co_await invite(program, server, invitation, program.patience());
  };
  co_await with_tasks<void>(conversation);
  const auto name = co_await name_for(program, *found, options.as);
  pin(program, *found, name);
  if (program.report.manner().json) program.report.contact(Pin{name, found->id}, std::nullopt);
}

}  // namespace pshare
