// pshare contacts: whom we know.
#include "apps/pshare/program.hpp"
#include "wire/control.hpp"

namespace pshare {

namespace {

Failure no_contact(const std::string& name) {
  return Failure{{.code = Errc::unknown_peer, .doing = "\"" + name + "\" is not one of your contacts", .hint = "`pshare contacts` lists them."}};
}

void list(Program& program, const PinFile& contacts) {
  if (contacts.pins().empty()) program.report.say("No contacts yet. `pshare contacts add NAME ID` makes one; `pshare id` shows your own ID.");
  for (const auto& pin : contacts.pins()) program.report.listing("contact", pin.name, pin.id, std::nullopt);
}

void add(Program& program, PinFile& contacts, const ContactsOptions::Add& wanted) {
  const auto id = PeerId::parse(wanted.id);
  if (!id) throw Failure{{.code = Errc::usage, .doing = id.error().doing, .hint = id.error().hint}};
  if (*id == program.identity.id()) throw Failure{{.code = Errc::usage, .doing = "this ID is your own", .hint = "Ask the other person for theirs: `pshare id`."}};
  if (auto added = contacts.add(Pin{wanted.name, *id}); !added) {
    auto error = std::move(added).error();
    if (error.code == Errc::refused) error.code = Errc::identity_mismatch;  // a pinned name never changes its key in passing
    throw Failure{std::move(error)};
  }
  program.report.say("\"" + wanted.name + "\" is a contact now. Their fingerprint: " + fingerprint_words(*id));
}

}  // namespace

awaitable<void> contacts(Program& program, ContactsOptions options) {
  auto known = value_or_throw(program.home.contacts());
  if (std::holds_alternative<ContactsOptions::List>(options.action)) list(program, known);
  if (const auto* wanted = std::get_if<ContactsOptions::Add>(&options.action)) add(program, known, *wanted);
  if (const auto* wanted = std::get_if<ContactsOptions::Remove>(&options.action)) {
    if (!value_or_throw(known.remove(wanted->name))) throw no_contact(wanted->name);
    program.report.say("\"" + wanted->name + "\" is forgotten.");
  }
  if (const auto* wanted = std::get_if<ContactsOptions::Verify>(&options.action)) {
    const auto pin = known.find(wanted->name);
    if (!pin) throw no_contact(wanted->name);
    program.report.say("On " + pin->name + "'s machine, `pshare id` must show the words\n  " + fingerprint_words(pin->id) +
                       "\nand `pshare contacts verify`, with your name, there must show yours:\n  " + fingerprint_words(program.identity.id()));
    if (program.report.manner().json) program.report.listing("contact", pin->name, pin->id, std::nullopt);
  }
  co_return;
}

}  // namespace pshare
