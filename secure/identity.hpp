// Who we are: one long-term Ed25519 key pair and the self-signed X.509 certificate that carries it into TLS.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "secure/secret.hpp"
#include "wire/bytes.hpp"
#include "wire/ids.hpp"
#include "wire/result.hpp"

namespace pshare {

/// SHA-256 of the SubjectPublicKeyInfo (RFC 8410) that holds this key.
PeerId id_of(const PublicKey& key);

class Identity {
 public:
  /// A new key pair, not stored anywhere.
  static Result<Identity> generate();
  /// Reads the key file, or makes one (mode 0600, written whole or not at all) when there is none.
  /// Errors: local_io; malformed (not such a key), limit (far too long for one); refused (others may read the file: says how to mend it).
  static Result<Identity> load_or_create(const std::filesystem::path& key_file);
  /// Errors: as above, and local_io when there is no file.
  static Result<Identity> load(const std::filesystem::path& key_file);

  Identity(Identity&&) noexcept;
  Identity& operator=(Identity&&) noexcept;
  ~Identity();

  const PeerId& id() const;
  const PublicKey& public_key() const;

  /// The private key as RFC 8410 section 7 writes it (PKCS#8, DER), for a TLS library that is not OpenSSL.
  Secret<48> pkcs8() const;
  /// The self-signed certificate (DER). The dates and names in it mean nothing: its key is pinned.
  ByteBuffer certificate() const;
  /// A secret that this identity alone has, one for each purpose, and has again after a restart.
  Secret<32> secret_for(std::string_view purpose) const;

  struct Keys;  // OpenSSL's and libsodium's forms; for secure/ alone
  const Keys& keys() const { return *keys_; }

 private:
  explicit Identity(std::unique_ptr<Keys> keys);
  std::unique_ptr<Keys> keys_;
};

/// Eight words of the list in secure/words.hpp for the first 80 bits of an ID: what two people read to each other.
/// As one string, the words joined by '-'.
std::string fingerprint_words(const PeerId& id);

}  // namespace pshare
