// How a session ends early, in words: what the peer is told in Stop, and what we make of a Stop that we are told.
#pragma once

#include <string>

#include "wire/error.hpp"
#include "wire/lane_messages.hpp"

namespace pshare {

/// For trouble of ours. Says of which kind it is and nothing else: the error's own words name paths of this machine.
Stop stop_for(const Error& trouble);

/// For trouble with what the peer said: these words hold nothing of ours, so it is told them.
Stop stop_for_protocol(const Error& trouble);

/// The peer's Stop as our error. Codes that only we can come to (a wrong key, say) become Errc::failed. The words are the
/// peer's: to be made printable before anyone sees them.
Error error_from(const Stop& stop);

/// The loss of every lane for too long.
Error lost_contact();

}  // namespace pshare
