// Fuzzes the file in which the server keeps names, damaged or another's: an input is a run of steps that overwrite bytes and values of a small real one, cut it
// off, or do to it what another program might. Whatever is left, it is refused with words or served: what it then says can be said to clients, and holds.
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "relay/store_sqlite.hpp"
#include "secure/identity.hpp"
#include "steps.hpp"
#include "wire/control.hpp"

namespace pshare {
namespace {

namespace fs = std::filesystem;

constexpr unsigned most_names = 60;

PublicKey key(unsigned which) { return PublicKey{{static_cast<std::byte>(which), static_cast<std::byte>(which >> 8), std::byte{7}}}; }
std::string name(unsigned which) { return std::string(which % 11, 'x') + "name" + std::to_string(which); }

struct Closed {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};

/// The database as anybody may open it.
class Outsider {
 public:
  explicit Outsider(const fs::path& file) {
    sqlite3* opened = nullptr;
    sqlite3_open_v2(file.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    database_.reset(opened);
  }
  void execute(const char* sql) { sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr); }

  /// One value of a row becomes one of any type.
  void replace(const char* column, unsigned row, Steps& steps) {
    sqlite3_stmt* prepared = nullptr;
    sqlite3_prepare_v2(database_.get(), ("UPDATE OR REPLACE names SET " + std::string{column} + " = ? WHERE number = ?").c_str(), -1, &prepared, nullptr);
    const std::unique_ptr<sqlite3_stmt, Closed> statement{prepared};
    if (!statement) return;
    const auto type = steps.next();
    const auto value = steps.some();
    const auto* bytes = reinterpret_cast<const char*>(value.data());
    const auto size = static_cast<int>(value.size());
    switch (type % 5) {
      case 0: sqlite3_bind_null(prepared, 1); break;
      case 1: sqlite3_bind_int64(prepared, 1, static_cast<std::int64_t>(steps.next()) - 1); break;
      case 2: sqlite3_bind_text(prepared, 1, bytes, size, SQLITE_TRANSIENT); break;
      case 3: sqlite3_bind_blob(prepared, 1, bytes, size, SQLITE_TRANSIENT); break;
      case 4: sqlite3_bind_int64(prepared, 1, static_cast<std::int64_t>(~std::uint64_t{0} >> 1)); break;
    }
    sqlite3_bind_int64(prepared, 2, row);
    sqlite3_step(prepared);
  }

 private:
  std::unique_ptr<sqlite3, Closed> database_;
};

/// What another program, another version, or an operator might have done.
constexpr std::array foreign{
    "PRAGMA user_version = 2",
    "PRAGMA user_version = -1",
    "PRAGMA journal_mode = DELETE",
    "DROP INDEX names_by_id",
    "DROP TABLE names",
    "ALTER TABLE names RENAME TO others",
    "ALTER TABLE names RENAME COLUMN key TO code",
    "ALTER TABLE names ADD COLUMN more TEXT",
    "CREATE TABLE bookmarks (url TEXT)",
    "CREATE VIEW names AS SELECT 1 AS number, 'x' AS name, x'00' AS id, x'00' AS key, 0 AS registered",
    "CREATE TABLE names (name, key)",
    "CREATE TABLE names (number INTEGER PRIMARY KEY, name, id, key, registered)",
    "CREATE TRIGGER t AFTER INSERT ON names BEGIN DELETE FROM names; END",
    "CREATE TRIGGER t BEFORE INSERT ON names BEGIN SELECT RAISE(IGNORE); END",
    "INSERT INTO names SELECT number + 100, name, id, key, registered FROM names",
    "UPDATE names SET number = 9223372036854775807 WHERE number = 1",
    "DELETE FROM names WHERE number > 3",
    "UPDATE names SET name = upper(name)",
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'NOT NULL', '')",
    "PRAGMA auto_vacuum = FULL; VACUUM",
};

class Folder {
 public:
  Folder() {
    const fs::path in_memory{"/dev/shm"};  // the store waits for the disk at each name
    std::error_code none;
    path_ = (fs::is_directory(in_memory, none) ? in_memory : fs::temp_directory_path()) / ("pshare-fuzz-names-" + std::to_string(::getpid()));
    fs::create_directory(path_);
    clean();
    {
      Outsider{file()}.execute("PRAGMA page_size = 512; VACUUM");  // so that a few names make a tree
      const auto store = value_or_throw(SqliteNameStore::open(file()));
      for (unsigned i = 0; i < most_names - 10; ++i) value_or_throw(store->claim(name(i), key(i / 2)));
    }
    std::ifstream in{file(), std::ios::binary};
    whole_.assign(std::istreambuf_iterator<char>{in}, {});
  }
  ~Folder() {
    std::error_code none;
    fs::remove_all(path_, none);
  }
  fs::path file() const { return path_ / "names.sqlite"; }
  const std::string& whole() const { return whole_; }
  void clean() const {
    for (const auto* ending : {"", "-wal", "-shm", "-journal"}) ::unlink((file().string() + ending).c_str());
  }
  void put(const std::string& bytes) const {
    clean();
    std::ofstream{file(), std::ios::binary} << bytes;
  }
  std::string take() const {
    std::ifstream in{file(), std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }

 private:
  fs::path path_;
  std::string whole_;
};

void damage(std::string& bytes, Steps& steps, const Folder& folder) {
  static constexpr std::array columns{"number", "name", "id", "key", "registered"};
  const auto how = steps.next();
  switch (how % 8) {
    case 0:
    case 1:
    case 2: {
      const auto at = steps.next() * 256u + steps.next();
      for (std::size_t i = at; const auto byte : steps.some())
        if (i < bytes.size()) bytes[i++] = static_cast<char>(byte);
      break;
    }
    case 3:
      if (!bytes.empty()) bytes[(steps.next() * 256u + steps.next()) % bytes.size()] = static_cast<char>(steps.next());
      break;
    case 4: bytes.resize(bytes.size() * (steps.next() + 1) / 256); break;
    case 5:
    case 6: {
      folder.put(bytes);
      Outsider{folder.file()}.replace(columns[how / 8 % columns.size()], steps.next() % most_names + 1, steps);
      bytes = folder.take();
      break;
    }
    case 7: {
      folder.put(bytes);
      Outsider{folder.file()}.execute(foreign[steps.next() % foreign.size()]);
      bytes = folder.take();
      break;
    }
  }
}

void holds(const Error& error) { demand((error.code == Errc::malformed || error.code == Errc::local_io || error.code == Errc::limit) && !error.doing.empty()); }

void ask(NameStore& store) {
  for (unsigned i = 0; i < most_names; i += 7) {
    const auto found = store.key_of(name(i));
    if (!found) holds(found.error());
    const auto id = id_of(key(i / 2));
    const auto registration = store.registration_of(id);
    if (!registration) holds(registration.error());
    if (registration && *registration) {
      const auto parsed = parse_name((*registration)->name);
      demand(parsed && *parsed == (*registration)->name && id_of((*registration)->key) == id);
    }
    const auto claimed = store.claim(name(i), key(i));
    if (!claimed) {
      holds(claimed.error());
      continue;
    }
    demand(!found || !*found || **found == *claimed);  // nobody loses his name
    const auto kept = store.key_of(name(i));
    if (!kept) holds(kept.error());
    demand(!kept || *kept == *claimed);
  }
}

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  static const Folder folder;
  Steps steps{std::as_bytes(std::span{data, size})};
  auto bytes = folder.whole();
  for (int left = 8; left > 0 && steps.any(); --left) damage(bytes, steps, folder);
  folder.put(bytes);
  const auto store = SqliteNameStore::open(folder.file(), most_names);
  if (store) ask(**store);
  else holds(store.error());
  return 0;
}
