#include <fcntl.h>
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "relay/store_sqlite.hpp"
#include "secure/identity.hpp"

namespace pshare {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

PublicKey some_key() { return Identity::generate()->public_key(); }

class Names : public testing::TestWithParam<bool> {
 protected:
  Names() : file(fs::path{testing::TempDir()} / ("pshare-names-" + std::to_string(::getpid()) + ".sqlite")) { clean(); }
  ~Names() override {
    store.reset();
    clean();
  }
  void SetUp() override { open(); }
  void open(std::size_t most = max_names) {
    store.reset();
    if (!GetParam()) {
      store = std::make_unique<MemoryNameStore>(most);
      return;
    }
    auto opened = SqliteNameStore::open(file, most);
    ASSERT_TRUE(opened) << opened.error().message();
    store = *std::move(opened);
  }
  void clean() const {
    for (const auto* ending : {"", "-wal", "-shm"}) fs::remove(file.string() + ending);
  }
  const fs::path file;
  std::unique_ptr<NameStore> store;
};

TEST_P(Names, BelongToTheFirstKeyThatClaimsThem) {
  const auto alice = some_key(), mallory = some_key();
  EXPECT_EQ(store->claim("alice", alice).value(), alice);
  EXPECT_EQ(store->claim("alice", mallory).value(), alice);
  EXPECT_EQ(store->claim("alice", alice).value(), alice);
  EXPECT_EQ(store->key_of("alice").value(), alice);
  EXPECT_EQ(store->key_of("bob").value(), std::nullopt);
}

TEST_P(Names, AreFoundByTheKeysId) {
  const auto alice = some_key();
  ASSERT_TRUE(store->claim("alice", alice));
  const auto found = store->registration_of(id_of(alice));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->name, "alice");
  EXPECT_EQ((*found)->key, alice);
  ASSERT_TRUE(store->claim("aaa", alice));
  EXPECT_EQ((*store->registration_of(id_of(alice)))->name, "alice");  // the first stays the one that is shown
  EXPECT_EQ(store->registration_of(id_of(some_key()))->has_value(), false);
}

TEST_P(Names, AreAtMostAFewForOneKey) {
  const auto greedy = some_key();
  for (std::size_t i = 0; i < max_names_of_a_key; ++i) EXPECT_TRUE(store->claim("name" + std::to_string(i), greedy));
  const auto more = store->claim("more", greedy);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, Errc::limit);
  EXPECT_TRUE(store->claim("more", some_key()));
}

TEST_P(Names, AreBoundedInAll) {
  open(2);
  const auto alice = some_key();
  ASSERT_TRUE(store->claim("alice", alice) && store->claim("bob", some_key()));
  const auto more = store->claim("carol", some_key());
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code, Errc::limit);
  EXPECT_EQ(store->claim("alice", alice).value(), alice);
}

INSTANTIATE_TEST_SUITE_P(InMemoryAndSqlite, Names, testing::Bool());

using NamesOnDisk = Names;

TEST_P(NamesOnDisk, AreRememberedByANewProcess) {
  const auto alice = some_key();
  ASSERT_TRUE(store->claim("alice", alice));
  open();
  EXPECT_EQ(store->key_of("alice").value(), alice);
}

TEST_P(NamesOnDisk, SayWhatToDoWhenTheFileIsDamaged) {
  store.reset();
  clean();
  std::ofstream{file} << std::string(5000, 'x');
  const auto opened = SqliteNameStore::open(file);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::malformed);
  EXPECT_THAT(opened.error().hint, HasSubstr("backup"));
}

TEST_P(NamesOnDisk, SurviveAProcessThatIsKilledInTheMiddleOfItsWork) {
  const auto alice = some_key();
  store.reset();
  const auto child = ::fork();
  if (child == 0) {
    const auto own = SqliteNameStore::open(file);
    ::_exit(own && (*own)->claim("alice", alice) ? 0 : 1);  // nothing is closed, no destructor runs
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  open();
  EXPECT_EQ(store->key_of("alice").value(), alice);
}

TEST_P(NamesOnDisk, AreNotOpenedWhenAPageInTheirMiddleIsDamaged) {
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(store->claim("somebody-with-a-name-of-some-length-" + std::to_string(i), some_key()));
  store.reset();
  const auto size = fs::file_size(file);
  ASSERT_GT(size, 16'384u);
  std::fstream damage{file, std::ios::in | std::ios::out | std::ios::binary};
  damage.seekp(4096);
  damage << std::string(8192, '\xA5');
  damage.close();
  const auto opened = SqliteNameStore::open(file);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::malformed);
}

/// Does something to the file behind the server's back.
void do_to(const fs::path& file, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(database);
  sqlite3_close(database);
}

TEST_P(NamesOnDisk, AreNotReadFromARowThatDoesNotHoldTogether) {
  for (const auto* change : {"key = zeroblob(32)", "key = key || x'00'", "key = 7", "id = zeroblob(32), key = 'k'"}) {
    const auto alice = some_key();
    clean(), open();
    ASSERT_TRUE(store->claim("alice", alice));
    do_to(file, std::string{"UPDATE names SET "} + change);
    const auto key = store->key_of("alice");
    ASSERT_FALSE(key) << change;
    EXPECT_EQ(key.error().code, Errc::malformed);
    EXPECT_THAT(key.error().message(), HasSubstr("\"alice\""));
    EXPECT_THAT(key.error().hint, HasSubstr("backup"));
  }
}

TEST_P(NamesOnDisk, AreNotToldToClientsWhenTheyAreNone) {
  const auto alice = some_key();
  for (const auto* name : {"'Alice'", "''", "'al ice'", "'alice' || char(0) || 'x'", "x'ff'"}) {
    clean(), open();
    ASSERT_TRUE(store->claim("alice", alice));
    do_to(file, std::string{"UPDATE names SET name = "} + name);
    const auto found = store->registration_of(id_of(alice));
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().code, Errc::malformed);
  }
}

TEST_P(NamesOnDisk, AreNotFoundUnderAnotherNameThroughADamagedIndex) {
  ASSERT_TRUE(store->claim("alice", some_key()) && store->claim("mallory", some_key()));
  store.reset();
  // In the index an entry is the name and the number of its row; in the table the name is followed by the rest of the row.
  std::ifstream in{file, std::ios::binary};
  std::string bytes{std::istreambuf_iterator<char>{in}, {}};
  const auto entry = bytes.find("mallory\x02");
  ASSERT_NE(entry, std::string::npos);
  bytes[entry + 7] = 1;
  std::ofstream{file, std::ios::binary} << bytes;
  open();
  const auto key = store->key_of("mallory");
  ASSERT_FALSE(key) << "alice's key";
  EXPECT_EQ(key.error().code, Errc::malformed);
}

TEST_P(NamesOnDisk, AreNotPutIntoADatabaseOfAnotherProgram) {
  store.reset();
  for (const auto* theirs : {"CREATE TABLE bookmarks (url TEXT)", "CREATE TABLE names (name, key)", "CREATE TABLE names (number INTEGER PRIMARY KEY, name, id, key, registered)",
                             "CREATE VIEW names AS SELECT 1 AS number, 'a' AS name, x'00' AS id, x'00' AS key, 0 AS registered"}) {
    clean();
    do_to(file, theirs);
    const auto opened = SqliteNameStore::open(file);
    ASSERT_FALSE(opened) << theirs;
    EXPECT_EQ(opened.error().code, Errc::malformed);
  }
}

TEST_P(NamesOnDisk, AreNotKeptWhereATriggerUndoesWhatIsWritten) {
  store.reset();
  do_to(file, "CREATE TRIGGER undo AFTER INSERT ON names BEGIN DELETE FROM names; END");
  const auto opened = SqliteNameStore::open(file);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::malformed);
}

TEST_P(NamesOnDisk, CountAsRegisteredOnlyOnceTheyCanBeFound) {
  do_to(file, "CREATE TRIGGER undo AFTER INSERT ON names BEGIN DELETE FROM names; END");  // while the server runs
  const auto claimed = store->claim("alice", some_key());
  ASSERT_FALSE(claimed);
  EXPECT_EQ(claimed.error().code, Errc::malformed);
}

/// Holds the lock that a process holds while it changes an SQLite file (the format's documentation, "File Locking": the bytes
/// from 1 GiB on), in another process, since a process does not lock itself out.
class ForeignLock {
 public:
  explicit ForeignLock(const fs::path& file) {
    int ready[2];
    if (::pipe(ready) != 0) return;
    child_ = ::fork();
    if (child_ == 0) {
      const int opened = ::open(file.c_str(), O_RDWR);
      struct flock lock {};
      lock.l_type = F_WRLCK, lock.l_whence = SEEK_SET, lock.l_start = 0x40000000, lock.l_len = 512;
      const char held = ::fcntl(opened, F_SETLK, &lock) == 0 ? 'y' : 'n';
      if (::write(ready[1], &held, 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    char held = 'n';
    held_ = ::read(ready[0], &held, 1) == 1 && held == 'y';
    ::close(ready[0]), ::close(ready[1]);
  }
  ForeignLock(const ForeignLock&) = delete;
  ForeignLock& operator=(const ForeignLock&) = delete;
  ~ForeignLock() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  bool held() const { return held_; }

 private:
  pid_t child_ = -1;
  bool held_ = false;
};

TEST_P(NamesOnDisk, SayWhoMayHoldTheFileWhenItIsLocked) {
  store.reset();
  const ForeignLock lock{file};
  ASSERT_TRUE(lock.held());
  const auto opened = SqliteNameStore::open(file);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::local_io);
  EXPECT_THAT(opened.error().hint, HasSubstr("another pshare-server"));
}

TEST_P(NamesOnDisk, SayThatAFileMayOnlyBeRead) {
  store.reset();
  fs::permissions(file, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
  const bool root = ::geteuid() == 0;  // who may write everything
  const bool dropped = !root || ::seteuid(65534) == 0;
  const auto opened = SqliteNameStore::open(file);
  const bool restored = !root || ::seteuid(0) == 0;
  ASSERT_TRUE(dropped && restored);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::local_io);
  EXPECT_THAT(opened.error().message(), HasSubstr("may only be read"));
}

TEST_P(NamesOnDisk, SayWhichFolderIsMissing) {
  const auto opened = SqliteNameStore::open("/nowhere/names.sqlite");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::local_io);
  EXPECT_THAT(opened.error().message(), HasSubstr("/nowhere/names.sqlite"));
}

INSTANTIATE_TEST_SUITE_P(Sqlite, NamesOnDisk, testing::Values(true));

}  // namespace
}  // namespace pshare
