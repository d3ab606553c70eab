// Names in a file, by SQLite. store_sqlite.cpp is the only file that includes it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

#include "relay/store.hpp"

namespace pshare {

class SqliteNameStore final : public NameStore {
 public:
  /// Makes the file if there is none. Errors: local_io (cannot be made, read or written; locked by another process), malformed
  /// (damaged, no such database, or of a newer version).
  static Result<std::unique_ptr<SqliteNameStore>> open(const std::filesystem::path& file, std::size_t most = max_names);
  ~SqliteNameStore() override;

  Result<PublicKey> claim(const std::string& name, const PublicKey& key) override;
  Result<std::optional<PublicKey>> key_of(const std::string& name) override;
  Result<std::optional<Registration>> registration_of(const PeerId& id) override;

 private:
  struct Database;
  SqliteNameStore(std::unique_ptr<Database> database, std::size_t most);
  std::unique_ptr<Database> database_;
  std::size_t most_;
};

}  // namespace pshare
