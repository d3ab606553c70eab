// pshare contacts: whom we know, how sure of them we are, and what is accepted from them.
#include "apps/pshare/changed_key.hpp"
#include "apps/pshare/consent.hpp"
#include "apps/pshare/program.hpp"
#include "secure/comparison_words.hpp"
#include "transfer/io/file_sink.hpp"
#include "wire/control.hpp"

namespace pshare {

namespace {

Failure no_contact(const std::string& name) {
  return Failure{{.code = Errc::unknown_peer, .doing = "\"" + name + "\" is not one of your contacts", .hint = "`pshare contacts` lists them."}};
}

Pin known_contact(const PinFile& contacts, const std::string& name) {
  const auto pin = contacts.find(name);
  if (!pin) throw no_contact(name);
  return *pin;
}

void list(Program& program, const PinFile& contacts) {
  const auto rules = value_or_throw(program.home.rules());
  if (contacts.pins().empty()) program.report.say("No contacts yet. `pshare contacts add NAME ID` makes one; `pshare id` shows your own ID.");
  for (const auto& pin : contacts.pins()) program.report.contact(pin, rules.own(pin.name));
  if (!rules.by_default().says_nothing()) program.report.rule("", rules.by_default());
}

void add(Program& program, PinFile& contacts, const ContactsOptions::Add& wanted) {
  const auto id = PeerId::parse(wanted.id);
  if (!id) throw Failure{{.code = Errc::usage, .doing = id.error().doing, .hint = id.error().hint}};
  if (*id == program.identity.id()) throw Failure{{.code = Errc::usage, .doing = "this ID is your own", .hint = "Ask the other person for theirs: `pshare id`."}};
  if (auto added = contacts.add(Pin{wanted.name, *id}); !added) {
    if (const auto pinned = contacts.find(wanted.name); pinned && pinned->id != *id) throw Failure{pinned_otherwise(*pinned, *id)};
    throw Failure{std::move(added).error()};
  }
  program.report.say("\"" + wanted.name + "\" is a contact now. Their fingerprint: " + fingerprint_words(*id) + "\n  `pshare contacts verify " + wanted.name +
                     "`, on both sides, makes sure that nobody is in between.");
}

void remove(Program& program, PinFile& contacts, const std::string& name) {
  const auto pin = known_contact(contacts, name);
  // The rule first: left alone, it would count for the next one of that name.
  value_or_throw(program.home.change_rules([&](AcceptRules& rules) -> Result<void> {
    rules.forget(pin.name);
    return {};
  }));
  if (!value_or_throw(contacts.remove(pin.name))) throw no_contact(pin.name);
  program.report.say("\"" + pin.name + "\" is forgotten.");
}

awaitable<void> verify(Program& program, PinFile& contacts, std::string name) {
  auto pin = known_contact(contacts, name);
  const auto words = value_or_throw(comparison_words(program.identity.id(), pin.id));
  const auto what = "On both machines these words must be the same; there, `pshare contacts verify` shows them, with the name that you have there:\n  " + words +
                    "\nCompare them over a channel on which you know each other: in person, or by phone. ";
  if (!program.terminal.present()) {
    program.report.say(what + "\n" + (pin.verified ? "\"" + pin.name + "\" has been verified before." : "Run this in a terminal to mark \"" + pin.name + "\" as verified."));
    co_return program.report.comparison(pin, words);
  }
  auto question = what + "Does " + pin.name + "'s machine show the same words?";
  pin.verified = co_await program.terminal.agree(std::move(question));
  value_or_throw(contacts.mark(pin, pin.verified));
  program.report.comparison(pin, words);
  if (!pin.verified) throw Failure{words_differ(pin)};
  program.report.say("\"" + pin.name + "\" is verified. Should the key change, you will be told that it was.");
}

void rule(Program& program, const PinFile& contacts, const ContactsOptions::Rule& wanted) {
  if (wanted.name) known_contact(contacts, *wanted.name);
  if (wanted.change.directory) {
    // Not made by us, here or later: a folder that is missing may be a disk that is not mounted.
    const auto folder = FileSink::at(*wanted.change.directory, OnConflict::rename);
    if (!folder) throw Failure{folder.error()};
  }
  if (wanted.clear || !wanted.change.says_nothing()) {
    value_or_throw(program.home.change_rules([&](AcceptRules& rules) {
      auto next = wanted.name ? rules.own(*wanted.name).value_or(AcceptRule{}) : rules.by_default();
      if (wanted.clear) next = {};
      if (wanted.change.accept) next.accept = wanted.change.accept;
      if (wanted.change.max_size) next.max_size = wanted.change.max_size;
      if (wanted.change.directory) next.directory = wanted.change.directory;
      return rules.set(wanted.name, std::move(next));
    }));
  }
  const auto rules = value_or_throw(program.home.rules());
  if (!wanted.name) return program.report.rule("", rules.by_default());
  if (!rules.own(*wanted.name)) program.report.say("\"" + *wanted.name + "\" has no rule of their own; what counts is the one for other contacts.");
  program.report.rule(*wanted.name, rules.of(*wanted.name));
}

}  // namespace

awaitable<void> contacts(Program& program, ContactsOptions options) {
  auto known = value_or_throw(program.home.contacts());
  if (std::holds_alternative<ContactsOptions::List>(options.action)) list(program, known);
  if (const auto* wanted = std::get_if<ContactsOptions::Add>(&options.action)) add(program, known, *wanted);
  if (const auto* wanted = std::get_if<ContactsOptions::Remove>(&options.action)) remove(program, known, wanted->name);
  if (const auto* wanted = std::get_if<ContactsOptions::Verify>(&options.action)) co_await verify(program, known, wanted->name);
  if (const auto* wanted = std::get_if<ContactsOptions::Rule>(&options.action)) rule(program, known, *wanted);
}

}  // namespace pshare
