// How connections to servers and relays leave this machine. One for the whole program: what was learned on one connection helps the next.
#pragma once

namespace pshare {

class Outlet {};

}  // namespace pshare
