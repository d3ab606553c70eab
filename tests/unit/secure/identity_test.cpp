#include "secure/identity.hpp"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "file_rights.hpp"
#include "secure/openssl.hpp"
#include "secure/owned_file.hpp"
#include "secure/words.hpp"

namespace pshare {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

/// A folder of this test's own, removed with it.
class Folder : public testing::Test {
 protected:
  Folder() : path(fs::path{testing::TempDir()} / (std::string{"pshare-"} + testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(path);
  }
  ~Folder() override { fs::remove_all(path); }
  const fs::path path;
};
using IdentityFile = Folder;

TEST_F(IdentityFile, IsMadeOnFirstUseAndTheSameEverAfter) {
  const auto first = Identity::load_or_create(path / "home" / "identity.key");
  ASSERT_TRUE(first) << first.error().message();
  const auto second = Identity::load_or_create(path / "home" / "identity.key");
  ASSERT_TRUE(second);
  EXPECT_EQ(first->id(), second->id());
  EXPECT_EQ(id_of(first->public_key()), first->id());
}

TEST_F(IdentityFile, IsReadableByItsOwnerAlone) {
  ASSERT_TRUE(Identity::load_or_create(path / "home" / "identity.key"));
  EXPECT_TRUE(is_for_owner_alone(path / "home" / "identity.key"));
  EXPECT_TRUE(is_for_owner_alone(path / "home"));
}

TEST_F(IdentityFile, IsRefusedWithAdviceWhenOthersMayReadIt) {
  const auto file = path / "identity.key";
  ASSERT_TRUE(Identity::load_or_create(file));
  let_others_read(file);
  const auto loaded = Identity::load(file);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Errc::refused);
  EXPECT_THAT(loaded.error().hint, HasSubstr(way_to_keep_from_others(file)));
}

TEST_F(IdentityFile, IsNeverReplacedWhenItIsDamaged) {
  fs::create_directories(path);
  const auto file = path / "identity.key";
  std::ofstream{file} << "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n";
  keep_from_others(file);
  const auto loaded = Identity::load_or_create(file);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Errc::malformed);
  EXPECT_GT(fs::file_size(file), 40u);
}

TEST_F(IdentityFile, MustHoldAnEd25519Key) {
  fs::create_directories(path);
  const auto file = path / "identity.key";
  // An X25519 key (RFC 8410 section 10.3's form): well-formed, but no use for signing.
  std::ofstream{file} << "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIACEgqNGzLFKjX9rR2kPiImSzQU0K1XlzhUJcgRrpwJS\n-----END PRIVATE KEY-----\n";
  keep_from_others(file);
  const auto loaded = Identity::load(file);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Errc::malformed);
}

TEST_F(IdentityFile, IsNotAskedForAPassphrase) {
  fs::create_directories(path);
  const auto file = path / "identity.key";
  // Made with `openssl genpkey -algorithm ED25519 -aes256`. OpenSSL by itself would ask at the terminal.
  std::ofstream{file} << "-----BEGIN ENCRYPTED PRIVATE KEY-----\n" "MIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgRN1y6vnI0pAICCAAw\n" "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEIZW6dxpHpYTS1jN+RyOEc0EQHc7\n" "N2NrpPhOAoLy0mj8nSFaNWIRXbttlcQiQLRW9wwMV8x9c58utxihBfgc7BSdxkIC\n" "Lm3DiRB6vLjcDCuZJn8=\n" "-----END ENCRYPTED PRIVATE KEY-----\n";
  keep_from_others(file);
  const auto loaded = Identity::load(file);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Errc::malformed);
  EXPECT_THAT(loaded.error().doing, HasSubstr("passphrase"));
}

TEST_F(IdentityFile, IsRefusedAtAnyShorterLength) {
  const auto file = path / "identity.key";
  ASSERT_TRUE(Identity::load_or_create(file));
  const auto whole = fs::file_size(file);
  // Without its last line break it is still whole.
  for (std::uintmax_t length = 0; length + 1 < whole; ++length) {
    fs::resize_file(file, whole);  // zeros where it was cut before
    fs::resize_file(file, whole - 2 - length);
    EXPECT_FALSE(Identity::load(file)) << length + 2 << " bytes short";
  }
}

TEST_F(IdentityFile, CannotBeAsLongAsAnything) {
  fs::create_directories(path);
  const auto file = path / "identity.key";
  std::ofstream{file} << std::string(1 << 20, '-');
  keep_from_others(file);
  EXPECT_EQ(Identity::load(file).error().code, Errc::limit);
}

TEST_F(IdentityFile, LeavesNothingElseInItsFolder) {
  ASSERT_TRUE(Identity::load_or_create(path / "identity.key"));
  EXPECT_EQ(std::distance(fs::directory_iterator{path}, fs::directory_iterator{}), 1);
}

TEST_F(IdentityFile, SaysWhichFileCannotBeReached) {
  const auto loaded = Identity::load(path / "none");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Errc::local_io);
  EXPECT_THAT(loaded.error().message(), HasSubstr("none"));
}

TEST(PeerIdOfAKey, IsTheSha256OfItsSpki) {
  // RFC 8032 section 7.1, test 1: the public key; the hash was made with `openssl pkey -pubout -outform DER | sha256sum`.
  PublicKey key;
  const std::string hexadecimal = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
  for (std::size_t i = 0; i < key.bytes.size(); ++i) key.bytes[i] = static_cast<std::byte>(std::stoi(hexadecimal.substr(2 * i, 2), nullptr, 16));
  EXPECT_EQ(hex(id_of(key).digest()), "06e3fd8fda29bb60ab59557de61edb0aecdb231134be30e75b455f8e1b792fa9");
}

PublicKey public_key_of(EVP_PKEY* key) {
  PublicKey found;
  std::size_t length = found.bytes.size();
  EXPECT_EQ(EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(found.bytes.data()), &length), 1);
  return found;
}

TEST(Identity, GivesItsKeyAndCertificateInTheFormsOfOtherLibraries) {
  const auto identity = *Identity::generate();
  const auto pkcs8 = identity.pkcs8();
  const auto* at = reinterpret_cast<const unsigned char*>(pkcs8.reveal().data());
  const openssl::Key key{d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(pkcs8.reveal().size()))};
  ASSERT_TRUE(key);
  EXPECT_EQ(public_key_of(key.get()), identity.public_key());

  const auto der = identity.certificate();
  at = reinterpret_cast<const unsigned char*>(der.data());
  const openssl::Certificate certificate{d2i_X509(nullptr, &at, static_cast<long>(der.size()))};
  ASSERT_TRUE(certificate);
  EXPECT_EQ(public_key_of(X509_get0_pubkey(certificate.get())), identity.public_key());
}

TEST_F(IdentityFile, HasTheSameSecretForAPurposeEachTimeItIsLoadedAndNobodyElseHas) {
  const auto file = path / "key";
  const auto once = *Identity::load_or_create(file), again = *Identity::load(file), other = *Identity::generate();
  EXPECT_TRUE(once.secret_for("one") == again.secret_for("one"));
  EXPECT_FALSE(once.secret_for("one") == once.secret_for("other"));
  EXPECT_FALSE(once.secret_for("one") == other.secret_for("one"));
}

TEST(FingerprintWords, AreEightAndChangeWithTheKey) {
  const auto one = Identity::generate(), other = Identity::generate();
  ASSERT_TRUE(one && other);
  const auto text = fingerprint_words(one->id());
  EXPECT_EQ(std::count(text.begin(), text.end(), '-'), 7);
  EXPECT_NE(text, fingerprint_words(other->id()));
  EXPECT_EQ(text, fingerprint_words(one->id()));
}

TEST(FingerprintWords, SpellTheFirstEightyBits) {
  PeerId::Digest digest{};
  digest[0] = std::byte{0xFF}, digest[1] = std::byte{0xC0};  // ten ones
  digest[9] = std::byte{0x01};                               // the last bit of the eighth word
  const std::string first{words()[0]};
  EXPECT_EQ(fingerprint_words(PeerId{digest}),
            std::string{words()[1023]} + "-" + first + "-" + first + "-" + first + "-" + first + "-" + first + "-" + first + "-" + std::string{words()[1]});
}

TEST(WordList, HasWordsThatCannotBeTakenForOneAnother) {
  const auto one_slip_apart = [](std::string_view a, std::string_view b) {
    if (a.size() > b.size()) std::swap(a, b);
    if (b.size() - a.size() > 1) return false;
    const auto differ = std::mismatch(a.begin(), a.end(), b.begin());
    const auto at = static_cast<std::size_t>(differ.first - a.begin());
    return a.substr(std::min(a.size(), at + (a.size() == b.size() ? 1 : 0))) == b.substr(std::min(b.size(), at + 1));
  };
  ASSERT_TRUE(one_slip_apart("boat", "coat") && one_slip_apart("boa", "boat") && !one_slip_apart("boat", "baton"));
  std::set<std::string_view> beginnings;
  for (std::size_t i = 0; i < words().size(); ++i) {
    const auto word = words()[i];
    EXPECT_TRUE(word.size() >= 3 && word.size() <= 6) << word;
    EXPECT_TRUE(std::ranges::all_of(word, [](char c) { return c >= 'a' && c <= 'z'; })) << word;
    EXPECT_TRUE(beginnings.insert(word.substr(0, 4)).second) << word;
    EXPECT_EQ(word_index(word), i);
    for (std::size_t j = 0; j < i; ++j) EXPECT_FALSE(one_slip_apart(word, words()[j])) << word << " and " << words()[j];
  }
  EXPECT_EQ(word_index("notaword"), std::nullopt);
}

}  // namespace
}  // namespace pshare
