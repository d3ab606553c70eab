// A server goes on when the terminal that started it is gone, and what it writes is nobody else's to read.
#pragma once

namespace pshare {

/// Once, at the beginning. On Windows a console program ends with its console, whatever it does (as a service of the system it does not run); and who may read a
/// file there is said by its folder.
void be_always_on();

}  // namespace pshare
