// A NAT's behaviour in the words of tests/natlab/README.md.
#pragma once

#include <nlohmann/json.hpp>

#include "network/nat_box.hpp"

namespace pshare::natlab {

/// Changes what `words` names. Words that are no axis are left to others. Throws std::exception for a value that is none.
void apply(const nlohmann::json& words, sim::NatBehaviour& behaviour);

}  // namespace pshare::natlab
