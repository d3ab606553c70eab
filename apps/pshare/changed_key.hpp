// What the user is told where a key is not the one that was pinned: what may have happened, and what to do. Pure, and in one place, since these
// words are the last line of defence: everything else has worked, and a person has to decide.
#pragma once

#include <string>

#include "secure/contacts.hpp"
#include "wire/error.hpp"

namespace pshare {

/// The server lists `shown` under the name of this contact.
Error changed_key(const Pin& pinned, const PeerId& shown);
/// The user, or a pairing, would give this contact the key `wanted`.
Error pinned_otherwise(const Pin& pinned, const PeerId& wanted);
/// Asked for `id` itself, the server answered with another key.
Error key_of_another(const std::string& name, const PeerId& id, const PeerId& shown);
/// An offer by somebody who calls themself as this contact, and has the key `shown`. A sentence for Report::warn.
std::string not_the_contact(const Pin& pinned, const PeerId& shown);
/// At the comparison of words the user has said no.
Error words_differ(const Pin& pinned);

}  // namespace pshare
