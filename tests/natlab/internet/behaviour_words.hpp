// A NAT's behaviour, and a router's habits in mapping ports, in the words of tests/natlab/README.md.
#pragma once

#include <nlohmann/json.hpp>

#include "network/mapping_service.hpp"
#include "network/nat_box.hpp"

namespace pshare::natlab {

/// Changes what `words` names. Words that are no axis are left to others. Throws std::exception for a value that is none.
void apply(const nlohmann::json& words, sim::NatBehaviour& behaviour);
void apply(const nlohmann::json& words, sim::MappingService::Settings& settings);

}  // namespace pshare::natlab
