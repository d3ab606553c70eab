#include "relay/store.hpp"

#include "secure/identity.hpp"

namespace pshare {

Unexpected NameStore::too_many_of_the_key(const std::string& name) {
  return Unexpected{{.code = Errc::limit,
                     .doing = "registering \"" + name + "\": a key has at most " + std::to_string(max_names_of_a_key) +
                              " names, and yours has them"}};
}

Unexpected NameStore::full(const std::string& name) {
  return Unexpected{{.code = Errc::limit, .doing = "registering \"" + name + "\": the server holds as many names as it may; use another server"}};
}

Result<PublicKey> MemoryNameStore::claim(const std::string& name, const PublicKey& key) {
  if (const auto present = keys_.find(name); present != keys_.end()) return present->second;
  const auto id = id_of(key);
  if (names_.count(id) >= max_names_of_a_key) return too_many_of_the_key(name);
  if (keys_.size() >= most_) return full(name);
  keys_.emplace(name, key);
  names_.emplace(id, name);
  return key;
}

Result<std::optional<PublicKey>> MemoryNameStore::key_of(const std::string& name) {
  const auto present = keys_.find(name);
  return present == keys_.end() ? std::optional<PublicKey>{} : std::optional{present->second};
}

Result<std::optional<NameStore::Registration>> MemoryNameStore::registration_of(const PeerId& id) {
  const auto present = names_.lower_bound(id);
  if (present == names_.end() || present->first != id) return std::optional<Registration>{};
  return std::optional{Registration{present->second, keys_.at(present->second)}};
}

}  // namespace pshare
