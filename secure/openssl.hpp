// OpenSSL's handles as owners, and its error queue as an Error. Included by secure/, and where QUIC's TLS is OpenSSL's by the one file that is about it.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "wire/error.hpp"

namespace pshare::openssl {

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* handle) const {
    Free(handle);
  }
};

using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using Connection = std::unique_ptr<SSL, Freed<SSL_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO_free_all>>;
using BioMethod = std::unique_ptr<BIO_METHOD, Freed<BIO_meth_free>>;

/// What OpenSSL said last, in its words; empties its queue.
inline std::string last_words() {
  std::string words;
  while (const auto code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    words = reason ? reason : "unknown trouble";
  }
  return words;
}

inline Error error(Errc code, std::string doing) {
  const auto words = last_words();
  if (!words.empty()) doing += " (" + words + ")";
  return {.code = code, .doing = std::move(doing)};
}

}  // namespace pshare::openssl
