// Where names are kept: what the rendezvous needs of a store, and the simple one that keeps them in memory.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "wire/ids.hpp"
#include "wire/result.hpp"

namespace pshare {

/// Names one key may hold: its own, and a few for the machines of one person who copied their identity.
inline constexpr std::size_t max_names_of_a_key = 4;
/// Names one server keeps, unless told otherwise: some 200 MiB on disk.
inline constexpr std::size_t max_names = 1'000'000;

/// A name belongs to the first key that registers it, for good. Names are in the form of parse_name().
class NameStore {
 public:
  virtual ~NameStore() = default;

  /// The key that has `name` from now on: `key` if it was free or its own already.
  /// Errors: limit (the key has max_names_of_a_key others, or the store is full), local_io, malformed (damaged).
  virtual Result<PublicKey> claim(const std::string& name, const PublicKey& key) = 0;
  /// Errors: local_io, malformed.
  virtual Result<std::optional<PublicKey>> key_of(const std::string& name) = 0;

  struct Registration {
    std::string name;  // the first one registered
    PublicKey key;
  };
  /// Errors: local_io, malformed.
  virtual Result<std::optional<Registration>> registration_of(const PeerId& id) = 0;

 protected:
  static Unexpected too_many_of_the_key(const std::string& name);
  static Unexpected full(const std::string& name);
};

/// For simulations and tests; forgets with the process.
class MemoryNameStore final : public NameStore {
 public:
  explicit MemoryNameStore(std::size_t most = max_names) : most_(most) {}

  Result<PublicKey> claim(const std::string& name, const PublicKey& key) override;
  Result<std::optional<PublicKey>> key_of(const std::string& name) override;
  Result<std::optional<Registration>> registration_of(const PeerId& id) override;

 private:
  std::size_t most_;
  std::map<std::string, PublicKey> keys_;
  std::multimap<PeerId, std::string> names_;  // of one key in the order of registration
};

}  // namespace pshare
