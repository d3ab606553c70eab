#include "apps/pshare/supernode_view.hpp"

#include <algorithm>
#include <cstdio>

#include "apps/pshare/quantities.hpp"
#include "io/printable.hpp"
#include "traversal/overloaded.hpp"

namespace pshare {

namespace {

constexpr std::size_t longest_pair = 44;  // columns for "alice <-> bob", where the screen has them

std::string rate_words(std::uint64_t rate) { return size_words(rate) + "/s"; }

std::string date_words(UnixTime when) {
  const std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(when)};
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(day.year()), static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
  return text;
}

std::string cut(std::string text, std::size_t width) {
  if (text.size() > width) text.resize(width);
  return text;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() > width && width > 3) text.replace(width - 3, std::string::npos, "...");
  text.resize(width, ' ');
  return text;
}

std::string outcome_words(DialBackOutcome outcome) {
  switch (outcome) {
    case DialBackOutcome::reached: return "somebody else answered there";
    case DialBackOutcome::refused: return "the connection was refused";
    case DialBackOutcome::timeout: return "nothing came back";
    case DialBackOutcome::unreachable: return "there is no way there";
  }
  return {};
}

std::string line_of(const CarriedLane& lane, std::size_t pair_width) {
  return "  " + padded(lane.one + " <-> " + lane.other, pair_width) + "  " + padded(size_words(lane.bytes), 8) + "  " + padded(rate_words(lane.rate), 10) + "  " +
         duration_words(lane.age);
}

std::string load_words(const SupernodeFacts& facts) {
  std::uint64_t rate = 0;
  for (const auto& lane : facts.lanes) rate += lane.rate;
  auto words = "Carrying " + std::to_string(facts.lanes.size()) + " of " + count_words(facts.terms.sessions, "session", "sessions");
  if (!facts.lanes.empty()) words += ", " + rate_words(rate);
  if (facts.terms.rate) words += " (at most " + rate_words(*facts.terms.rate) + ")";
  if (facts.waiting > 0) words += "; " + std::to_string(facts.waiting) + (facts.waiting == 1 ? " waits for the other side" : " wait for the other side");
  return words + ".";
}

}  // namespace

std::string_view for_whom(const SupernodeTerms& terms) { return terms.for_anyone ? "anyone" : "contacts"; }

std::string terms_words(const SupernodeTerms& terms) {
  auto words = std::string{terms.for_anyone ? "for anyone" : "for your contacts"} + ": at most " + count_words(terms.sessions, "session", "sessions") + " at once";
  if (terms.rate) words += ", " + rate_words(*terms.rate);
  if (terms.volume) words += ", " + size_words(*terms.volume) + " a month";
  return words;
}

std::string_view state_word(const Candidacy::Standing& standing) {
  return std::visit(Overloaded{
                        [](const Candidacy::NotAsked&) { return "waiting"; },
                        [](const Candidacy::Listed&) { return "listed"; },
                        [](const Candidacy::Full&) { return "full"; },
                        [](const Candidacy::Unreached&) { return "unreached"; },
                        [](const Candidacy::TurnedDown&) { return "turned-down"; },
                        [](const Candidacy::Withdrawn&) { return "withdrawn"; },
                    },
                    standing);
}

std::string standing_words(const Candidacy::Standing& standing) {
  return std::visit(Overloaded{
                        [](const Candidacy::NotAsked&) { return std::string{"Not listed yet: asking the router for a port, and the server to try it."}; },
                        [](const Candidacy::Listed& listed) { return "Listed: others reach you at " + listed.at.text() + "."; },
                        [](const Candidacy::Full&) { return std::string{"Full: not listed until there is room again."}; },
                        [](const Candidacy::Unreached& unreached) {
                          return "Not listed: the server could not reach you at TCP port " + std::to_string(unreached.port.number) + " (" +
                                 outcome_words(unreached.outcome) + ").";
                        },
                        [](const Candidacy::TurnedDown& no) { return "Not listed: " + printable(no.why.message()) + "; trying again."; },
                        [](const Candidacy::Withdrawn&) { return std::string{"Not listed any more."}; },
                    },
                    standing);
}

std::string standing_hint(const Candidacy::Standing& standing, const SupernodeAccess& access) {
  const auto* unreached = std::get_if<Candidacy::Unreached>(&standing);
  if (unreached == nullptr) return {};
  const auto port = std::to_string(unreached->port.number);
  if (access.manual_port) return "Have your router forward TCP port " + port + " to this machine, and let the firewall here pass it; it is tried again by itself.";
  if (access.mapped) return "The router says that it forwards the port, yet nothing comes through: another router or a firewall may stand before it. `pshare doctor` says more.";
  if (access.mapping_trouble == Reason::double_nat)
    return "There are two routers before you, or your provider shares one address among customers: nobody can reach you from outside, unless the outer one forwards a port.";
  return "Turn on UPnP or NAT-PMP in your router, or have it forward a TCP port to this machine and name that with --port. `pshare doctor` says more.";
}

std::string month_words(const SupernodeFacts& facts) {
  auto words = "This month: " + size_words(facts.month_used) + " carried";
  if (facts.month_left) words += "; " + size_words(*facts.month_left) + " left until " + date_words(facts.month_ends) + " (UTC)";
  return words + ".";
}

std::vector<std::string> supernode_block(const SupernodeFacts& facts, std::size_t width, std::size_t height) {
  std::vector<std::string> lines{facts.standing, load_words(facts)};
  std::size_t longest = 0;
  for (const auto& lane : facts.lanes) longest = std::max(longest, lane.one.size() + lane.other.size() + 5);
  const auto pair_width = std::min({longest, longest_pair, width / 2});
  constexpr std::size_t around = 3;  // the lines that are not lanes
  const auto room = height > around ? height - around : 0;
  const bool all = facts.lanes.size() <= room;
  const auto shown = all ? facts.lanes.size() : room == 0 ? 0 : room - 1;
  for (std::size_t i = 0; i < shown; ++i) lines.push_back(line_of(facts.lanes[i], pair_width));
  if (!all && room > 0) lines.push_back("  and " + std::to_string(facts.lanes.size() - shown) + " more");
  lines.push_back(month_words(facts));
  if (lines.size() > height) lines.resize(height);
  for (auto& line : lines) line = cut(std::move(line), width);
  return lines;
}

}  // namespace pshare
