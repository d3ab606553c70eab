// Whether an offer is accepted, and into which folder: pure functions of who asks, what the user has laid down and said on the command line, and
// whether somebody can be asked. The one place that says what an unattended `pshare receive` takes; docs/accepting.md tells it to users.
#pragma once

#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "apps/pshare/accept_rules.hpp"
#include "apps/pshare/addressee.hpp"
#include "apps/pshare/options.hpp"
#include "wire/signal.hpp"

namespace pshare {

struct AcceptAtOnce { bool pin = false; };         // pin: the sender becomes a contact (--trust-new)
struct AskTheUser   { std::string because = {}; };  // why, where one might have expected a yes; a sentence, or empty
/// words: for the sender's user, and ours; advice: for ours alone.
struct Refuse       { Reject::Why why; std::string words; std::string advice = {}; };
using Decision = std::variant<AcceptAtOnce, AskTheUser, Refuse>;

/// `rule`: of this contact; counts for nothing with a caller who is none. In this order: --from, a rule's `never`, what --stdout cannot hold; then a yes
/// without asking, by the rule or, where that says nothing of it, by --yes, up to the rule's size (a stream of unknown length is above any); then the
/// user, if somebody is there; then no.
Decision decide(const Caller& caller, const Summary& summary, const AcceptRule& rule, const ReceiveOptions& options, bool somebody_there);

/// Whether what is offered now is covered by a yes to `agreed`, an earlier offer of the same transfer: the sender alone says that it is the same.
bool covered_by(const Summary& agreed, const Summary& offered);

/// Where a contact's files go: the rule's folder, else the command line's.
std::filesystem::path destination(const AcceptRule& rule, const ReceiveOptions& options);

/// "always, up to 10.7 GB, into /srv/in/alice"; "as without a rule" for one that says nothing.
std::string rule_words(const AcceptRule& rule);

/// What `pshare receive` takes as things stand: whom it takes from without asking, and what becomes of everybody else's offers.
/// `contacts`: their names.
std::string standing_words(const std::vector<std::string>& contacts, const AcceptRules& rules, const ReceiveOptions& options, bool somebody_there);
/// Of the contacts that standing_words() has to tell, at most so many are named.
inline constexpr std::size_t max_named_contacts = 12;

}  // namespace pshare
