// What a supernode's owner is shown: how it stands with the server, what it carries for whom, what is left. Facts in, text out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/pshare/candidacy.hpp"
#include "wire/reason.hpp"
#include "wire/time.hpp"
#include "wire/units.hpp"

namespace pshare {

/// What the owner has set.
struct SupernodeTerms {
  bool for_anyone = false;
  std::size_t sessions = 0;
  std::optional<std::uint64_t> rate = {}, volume = {};  // bytes each second; bytes a month
};

/// How others could come to us, as far as it matters for advice.
struct SupernodeAccess {
  bool manual_port = false;                    // --port
  bool mapped = false;                         // a router says that it forwards a port to us
  std::optional<Reason> mapping_trouble = {};  // why none does
};

/// "contacts", "anyone": the words of --for.
std::string_view for_whom(const SupernodeTerms& terms);

/// "for your contacts: at most 16 sessions, 10 MB/s, 100 GB a month".
std::string terms_words(const SupernodeTerms& terms);

/// The state as programs read it: "waiting", "listed", "full", "unreached", "turned-down", "withdrawn".
std::string_view state_word(const Candidacy::Standing& standing);
/// One sentence; what to do about it, where there is something, is standing_hint(), else that is empty.
std::string standing_words(const Candidacy::Standing& standing);
std::string standing_hint(const Candidacy::Standing& standing, const SupernodeAccess& access);

struct CarriedLane {
  std::string one, other;  // names or short IDs, printable
  std::uint64_t bytes = 0;
  std::uint64_t rate = 0;  // bytes each second
  Duration age{};
};

struct SupernodeFacts {
  std::string standing;              // standing_words(), or that it drains
  std::vector<CarriedLane> lanes;    // the oldest first
  std::size_t waiting = 0;           // sides that wait for the other one
  SupernodeTerms terms;
  std::uint64_t month_used = 0;
  std::optional<std::uint64_t> month_left;
  UnixTime month_ends{};
};

/// "This month: 12 GB carried; 88 GB left until 2026-12-01 (UTC)."
std::string month_words(const SupernodeFacts& facts);

/// The lines of the live view: at most `height`, each at most `width` long.
std::vector<std::string> supernode_block(const SupernodeFacts& facts, std::size_t width, std::size_t height);

}  // namespace pshare
