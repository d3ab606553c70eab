// Whether an offer is accepted: a pure function of who asks, what was said on the command line, and whether somebody can be asked.
#pragma once

#include <string>
#include <variant>

#include "apps/pshare/addressee.hpp"
#include "apps/pshare/options.hpp"
#include "wire/signal.hpp"

namespace pshare {

struct AcceptAtOnce { bool pin = false; };  // pin: the sender becomes a contact (--trust-new)
struct AskTheUser   {};
struct Refuse       { Reject::Why why; std::string words; };  // words: for the sender's user
using Decision = std::variant<AcceptAtOnce, AskTheUser, Refuse>;

Decision decide(const Caller& caller, const Summary& summary, const ReceiveOptions& options, bool somebody_there);

}  // namespace pshare
