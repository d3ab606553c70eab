#include "apps/pshare/addressee.hpp"

#include "apps/pshare/changed_key.hpp"
#include "io/printable.hpp"
#include "wire/control.hpp"

namespace pshare {

namespace {

/// From this length on, what was typed is meant as a peer ID: names end at 64 characters, but none has so few that are not letters.
constexpr std::size_t looks_like_an_id = 48;

Failure unknown(const std::string& who) {
  return Failure{{.code = Errc::unknown_peer,
                  .doing = "\"" + printable(who) + "\" is neither one of your contacts nor a name that the server knows",
                  .hint = "Check the spelling with `pshare contacts`, or ask them for their ID (`pshare id`) and to run `pshare receive`."}};
}

/// Oneself has no other side.
void check_it_is_somebody_else(const Program& program, PeerId id) {
  if (id == program.identity.id()) throw Failure{{.code = Errc::usage, .doing = "this ID is your own", .hint = "Say who is to have it: a contact, or the ID that `pshare id` shows on their side."}};
}

/// The directory's answer, or nothing when it has none.
awaitable<std::optional<Resolved>> look_up(RendezvousClient& server, std::variant<std::string, PeerId> whom, TimePoint until) {
  std::optional<Resolved> found;
  try {
    found = co_await server.resolve(whom, until);
  } catch (const Failure& failure) {
    if (failure.error().code != Errc::unknown_peer) throw;
  }
  co_return found;
}

/// By its ID, whose key the server must then show: the ID is a hash of it, so a lie cannot pass.
awaitable<Addressee> by_id(RendezvousClient& server, PeerId id, std::string name, TimePoint until) {
  const auto found = co_await look_up(server, id, until);
  if (!found)
    throw Failure{{.code = Errc::unknown_peer,
                   .doing = "the server does not know " + name,
                   .hint = "They must have run `pshare init` or `pshare receive` with this server. Do you both use the same one?"}};
  const auto shown = id_of(found->key);
  if (shown != id) throw Failure{key_of_another(name, id, shown)};
  co_return Addressee{std::move(name), id, found->key, found->online};
}

awaitable<void> vouch(Program& program, std::string name, PeerId id, bool trust_new) {
  const auto words = fingerprint_words(id);
  if (!trust_new) {
    const Error untrusted{.code = Errc::untrusted,
                          .doing = "\"" + name + "\" is new to you, and nobody has confirmed that this is their key: " + words,
                          .hint = "Compare the words with what `pshare id` shows them, then run `pshare contacts add " + name + " " + id.text() +
                                  "`, or send again with --trust-new."};
    if (!program.terminal.present()) throw Failure{untrusted};
    auto question = "\"" + name + "\" is new to you. `pshare id` must show them these words:\n  " + words + "\nIs that so?";
    const bool yes = co_await program.terminal.agree(std::move(question));
    if (!yes) throw Failure{untrusted};
  }
  auto contacts = value_or_throw(program.home.contacts());
  value_or_throw(contacts.add(Pin{name, id}));
  program.report.say("\"" + name + "\" is one of your contacts now (" + words + ").");
}

}  // namespace

awaitable<Addressee> find_addressee(Program& program, RendezvousClient& server, std::string who, bool trust_new) {
  const auto until = program.patience();
  const auto contacts = value_or_throw(program.home.contacts());
  if (who.size() >= looks_like_an_id) {
    const auto id = PeerId::parse(who);
    if (!id) throw Failure{{.code = Errc::usage, .doing = id.error().doing, .hint = id.error().hint}};
    check_it_is_somebody_else(program, *id);
    const auto contact = contacts.find(*id);
    auto known_as = contact ? contact->name : id->short_text();
    co_return co_await by_id(server, *id, std::move(known_as), until);
  }

  const auto parsed = parse_name(who);
  if (!parsed) throw unknown(who);
  const std::string& name = *parsed;
  const auto contact = contacts.find(name);
  const auto listed = co_await look_up(server, name, until);
  if (contact) {
    if (listed && id_of(listed->key) != contact->id) throw Failure{changed_key(*contact, id_of(listed->key))};
    if (listed) co_return Addressee{name, contact->id, listed->key, listed->online};
    co_return co_await by_id(server, contact->id, name, until);
  }
  if (!listed) throw unknown(who);
  const auto id = id_of(listed->key);
  check_it_is_somebody_else(program, id);
  co_await vouch(program, name, id, trust_new);
  co_return Addressee{name, id, listed->key, listed->online};
}

awaitable<Caller> identify_caller(Program& program, RendezvousClient& server, PeerId id, std::string claimed_name) {
  const auto contacts = value_or_throw(program.home.contacts());
  if (const auto contact = contacts.find(id)) co_return Caller{.name = contact->name, .contact = true, .name_confirmed = true};

  Caller caller{.name = claimed_name.empty() ? id.short_text() : claimed_name};
  const auto parsed = parse_name(claimed_name);
  if (!parsed) {
    caller.name = id.short_text();
    co_return caller;
  }
  caller.name = *parsed;
  if (const auto contact = contacts.find(caller.name)) caller.warning = not_the_contact(*contact, id);
  const auto listed = co_await look_up(server, caller.name, program.patience());
  caller.name_confirmed = listed && id_of(listed->key) == id;
  co_return caller;
}

}  // namespace pshare
