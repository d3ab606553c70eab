// A NAT's behaviour, and a router's habits in mapping ports, in the words of tests/natlab/README.md.
#pragma once

#include "fields.hpp"
#include "network/mapping_service.hpp"
#include "network/nat_box.hpp"

namespace pshare::natlab {

/// Change what the words name. Throw std::exception for a value that is none, or out of its range.
void apply(Fields& words, sim::NatBehaviour& behaviour);
void apply(Fields& words, sim::MappingService::Settings& settings);

}  // namespace pshare::natlab
