// Our server-reflexive TCP endpoint, by the server's reflect role (wire/reflection.hpp).
#pragma once

#include <optional>

#include "io/asio.hpp"
#include "secure/tls.hpp"
#include "wire/address.hpp"
#include "wire/ids.hpp"

namespace pshare {

/// Asks `server` (its main port, or its alternate one, at either of its addresses) where a fresh connection of ours from `local_port`
/// (nothing: any) comes from. It takes three round trips: TCP, TLS, and the answer in the flight behind our last one. The connection is closed
/// afterwards, by the server first, so that the local port can be used towards it again. Errors: as connect(), busy among them;
/// identity_mismatch (the key at the other end is not `key`); malformed. Bound it with with_deadline().
awaitable<Endpoint> reflect(asio::any_io_executor executor, const TlsContext& tls, Endpoint server, PeerId key,
                            std::optional<Port> local_port = std::nullopt);

}  // namespace pshare
