#include "relay/store_sqlite.hpp"

#include <sqlite3.h>

#include <array>

#include "secure/identity.hpp"
#include "wire/control.hpp"
#include "wire/native_path.hpp"

namespace pshare {

namespace {

constexpr int schema_version = 1;
constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS names (
  number     INTEGER PRIMARY KEY,        -- in the order of registration
  name       TEXT UNIQUE NOT NULL,
  id         BLOB NOT NULL,              -- SHA-256 of the key's SPKI
  key        BLOB NOT NULL,              -- raw Ed25519
  registered INTEGER NOT NULL            -- Unix time, for the operator
);
CREATE INDEX IF NOT EXISTS names_by_id ON names (id);
)";

constexpr const char* insertion = "INSERT INTO names (name, id, key, registered) VALUES (?, ?, ?, unixepoch()) ON CONFLICT (name) DO NOTHING";

/// What makes of `names` something else than what is kept there; in a file that no pshare-server has marked, also what another program keeps.
constexpr const char* foreign_things = R"(
SELECT count(*) FROM sqlite_schema WHERE (type IN ('trigger', 'view') AND tbl_name = 'names' COLLATE NOCASE)
  OR (?1 = 0 AND type = 'table' AND name <> 'names' AND name NOT LIKE 'sqlite^_%' ESCAPE '^'))";

/// How long another process (an operator's backup) may hold the file before we give up. The loop stands still meanwhile.
constexpr int lock_patience_ms = 500;

constexpr const char* damaged_hint = "The file is damaged: put a backup in its place, or move it away to begin with no names.";

struct Closed {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Handle = std::unique_ptr<sqlite3, Closed>;
using StatementHandle = std::unique_ptr<sqlite3_stmt, Closed>;

Error trouble_of(sqlite3* database, std::string doing) {
  const int code = database ? sqlite3_errcode(database) : SQLITE_CANTOPEN;
  // SQLITE_ERROR and what follows it: the tables are not what they were when the file was opened, or never held what they should.
  const bool damaged = code == SQLITE_NOTADB || code == SQLITE_CORRUPT || code == SQLITE_ERROR || code == SQLITE_CONSTRAINT || code == SQLITE_MISMATCH;
  const bool taken = code == SQLITE_BUSY || code == SQLITE_LOCKED;
  return {.code = damaged ? Errc::malformed : Errc::local_io,
          .doing = std::move(doing) + ": " + (database ? sqlite3_errmsg(database) : "out of memory"),
          .hint = damaged ? damaged_hint
                  : taken ? "Does another pshare-server run with the same --data folder?"
                          : "Is the folder there and writable, and the disk not full?"};
}

Unexpected damaged(std::string doing, const char* how) {
  return Unexpected{{.code = Errc::malformed, .doing = std::move(doing) + ": " + how, .hint = damaged_hint}};
}

Unexpected of_another_program(std::string doing) {
  return Unexpected{{.code = Errc::malformed,
                     .doing = std::move(doing) + ": it is a database, but not one of pshare-server",
                     .hint = "Give pshare-server a --data folder of its own, or move the file away to begin with no names."}};
}

/// One SQL statement, prepared, bound by position, stepped.
class Statement {
 public:
  Statement(sqlite3* database, const char* sql) {
    sqlite3_stmt* prepared = nullptr;
    sqlite3_prepare_v2(database, sql, -1, &prepared, nullptr);
    handle_.reset(prepared);
  }
  Statement& bind(int position, const std::string& text) {
    sqlite3_bind_text(handle_.get(), position, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    return *this;
  }
  Statement& bind(int position, ByteView bytes) {
    sqlite3_bind_blob(handle_.get(), position, bytes.data(), static_cast<int>(bytes.size()), SQLITE_TRANSIENT);
    return *this;
  }
  bool prepared() const { return handle_ != nullptr; }
  Statement& bind(int position, std::int64_t number) {
    sqlite3_bind_int64(handle_.get(), position, number);
    return *this;
  }
  void reset() { handle_.reset(); }
  int step() { return handle_ ? sqlite3_step(handle_.get()) : SQLITE_ERROR; }
  std::string text(int column) const {
    const auto* found = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
    return found ? std::string{found, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))} : std::string{};
  }
  std::int64_t number(int column) const { return sqlite3_column_int64(handle_.get(), column); }
  template <std::size_t N>
  std::optional<std::array<std::byte, N>> bytes(int column) const {
    ByteReader in{ByteView{static_cast<const std::byte*>(sqlite3_column_blob(handle_.get(), column)),
                           static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))}};
    const auto found = in.array<N>();
    return in.rest().empty() ? found : std::nullopt;
  }

 private:
  StatementHandle handle_;
};

/// The row that a statement of name, id and key finds. Let it find the row's number by an index and read the values from the row itself: SQLite's quick check does
/// not look whether the two agree.
Result<std::optional<NameStore::Registration>> row_of(sqlite3* database, Statement& select, const std::string& doing) {
  const int result = select.step();
  if (result == SQLITE_DONE) return std::optional<NameStore::Registration>{};
  if (result != SQLITE_ROW) return Unexpected{trouble_of(database, doing)};
  const auto name = parse_name(select.text(0));
  if (!name || *name != select.text(0)) return damaged(doing, "what is kept there is no name");
  const auto id = select.bytes<PeerId::size>(1);
  const auto key = select.bytes<32>(2);
  if (!id || !key || *id != id_of(PublicKey{*key}).digest()) return damaged(doing, "its key is not one");
  return std::optional{NameStore::Registration{*name, PublicKey{*key}}};
}

}  // namespace

struct SqliteNameStore::Database {
  Handle handle;
  Unexpected trouble(std::string doing) const { return Unexpected{trouble_of(handle.get(), std::move(doing))}; }
};

SqliteNameStore::SqliteNameStore(std::unique_ptr<Database> database, std::size_t most) : database_(std::move(database)), most_(most) {}
SqliteNameStore::~SqliteNameStore() = default;

Result<std::unique_ptr<SqliteNameStore>> SqliteNameStore::open(const std::filesystem::path& file, std::size_t most) {
  auto database = std::make_unique<Database>();
  sqlite3* opened = nullptr;
  const int result = sqlite3_open_v2(text_of(file).c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  database->handle.reset(opened);
  const auto doing = "opening the names in " + text_of(file);
  if (result != SQLITE_OK) return database->trouble(doing);
  sqlite3_busy_timeout(opened, lock_patience_ms);
  if (sqlite3_db_readonly(opened, "main") == 1)  // SQLite makes do with reading; we would notice at the first new name
    return Unexpected{{.code = Errc::local_io, .doing = doing + ": it may only be read", .hint = "Let this user write the file and its folder."}};

  Statement check{opened, "PRAGMA quick_check(1)"};
  if (check.step() != SQLITE_ROW) return database->trouble(doing);
  if (const auto found = check.text(0); found != "ok")
    return Unexpected{{.code = Errc::malformed, .doing = doing + ": " + found, .hint = damaged_hint}};
  Statement version{opened, "PRAGMA user_version"};
  if (version.step() != SQLITE_ROW) return database->trouble(doing);
  if (version.number(0) > schema_version)
    return Unexpected{{.code = Errc::malformed, .doing = doing + ": a newer pshare-server wrote it", .hint = "Update pshare-server."}};
  Statement foreign{opened, foreign_things};
  if (foreign.bind(1, version.number(0)).step() != SQLITE_ROW) return database->trouble(doing);
  if (foreign.number(0) > 0) return of_another_program(doing);
  check.reset(), version.reset(), foreign.reset();  // they would keep the journal's mode from being changed

  // A registered name survives a power cut (synchronous=FULL), and reading never waits for writing (WAL).
  const auto set_version = "PRAGMA user_version=" + std::to_string(schema_version);
  for (const char* sql : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", schema, set_version.c_str()})
    if (sqlite3_exec(opened, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return database->trouble(doing);
  if (!Statement{opened, insertion}.prepared()) return of_another_program(doing);  // its table of names is not ours
  return std::unique_ptr<SqliteNameStore>{new SqliteNameStore{std::move(database), most}};
}

Result<PublicKey> SqliteNameStore::claim(const std::string& name, const PublicKey& key) {
  auto* handle = database_->handle.get();
  const auto doing = "registering \"" + name + "\"";
  const auto present = key_of(name);
  if (!present) return Unexpected{present.error()};
  if (*present) return **present;

  const auto id = id_of(key);
  Statement count{handle, "SELECT count(*) FROM names WHERE id = ?"};
  if (count.bind(1, id.digest()).step() != SQLITE_ROW) return database_->trouble(doing);
  if (count.number(0) >= static_cast<std::int64_t>(max_names_of_a_key))
    return too_many_of_the_key(name);
  Statement total{handle, "SELECT ifnull(max(number), 0) FROM names"};  // none is ever deleted, so the last number is their count
  if (total.step() != SQLITE_ROW) return database_->trouble(doing);
  if (total.number(0) >= static_cast<std::int64_t>(most_)) return full(name);

  Statement insert{handle, insertion};
  if (insert.bind(1, name).bind(2, id.digest()).bind(3, key.bytes).step() != SQLITE_DONE) return database_->trouble(doing);
  const auto now = key_of(name);
  if (!now) return Unexpected{now.error()};
  if (!*now) return damaged(doing, "the name is not found after it was written");
  return **now;
}

Result<std::optional<PublicKey>> SqliteNameStore::key_of(const std::string& name) {
  const auto doing = "looking up \"" + name + "\"";
  Statement select{database_->handle.get(), "SELECT name, id, key FROM names WHERE number = (SELECT number FROM names WHERE name = ?)"};
  const auto row = row_of(database_->handle.get(), select.bind(1, name), doing);
  if (!row) return Unexpected{row.error()};
  if (!*row) return std::optional<PublicKey>{};
  if ((*row)->name != name) return damaged(doing, "what is found there is of another name");
  return std::optional{(*row)->key};
}

Result<std::optional<NameStore::Registration>> SqliteNameStore::registration_of(const PeerId& id) {
  const auto doing = "looking up " + id.short_text();
  Statement select{database_->handle.get(), "SELECT name, id, key FROM names WHERE number = (SELECT number FROM names WHERE id = ? ORDER BY number LIMIT 1)"};
  const auto row = row_of(database_->handle.get(), select.bind(1, id.digest()), doing);
  if (!row) return Unexpected{row.error()};
  if (!*row) return std::optional<Registration>{};
  if (id_of((*row)->key) != id) return damaged(doing, "what is found there is of another key");
  return std::optional{Registration{(*row)->name, (*row)->key}};
}

}  // namespace pshare
