// Where others say that they see us.
#pragma once

#include "wire/address.hpp"

namespace pshare {

/// Whether somebody at `by` can see us at `told`, as they say. What cannot be (an address no machine has, another family, loopback from outside) is a mistake or a
/// lie, and is to be treated as if nothing had been said.
bool can_be_seen_at(const Endpoint& told, const IpAddress& by);

}  // namespace pshare
