#include "secure/identity.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "secure/keys.hpp"
#include "secure/words.hpp"

namespace pshare {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_key_file = 4096;
constexpr std::size_t words_in_fingerprint = 8;
constexpr int word_bits = 10;

// RFC 8410 section 4: SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING }, up to the 32 bytes of the key.
constexpr std::array<unsigned char, 12> spki_prefix{0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00};

std::error_code last_error() { return {errno, std::system_category()}; }

Unexpected local(std::string doing, std::error_code cause) {
  return Unexpected{{.code = Errc::local_io,
                     .doing = std::move(doing),
                     .cause = cause,
                     .hint = "Is the folder writable? Choose another one with --home DIR."}};
}

openssl::Certificate self_signed(EVP_PKEY* key) {
  openssl::Certificate certificate{X509_new()};
  if (!certificate) return nullptr;
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  // Nobody looks at the dates (the key is pinned), so they are the widest that RFC 5280 knows.
  ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate.get()), "20200101000000Z");
  ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate.get()), "99991231235959Z");
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("pshare"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  if (X509_set_pubkey(certificate.get(), key) != 1 || X509_sign(certificate.get(), key, nullptr) == 0) return nullptr;
  return certificate;
}

Result<std::unique_ptr<Identity::Keys>> keys_from(openssl::Key key) {
  auto keys = std::make_unique<Identity::Keys>();
  if (EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519)
    return Unexpected{{.code = Errc::malformed, .doing = "reading the identity: its key is not an Ed25519 one"}};
  std::size_t length = keys->public_key.bytes.size();
  auto* raw = reinterpret_cast<unsigned char*>(keys->public_key.bytes.data());
  std::size_t seed_length = 32;
  auto* seed = reinterpret_cast<unsigned char*>(keys->seed.fill().data());
  if (EVP_PKEY_get_raw_public_key(key.get(), raw, &length) != 1 || EVP_PKEY_get_raw_private_key(key.get(), seed, &seed_length) != 1)
    return Unexpected{openssl::error(Errc::malformed, "taking the identity's key apart")};
  keys->certificate = self_signed(key.get());
  if (!keys->certificate) return Unexpected{openssl::error(Errc::failed, "making the identity's certificate")};
  keys->id = id_of(keys->public_key);
  keys->key = std::move(key);
  return keys;
}

Result<openssl::Key> new_key() {
  openssl::Key key{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
  if (!key) return Unexpected{openssl::error(Errc::failed, "making a key pair")};
  return key;
}

/// PKCS#8 in PEM; the buffer is OpenSSL's, which wipes nothing, so it is wiped here.
Result<void> write_key_file(const fs::path& file, EVP_PKEY* key) {
  const openssl::Bio text{BIO_new(BIO_s_mem())};
  if (!text || PEM_write_bio_PrivateKey(text.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return Unexpected{openssl::error(Errc::failed, "writing down the key")};
  char* data = nullptr;
  const auto length = static_cast<std::size_t>(BIO_get_mem_data(text.get(), &data));

  if (file.has_parent_path()) {
    std::error_code ignored;  // if it could not be made, opening the file says why
    if (fs::create_directories(file.parent_path(), ignored)) ::chmod(file.parent_path().c_str(), 0700);
  }
  // Of its own name for each process: two that start at once must not write into one file.
  auto fresh = file;
  fresh += ".new" + std::to_string(::getpid());
  const int descriptor = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return local("writing the identity to " + fresh.string(), last_error());
  const bool written = ::write(descriptor, data, length) == static_cast<ssize_t>(length) && ::fsync(descriptor) == 0;
  const auto cause = last_error();
  ::close(descriptor);
  wipe(std::as_writable_bytes(std::span{data, length}));
  // link(2), not rename(2): if another process was first, its identity stays.
  const bool linked = written && (::link(fresh.c_str(), file.c_str()) == 0 || errno == EEXIST);
  const auto link_cause = last_error();
  ::unlink(fresh.c_str());
  if (!written) return local("writing the identity to " + fresh.string(), cause);
  if (!linked) return local("writing the identity to " + file.string(), link_cause);
  return {};
}

}  // namespace

PeerId id_of(const PublicKey& key) {
  std::array<unsigned char, spki_prefix.size() + 32> spki;
  std::copy(spki_prefix.begin(), spki_prefix.end(), spki.begin());
  std::transform(key.bytes.begin(), key.bytes.end(), spki.begin() + spki_prefix.size(),
                 [](std::byte byte) { return std::to_integer<unsigned char>(byte); });
  PeerId::Digest digest;
  EVP_Q_digest(nullptr, "SHA256", nullptr, spki.data(), spki.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr);
  return PeerId{digest};
}

Identity::Identity(std::unique_ptr<Keys> keys) : keys_(std::move(keys)) {}
Identity::Identity(Identity&&) noexcept = default;
Identity& Identity::operator=(Identity&&) noexcept = default;
Identity::~Identity() = default;

const PeerId& Identity::id() const { return keys_->id; }
const PublicKey& Identity::public_key() const { return keys_->public_key; }

Result<Identity> Identity::generate() {
  auto key = new_key();
  if (!key) return Unexpected{std::move(key).error()};
  auto keys = keys_from(*std::move(key));
  if (!keys) return Unexpected{std::move(keys).error()};
  return Identity{*std::move(keys)};
}

Result<Identity> Identity::load(const fs::path& key_file) {
  const int descriptor = ::open(key_file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return local("reading the identity in " + key_file.string(), last_error());
  struct stat facts{};
  std::array<char, max_key_file> text{};
  const bool known = ::fstat(descriptor, &facts) == 0;
  const auto length = ::read(descriptor, text.data(), text.size());
  const auto cause = last_error();
  ::close(descriptor);
  if (!known || length < 0) return local("reading the identity in " + key_file.string(), cause);
  if ((facts.st_mode & 077) != 0)
    return Unexpected{{.code = Errc::refused,
                       .doing = "reading the identity in " + key_file.string() + ": others on this machine may read it, so it may be known to them",
                       .hint = "Run `chmod 600 " + key_file.string() + "` if you are sure that nobody has read it; otherwise remove it and run `pshare init` for a new one."}};

  const openssl::Bio bio{BIO_new_mem_buf(text.data(), static_cast<int>(length))};
  openssl::Key key{PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr)};
  wipe(std::as_writable_bytes(std::span{text}));
  if (!key) {
    auto error = openssl::error(Errc::malformed, "reading the identity in " + key_file.string() + ": it holds no private key");
    error.hint = "Put the right file back, or remove it and run `pshare init` for a new identity.";
    return Unexpected{std::move(error)};
  }
  auto keys = keys_from(std::move(key));
  if (!keys) return Unexpected{std::move(keys).error()};
  return Identity{*std::move(keys)};
}

Result<Identity> Identity::load_or_create(const fs::path& key_file) {
  std::error_code trouble;
  if (!fs::exists(key_file, trouble) && !trouble) {
    const auto key = new_key();
    if (!key) return Unexpected{key.error()};
    if (auto written = write_key_file(key_file, key->get()); !written) return Unexpected{std::move(written).error()};
  }
  return load(key_file);
}

std::string fingerprint_words(const PeerId& id) {
  std::string text;
  std::uint32_t pending = 0;
  int bits = 0;
  std::size_t count = 0;
  for (const auto byte : id.digest()) {
    pending = (pending << 8 | std::to_integer<std::uint32_t>(byte)) & 0x3FFFF;
    bits += 8;
    if (bits < word_bits) continue;
    bits -= word_bits;
    if (count > 0) text += '-';
    text += words()[pending >> bits & 0x3FF];
    if (++count == words_in_fingerprint) break;
  }
  return text;
}

}  // namespace pshare
