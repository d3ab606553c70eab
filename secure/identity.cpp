#include "secure/identity.hpp"

#include <algorithm>
#include <tuple>

#include "secure/keys.hpp"
#include "secure/owned_file.hpp"
#include "secure/sodium.hpp"
#include "secure/words.hpp"
#include "wire/native_path.hpp"

namespace pshare {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t words_in_fingerprint = 8;
constexpr int word_bits = 10;

// RFC 8410 section 4: SEQUENCE { SEQUENCE { OID 1.3.101.112 }, BIT STRING }, up to the 32 bytes of the key.
constexpr std::array<unsigned char, 12> spki_prefix{0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00};

// RFC 8410 section 7: SEQUENCE { INTEGER 0, SEQUENCE { OID 1.3.101.112 }, OCTET STRING { OCTET STRING } }, up to the 32 bytes of the key.
constexpr std::array<unsigned char, 16> pkcs8_prefix{0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};

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
    return Unexpected{{.code = Errc::malformed, .doing = "reading the identity: its key is not an Ed25519 one",
                       .hint = "Put the right file back, or remove it and run `pshare init` for a new identity."}};
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

/// PKCS#8 in PEM. If another process was first, its identity stays.
Result<void> write_key_file(const fs::path& file, EVP_PKEY* key) {
  const openssl::Bio text{BIO_new(BIO_s_mem())};
  if (!text || PEM_write_bio_PrivateKey(text.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return Unexpected{openssl::error(Errc::failed, "writing down the key")};
  char* data = nullptr;
  const auto length = static_cast<std::size_t>(BIO_get_mem_data(text.get(), &data));

  if (file.has_parent_path()) std::ignore = make_owned_folder(file.parent_path());  // if it could not be made, writing the file says why
  auto written = write_owned_file(file, {data, length}, IfPresent::keep);
  wipe(std::as_writable_bytes(std::span{data, length}));  // the buffer is OpenSSL's, which does not
  return written;
}

/// Stands in for OpenSSL's own way to get a passphrase, which is to ask at the terminal: there is none.
int no_passphrase(char*, int, int, void*) { return -1; }

}  // namespace

Result<std::unique_ptr<Identity::Keys>> keys_from_pem(std::string_view text, const std::string& file) {
  const openssl::Bio bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
  openssl::Key key{PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr)};
  if (key) return keys_from(std::move(key));
  auto error = openssl::error(Errc::malformed, "reading the identity in " + file + ": it holds no private key without a passphrase");
  error.hint = "Put the right file back, or remove it and run `pshare init` for a new identity.";
  return Unexpected{std::move(error)};
}

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

Secret<48> Identity::pkcs8() const {
  Secret<48> der;
  const auto out = der.fill();
  std::copy(pkcs8_prefix.begin(), pkcs8_prefix.end(), reinterpret_cast<unsigned char*>(out.data()));
  std::copy_n(keys_->seed.reveal().begin(), keys_->seed.reveal().size(), out.begin() + pkcs8_prefix.size());
  return der;
}

ByteBuffer Identity::certificate() const {
  unsigned char* der = nullptr;
  const int length = i2d_X509(keys_->certificate.get(), &der);
  if (length <= 0) throw Failure{openssl::error(Errc::failed, "writing down the certificate")};
  const auto* first = reinterpret_cast<const std::byte*>(der);
  ByteBuffer certificate{first, first + length};
  OPENSSL_free(der);
  return certificate;
}

Secret<32> Identity::secret_for(std::string_view purpose) const {
  Secret<32> secret;
  sodium::keyed_hash(secret.fill(), bytes_of(purpose), keys_->seed.reveal());
  return secret;
}

Result<Identity> Identity::generate() {
  auto key = new_key();
  if (!key) return Unexpected{std::move(key).error()};
  auto keys = keys_from(*std::move(key));
  if (!keys) return Unexpected{std::move(keys).error()};
  return Identity{*std::move(keys)};
}

Result<Identity> Identity::load(const fs::path& key_file) {
  const auto doing = "reading the identity in " + text_of(key_file);
  auto file = read_owned_file(key_file, max_key_file);
  if (!file) return Unexpected{std::move(file).error()};
  if (!*file)
    return Unexpected{{.code = Errc::local_io,
                       .doing = doing,
                       .cause = std::make_error_code(std::errc::no_such_file_or_directory),
                       .hint = "`pshare init` makes an identity; --home DIR says where one is."}};
  auto& text = (*file)->text;
  auto keys = keys_from_pem(text, text_of(key_file));
  wipe(std::as_writable_bytes(std::span{text}));
  if ((*file)->others_may_read)
    return Unexpected{{.code = Errc::refused,
                       .doing = doing + ": others on this machine may read it, so it may be known to them",
                       .hint = way_to_keep_from_others(key_file) + " if you are sure that nobody has read it; otherwise remove it and run `pshare init` for a new one."}};
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
