#include "apps/pshare/changed_key.hpp"

#include "secure/identity.hpp"

namespace pshare {

namespace {

std::string both_keys(const char* first, const PeerId& pinned, const char* second, const PeerId& shown) {
  const auto line = [](const char* what, const PeerId& id) { return std::string{"\n  "} + what + ": " + fingerprint_words(id) + "\n    " + id.text(); };
  return line(first, pinned) + line(second, shown);
}

/// Two keys were compared by two people, so that it was a mistake at the time can be ruled out.
std::string weight_of(const Pin& pinned) {
  return pinned.verified ? "You had compared words with " + pinned.name + " (`pshare contacts verify`), so the old key surely was theirs: take this seriously. " : "";
}

std::string how_to_change(const std::string& name) {
  return "If it really is theirs: `pshare contacts remove " + name + "`, `pshare contacts add " + name + " ID`, and then `pshare contacts verify " + name + "` on both sides.";
}

}  // namespace

Error changed_key(const Pin& pinned, const PeerId& shown) {
  return {.code = Errc::identity_mismatch,
          .doing = "the server says that \"" + pinned.name + "\" has another key than the one you have pinned." + both_keys("pinned", pinned.id, "shown", shown),
          .hint = weight_of(pinned) + "Either they have a new machine or have reinstalled pshare, or somebody else has that name at this server, or somebody is posing as them. "
                  "Nothing was sent. Ask them over another channel, by phone for instance, which words `pshare id` shows them. " + how_to_change(pinned.name) +
                  " If the name is somebody else's, send to the ID instead: --to ID."};
}

Error pinned_otherwise(const Pin& pinned, const PeerId& wanted) {
  return {.code = Errc::identity_mismatch,
          .doing = "\"" + pinned.name + "\" is already pinned to another key." + both_keys("pinned", pinned.id, "given", wanted),
          .hint = weight_of(pinned) + "Either they have a new machine or have reinstalled pshare, or somebody is posing as them, or this is another person of that name. "
                  "Nothing was changed. Ask them over another channel, by phone for instance, which words `pshare id` shows them. " + how_to_change(pinned.name) +
                  " Another person needs another name."};
}

Error key_of_another(const std::string& name, const PeerId& id, const PeerId& shown) {
  return {.code = Errc::identity_mismatch,
          .doing = "asked for the key of " + name + ", the server answered with one that does not belong to that ID." + both_keys("asked for", id, "shown", shown),
          .hint = "A server that works as it should never does that: it is broken, or somebody makes it lie. Nothing was sent. Tell its operator, or use another server with --server."};
}

std::string not_the_contact(const Pin& pinned, const PeerId& shown) {
  return "this is NOT your contact \"" + pinned.name + "\", only somebody who uses that name: the key is another." + both_keys("your contact", pinned.id, "this one", shown) +
         "\n  " + weight_of(pinned) + "Either " + pinned.name + " has a new machine or has reinstalled pshare, or somebody is posing as them. "
         "Do not accept before you have asked them over another channel, by phone for instance. " + how_to_change(pinned.name);
}

Error words_differ(const Pin& pinned) {
  return {.code = Errc::identity_mismatch,
          .doing = "the words are not the same on both machines, so one of you has not the other's key. \"" + pinned.name + "\" is not verified",
          .hint = "Either one of the two keys was mistyped, mistaken or of an old machine, or somebody is in the middle and poses as each of you to the other. Until it is clear, send "
                  "nothing that others must not see. Let them read out what `pshare id` shows there: it must be\n  " + fingerprint_words(pinned.id) +
                  "\nand they need to have pinned what `pshare id` shows here. " + how_to_change(pinned.name)};
}

}  // namespace pshare
