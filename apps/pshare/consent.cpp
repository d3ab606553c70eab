#include "apps/pshare/consent.hpp"

#include <algorithm>

#include "io/printable.hpp"
#include "wire/control.hpp"
#include "wire/native_path.hpp"

namespace pshare {

namespace {

bool wanted_from(const Caller& caller, const std::vector<std::string>& from) {
  if (from.empty() || caller.by_code) return true;
  return caller.contact && std::ranges::any_of(from, [&](const std::string& name) {
    const auto parsed = parse_name(name);
    return parsed && *parsed == caller.name;
  });
}

bool is_above(const Summary& summary, std::uint64_t limit) {
  if (summary.text) return false;
  return !summary.bytes || *summary.bytes > limit;
}

/// For the sender's user, at whose offer nobody is there to look.
Refuse unattended(const Caller& caller, const Summary& summary, const AcceptRule& rule, const ReceiveOptions& options, bool would_take) {
  if (would_take) {
    const auto amount = summary.bytes ? "this is more" : "this has no length yet";
    return {Reject::Why::no_terminal, "nobody is at the receiver's terminal, and without asking it takes up to " + size_words(*rule.max_size) + " from you; " + amount,
            "`pshare contacts rule " + caller.name + " --max-size SIZE` changes the limit."};
  }
  if (rule.accept == Acceptance::ask)
    return {Reject::Why::no_terminal, "nobody is at the receiver's terminal to say yes, and a rule there is to ask about what you send",
            "`pshare contacts rule " + caller.name + " --accept always` would have taken it."};
  if (options.yes) return {Reject::Why::not_a_contact, "nobody is at the receiver's terminal, and it accepts offers from its contacts only"};
  return {Reject::Why::no_terminal, "nobody is at the receiver's terminal to say yes",
          "--yes accepts offers of contacts (`pshare contacts add`) unattended; `pshare contacts rule NAME --accept always` those of one."};
}

/// "alice, bob and 3 more".
std::string names_of(const std::vector<std::string>& names) {
  std::string words;
  for (std::size_t i = 0; i < std::min(names.size(), max_named_contacts); ++i) words += (i > 0 ? ", " : "") + printable(names[i]);
  if (names.size() > max_named_contacts) words += " and " + std::to_string(names.size() - max_named_contacts) + " more";
  return words;
}

std::string limits_of(const AcceptRule& rule) {
  std::string words;
  if (rule.max_size) words = "up to " + size_words(*rule.max_size);
  if (rule.directory) words += (words.empty() ? "into " : ", into ") + printable(text_of(*rule.directory));
  return words;
}

}  // namespace

Decision decide(const Caller& caller, const Summary& summary, const AcceptRule& its_rule, const ReceiveOptions& options, bool somebody_there) {
  const auto rule = caller.contact ? its_rule : AcceptRule{};
  if (!wanted_from(caller, options.from))
    return Refuse{Reject::Why::not_a_contact, "the receiver takes offers from certain contacts only, and you are not one of them"};
  if (rule.accept == Acceptance::never)
    return Refuse{Reject::Why::declined, "a rule there is to take nothing from you", "`pshare contacts rule " + caller.name + "` shows the rule, and changes it."};
  if (options.to_stdout && (summary.text || summary.entries != 1 || summary.files != 1))
    return Refuse{Reject::Why::unfit, "the receiver writes to standard output, so it takes exactly one file"};

  const bool by_yes = options.yes && (caller.contact || caller.by_code);
  const bool would_take = rule.accept ? *rule.accept == Acceptance::always : by_yes;
  const bool too_much = rule.max_size && is_above(summary, *rule.max_size);
  if (would_take && !too_much) return AcceptAtOnce{};
  if (options.yes && options.trust_new && !caller.contact && caller.name_confirmed && !caller.warning) return AcceptAtOnce{.pin = true};
  if (!somebody_there) return unattended(caller, summary, rule, options, would_take);
  if (would_take) return AskTheUser{"Without asking, up to " + size_words(*rule.max_size) + " are taken from " + printable(caller.name) + "."};
  if (by_yes) return AskTheUser{"The rule for " + printable(caller.name) + " is to ask, and that counts for more than --yes."};
  return AskTheUser{};
}

bool covered_by(const Summary& agreed, const Summary& offered) {
  if (agreed.text != offered.text || offered.entries > agreed.entries) return false;
  if (!agreed.bytes || !offered.bytes) return agreed.bytes == offered.bytes;
  return *offered.bytes <= *agreed.bytes;
}

std::filesystem::path destination(const AcceptRule& rule, const ReceiveOptions& options) { return rule.directory.value_or(options.directory); }

std::string rule_words(const AcceptRule& rule) {
  if (rule.says_nothing()) return "as without a rule";
  std::string words{rule.accept ? word(*rule.accept) : "as without a rule"};
  if (const auto limits = limits_of(rule); !limits.empty()) words += ", " + limits;
  return words;
}

std::string standing_words(const std::vector<std::string>& contacts, const AcceptRules& rules, const ReceiveOptions& options, bool somebody_there) {
  const Summary little{.files = 1, .entries = 1, .bytes = 0, .names = {}, .text = {}};
  std::vector<std::string> taken, declined;
  for (const auto& name : contacts) {
    const auto rule = rules.of(name);
    const auto decision = decide(Caller{.name = name, .contact = true, .name_confirmed = true, .warning = {}}, little, rule, options, somebody_there);
    if (std::holds_alternative<AcceptAtOnce>(decision)) {
      const auto limits = limits_of(options.to_stdout ? AcceptRule{.accept = {}, .max_size = rule.max_size, .directory = {}} : rule);
      taken.push_back(limits.empty() ? name : name + " (" + limits + ")");
    } else if (const auto* refusal = std::get_if<Refuse>(&decision); refusal && somebody_there) {
      declined.push_back(name);
    }
  }
  const Caller stranger{.name = "", .contact = false, .name_confirmed = true, .warning = {}};
  if (std::holds_alternative<AcceptAtOnce>(decide(stranger, little, {}, options, somebody_there)))
    taken.emplace_back("whoever is new and has a name that the server's directory confirms (--trust-new)");

  auto words = taken.empty() ? std::string{"Takes nothing without asking."} : "Takes without asking: " + names_of(taken) + ".";
  if (!declined.empty()) words += " Declines: " + names_of(declined) + ".";
  if (somebody_there) return words + (options.from.empty() ? " Asks about everything else." : " Asks about everything else from --from, and declines the rest.");
  words += taken.empty() ? " Every offer is declined" : " Everything else is declined";
  words += ": nobody is at the terminal.";
  if (taken.empty()) words += " --yes, or `pshare contacts rule NAME --accept always`, changes that.";
  return words;
}

}  // namespace pshare
