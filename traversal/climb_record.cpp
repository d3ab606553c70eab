#include "traversal/climb_record.hpp"

namespace pshare {

namespace {

/// Which of several reasons tells most about why a tier failed: the one that got furthest.
int telling(Reason reason) {
  switch (reason) {
    case Reason::superseded: return 6;
    case Reason::not_authenticated: return 5;
    case Reason::timeout: return 4;  // a firewall, most likely: more worth knowing than a stale address that refuses
    case Reason::refused: return 3;
    case Reason::unreachable: return 2;
    case Reason::none:
    case Reason::unsupported: return 0;
    default: return 1;
  }
}

}  // namespace

Reason reason_of(Errc code) {
  switch (code) {
    case Errc::refused: return Reason::refused;
    case Errc::timed_out: return Reason::timeout;
    case Errc::identity_mismatch:
    case Errc::malformed:  // something else answers there
    case Errc::limit: return Reason::not_authenticated;
    case Errc::unsupported: return Reason::unsupported;
    case Errc::closed: return Reason::superseded;  // the peer had no use for this lane: it has a better one
    default: return Reason::unreachable;
  }
}

Reason more_telling(Reason a, Reason b) { return a == Reason::none || telling(b) > telling(a) ? b : a; }

std::string ClimbRecord::addresses(Tier tier) const {
  std::string words;
  std::size_t told = 0, untold = 0;
  for (const auto& [pair, dial] : dials_) {
    if (dial.tier != tier) continue;
    if (told == max_told_addresses) {
      ++untold;
      continue;
    }
    words += (told++ == 0 ? "" : ", ") + dial.remote.text() + " " + std::string{word(dial.reason)};
  }
  if (untold > 0) words += " and " + std::to_string(untold) + " more";
  return words.empty() ? words : " (" + words + ")";
}

std::string ClimbRecord::what_became_of(Tier tier, Reason otherwise) const {
  const auto udp = parts_.find({tier, Transport::udp}), tcp = parts_.find({tier, Transport::tcp});
  const auto more = [](const Part& each) { return each.words.empty() ? std::string{} : ": " + each.words; };
  const auto dialled = addresses(tier);
  if (udp == parts_.end() && tcp == parts_.end()) return std::string{word(otherwise)};
  if (udp == parts_.end()) return std::string{word(tcp->second.reason)} + dialled + more(tcp->second);
  const auto over_udp = std::string{word(udp->second.reason)} + " over UDP";
  if (tcp == parts_.end()) return over_udp + more(udp->second);
  if (tcp->second.reason == udp->second.reason && (tcp->second.words == udp->second.words || tcp->second.words.empty()))
    return over_udp + " and TCP" + dialled + more(udp->second);
  return std::string{word(tcp->second.reason)} + " over TCP" + dialled + more(tcp->second) + ", " + over_udp + more(udp->second);
}

Error ClimbRecord::no_path(const std::vector<Ladder::TierReason>& reasons) const {
  std::string words, tiers, same;  // neighbours of which the same is to be said are told together
  const auto tell = [&] {
    if (!tiers.empty()) words += (words.empty() ? "" : "; ") + std::exchange(tiers, {}) + ": " + same;
  };
  for (const auto& [tier, reason] : reasons) {
    auto what = what_became_of(tier, reason);
    if (what != same) tell();
    tiers += (tiers.empty() ? "" : ", ") + std::string{word(tier)};
    same = std::move(what);
  }
  tell();
  return {.code = Errc::no_path,
          .doing = "no path to the peer; tried " + (words.empty() ? "nothing: no tier is allowed" : words),
          .hint = "run `pshare doctor --with NAME`, NAME being the peer, to see what stands in the way and what would help"};
}

}  // namespace pshare
