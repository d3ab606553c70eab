// One way by which bytes reach a peer: how preferred, over what, between which endpoints.
#pragma once

#include <cstdint>

#include "wire/address.hpp"
#include "wire/reason.hpp"
#include "wire/time.hpp"

namespace pshare {

struct Path {
  Tier tier = Tier::direct;
  Transport transport = Transport::tcp;
  Endpoint local = {};
  Endpoint remote = {};
  Duration elapsed{};  // from the start of the search to the authenticated lane
  friend bool operator==(const Path&, const Path&) = default;
};

}  // namespace pshare
