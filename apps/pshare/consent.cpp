#include "apps/pshare/consent.hpp"

#include <algorithm>

#include "wire/control.hpp"

namespace pshare {

namespace {

bool wanted_from(const Caller& caller, const std::vector<std::string>& from) {
  if (from.empty() || caller.by_code) return true;
  return caller.contact && std::ranges::any_of(from, [&](const std::string& name) {
    const auto parsed = parse_name(name);
    return parsed && *parsed == caller.name;
  });
}

}  // namespace

Decision decide(const Caller& caller, const Summary& summary, const ReceiveOptions& options, bool somebody_there) {
  if (!wanted_from(caller, options.from))
    return Refuse{Reject::Why::not_a_contact, "the receiver takes offers from certain contacts only, and you are not one of them"};
  if (options.to_stdout && (summary.text || summary.entries != 1 || summary.files != 1))
    return Refuse{Reject::Why::unfit, "the receiver writes to standard output, so it takes exactly one file"};
  if (options.yes && (caller.contact || caller.by_code)) return AcceptAtOnce{};
  if (options.yes && options.trust_new && caller.name_confirmed && !caller.warning) return AcceptAtOnce{.pin = true};
  if (somebody_there) return AskTheUser{};
  if (options.yes)
    return Refuse{Reject::Why::not_a_contact, "nobody is at the receiver's terminal, and it accepts offers from its contacts only"};
  return Refuse{Reject::Why::no_terminal, "nobody is at the receiver's terminal to say yes"};
}

}  // namespace pshare
