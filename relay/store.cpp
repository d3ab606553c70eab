#include "relay/store.hpp"

#include "secure/identity.hpp"

namespace pshare {

Result<PublicKey> MemoryNameStore::claim(const std::string& name, const PublicKey& key) {
  if (const auto present = keys_.find(name); present != keys_.end()) return present->second;
  const auto id = id_of(key);
  if (names_.count(id) >= max_names_of_a_key)
    return Unexpected{{.code = Errc::limit, .doing = "registering \"" + name + "\": this key has as many names as one may have"}};
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
