// Two who have nothing in common but a one-time code come to know each other's key: one invites and shows the code, the other one joins. Drives
// secure/code_exchange.hpp over the server. From then on it is the same as with named peers, with both keys pinned for this one time.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "apps/pshare/addressee.hpp"
#include "apps/pshare/program.hpp"
#include "secure/code_exchange.hpp"
#include "traversal/io/rendezvous_client.hpp"

namespace pshare {

/// Guesses at codes of one program, each of which burns one and makes it show another: with 20 bits, all of them together find the code once in 100,000 times.
inline constexpr std::size_t max_wrong_guesses = 10;
/// How long the exchange may take once both are there.
inline constexpr Duration meeting_patience = std::chrono::seconds{30};

/// Who was met. The name is what they call themselves; as with everybody, a contact is called what we call them.
struct Met {
  std::string name;  // printable, never empty
  PeerId id;
  PublicKey key;
  bool contact = false;
};

struct Invitation {
  CodePurpose purpose;
  std::size_t words = min_code_words;
  bool qr = true;
};

/// Shows a code, and another one for each that is burnt by a wrong guess or a broken line, until somebody comes who knows it. Throws offline (nobody came until then),
/// identity_mismatch (max_wrong_guesses), unsupported (the server knows no codes), and what the server refuses.
awaitable<Met> invite(Program& program, RendezvousClient& server, Invitation invitation, TimePoint until);

/// Goes to who shows the code. From before they know it, the server hands their offers to this connection. Throws identity_mismatch (a wrong code; none such), usage (it
/// is for something else), unreachable, unsupported, and what the server refuses. `on_host` is called once the host has proven that it knows the code, before it learns who
/// we are: what it offers then may arrive at any time.
awaitable<Met> join(Program& program, RendezvousClient& server, Code code, CodePurpose purpose, std::function<void(const Met&)> on_host = {});

}  // namespace pshare
