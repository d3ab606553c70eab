// From what the user typed after --to (or what an offer claims) to a key that may be trusted. The only place with that policy.
#pragma once

#include <optional>
#include <string>

#include "apps/pshare/program.hpp"
#include "secure/contacts.hpp"
#include "traversal/io/rendezvous_client.hpp"

namespace pshare {

struct Addressee {
  std::string name;       // as we call them; the short ID when there is no name
  PeerId id;
  PublicKey key;
  bool online = false;
};

/// A contact by name, a peer ID, or a name of the server's directory, which is new and so needs the user's yes (or `trust_new`) and is
/// then pinned. The directory is asked in every case, and an answer that contradicts a pin is a hard error
/// (docs/decisions: strict name pins). Throws usage, unknown_peer, untrusted, identity_mismatch.
awaitable<Addressee> find_addressee(Program& program, RendezvousClient& server, std::string who, bool trust_new);

/// Who an offer is from.
struct Caller {
  std::string name = {};               // the contact's name, else the claimed one, else the short ID
  bool contact = false;
  bool name_confirmed = false;         // the directory knows this key under the claimed name
  std::optional<std::string> warning = {};  // the claimed name is a contact's, whose key is another
  bool by_code = false;                // we have met by a one-time code, and this is what it was for
};

awaitable<Caller> identify_caller(Program& program, RendezvousClient& server, PeerId id, std::string claimed_name);

}  // namespace pshare
