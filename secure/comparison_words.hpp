// The words that two people compare to be sure of each other's keys: the same on both machines. docs/protocol.md, "Identities".
#pragma once

#include <string>

#include "wire/ids.hpp"
#include "wire/result.hpp"

namespace pshare {

/// Eight words of the list in secure/words.hpp, joined by '-', made of both IDs; their order does not matter. Takes a tenth of a second and 64 MiB on
/// purpose: who stands in the middle is free to choose a key for either side, and would look for two that give the same words among 2^40
/// (80 bits, a birthday). That search is beyond anybody's means only if each try costs something; fingerprint_words() have no such
/// trouble, since one of the keys is fixed there. Errors: failed (no such memory).
Result<std::string> comparison_words(const PeerId& one, const PeerId& other);

}  // namespace pshare
