// Carries out a Probe: says the nonce of wire/dial_back.hpp to a client, from where the client has never spoken to us.
#pragma once

#include <optional>

#include "io/asio.hpp"
#include "wire/address.hpp"
#include "wire/dial_back.hpp"
#include "wire/reason.hpp"
#include "wire/time.hpp"

namespace pshare {

/// A TCP dial-back has so long to be answered: three SYNs.
inline constexpr Duration dial_back_patience = std::chrono::seconds{3};
/// A UDP dial-back is said again after each of these, since datagrams get lost, unless a router or host says no.
inline constexpr Duration dial_back_repeats[] = {std::chrono::milliseconds{150}, std::chrono::milliseconds{350}};
/// How long after the last one such a no is waited for.
inline constexpr Duration dial_back_last_wait = std::chrono::milliseconds{500};

/// From a fresh port, `from` being the address of ours: the other one than the client knows, where there are two, so that a NAT that lets in
/// whatever comes from an address it has sent to does not pass for an open port. Never throws Failure.
awaitable<DialBackOutcome> dial_back(Transport transport, Endpoint to, DialBackNonce nonce, std::optional<IpAddress> from);

}  // namespace pshare
