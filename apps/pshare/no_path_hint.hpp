// What a user can do when there was no path.
#pragma once

#include <string>

#include "wire/signal.hpp"

namespace pshare {

/// `mine` and `theirs`: what both sides know of themselves in the end; a transport that a user forbids is blocked there, too.
std::string no_path_hint(const std::string& peer, const NatFacts& mine, const NatFacts& theirs);

}  // namespace pshare
