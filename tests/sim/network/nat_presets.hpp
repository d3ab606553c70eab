// Behaviours with a name, as both laboratories and their tables of results use them. What is named is how the box outside behaves; the
// addresses it has are for the laboratory to add.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "network/nat_behaviour.hpp"

namespace pshare::sim {

/// "nat" is a NatBehaviour as it is made, to change axis by axis. Nothing: no behaviour has that name.
std::optional<NatBehaviour> nat_preset(std::string_view name);
/// All of them, in the order in which tables list them.
std::span<const std::string_view> nat_preset_names();

}  // namespace pshare::sim
