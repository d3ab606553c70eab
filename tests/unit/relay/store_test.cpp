#include <gmock/gmock.h>

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
  Names() : file(fs::path{testing::TempDir()} / "pshare-names-test.sqlite") { clean(); }
  ~Names() override {
    store.reset();
    clean();
  }
  void SetUp() override { open(); }
  void open() {
    store.reset();
    if (!GetParam()) {
      store = std::make_unique<MemoryNameStore>();
      return;
    }
    auto opened = SqliteNameStore::open(file);
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

TEST_P(NamesOnDisk, SayWhichFolderIsMissing) {
  const auto opened = SqliteNameStore::open("/nowhere/names.sqlite");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::local_io);
  EXPECT_THAT(opened.error().message(), HasSubstr("/nowhere/names.sqlite"));
}

INSTANTIATE_TEST_SUITE_P(Sqlite, NamesOnDisk, testing::Values(true));

}  // namespace
}  // namespace pshare
