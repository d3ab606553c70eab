#include "secure/spake2.hpp"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/kdf.h>
#include <openssl/obj_mac.h>
#include <openssl/sha.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "secure/hmac.hpp"
#include "secure/openssl.hpp"

namespace pshare {

namespace {

// RFC 9382 section 6: nobody knows their logarithms.
constexpr const char* point_m = "02886e2f97ace46e55ba9dd7242579f2993b64e16ef3dcab95afd497333d8fa12f";
constexpr const char* point_n = "03d8bbd6c639c62937b04d997f38c3770719c629d7014d49a24b4f98baa1292b49";
constexpr std::string_view confirmation_label = "ConfirmationKeys";

// RFC 7914's parameters, ours.
constexpr std::uint64_t scrypt_n = 1U << 14U, scrypt_r = 8, scrypt_p = 1, scrypt_memory = 64 * 1024 * 1024;
/// 64 bits more than the order has: reducing them leaves no trace (RFC 9382 section 3.2).
constexpr std::size_t scalar_material = 40;

using Group = std::unique_ptr<EC_GROUP, openssl::Freed<EC_GROUP_free>>;
using Point = std::unique_ptr<EC_POINT, openssl::Freed<EC_POINT_clear_free>>;
using Number = std::unique_ptr<BIGNUM, openssl::Freed<BN_clear_free>>;
using Scratch = std::unique_ptr<BN_CTX, openssl::Freed<BN_CTX_free>>;

/// Of what cannot fail but for want of memory, or by a mistake of ours.
void must(bool done) {
  if (!done) throw Failure{openssl::error(Errc::failed, "computing with a one-time code")};
}

const unsigned char* in(ByteView bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* out(std::span<std::byte> bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

/// len(text) || text, the length in 8 bytes, little-endian: RFC 9382 section 3.3.
void append(std::vector<std::byte>& transcript, ByteView part) {
  for (unsigned i = 0; i < 8; ++i) transcript.push_back(static_cast<std::byte>(part.size() >> (8 * i)));
  transcript.insert(transcript.end(), part.begin(), part.end());
}

/// HKDF (RFC 5869) with SHA-256 and no salt.
Secret<32> hkdf(ByteView key, ByteView info) {
  const openssl::KeyContext context{EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr)};
  must(context && EVP_PKEY_derive_init(context.get()) > 0 && EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()) > 0);
  must(EVP_PKEY_CTX_set1_hkdf_key(context.get(), in(key), static_cast<int>(key.size())) > 0);
  must(EVP_PKEY_CTX_add1_hkdf_info(context.get(), in(info), static_cast<int>(info.size())) > 0);
  Secret<32> derived;
  std::size_t size = 32;
  must(EVP_PKEY_derive(context.get(), out(derived.fill()), &size) > 0 && size == 32);
  return derived;
}

}  // namespace

/// The curve, and what of the exchange OpenSSL keeps in its own form.
struct Spake2::Arithmetic {
  Group group{EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)};
  Scratch scratch{BN_CTX_secure_new()};

  Arithmetic() { must(group && scratch); }

  Number number(ByteView big_endian) const {
    Number made{BN_secure_new()};
    must(made && BN_bin2bn(in(big_endian), static_cast<int>(big_endian.size()), made.get()) != nullptr);
    BN_set_flags(made.get(), BN_FLG_CONSTTIME);
    return made;
  }

  Point point(const char* hex) const { return Point{EC_POINT_hex2point(group.get(), hex, nullptr, scratch.get())}; }

  Point empty() const {
    Point made{EC_POINT_new(group.get())};
    must(made != nullptr);
    return made;
  }

  /// number * G, or number * point
  Point times(const Number& number, const EC_POINT* point) const {
    auto product = empty();
    const bool base = point == nullptr;
    must(EC_POINT_mul(group.get(), product.get(), base ? number.get() : nullptr, point, base ? nullptr : number.get(), scratch.get()) == 1);
    return product;
  }

  Point sum(const Point& one, const Point& other) const {
    auto added = empty();
    must(EC_POINT_add(group.get(), added.get(), one.get(), other.get(), scratch.get()) == 1);
    return added;
  }

  Spake2Share bytes(const Point& point) const {
    Spake2Share share;
    must(EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, out(share), share.size(), scratch.get()) == share.size());
    return share;
  }
};

namespace {

Spake2Scalar reduced(const Secret<scalar_material>& material) {
  const Group group{EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1)};
  const Scratch scratch{BN_CTX_secure_new()};
  const Number wide{BN_bin2bn(in(material.reveal()), scalar_material, nullptr)};
  const Number rest{BN_secure_new()};
  must(group && scratch && wide && rest);
  BN_set_flags(wide.get(), BN_FLG_CONSTTIME);
  Spake2Scalar scalar;
  must(BN_mod(rest.get(), wide.get(), EC_GROUP_get0_order(group.get()), scratch.get()) == 1 && BN_bn2binpad(rest.get(), out(scalar.fill()), 32) == 32);
  return scalar;
}

Spake2Scalar random_scalar(Random& random) {
  Secret<scalar_material> material;
  random.fill(material.fill());
  return reduced(material);
}

}  // namespace

Spake2Scalar spake2_scalar(std::string_view secret, std::string_view salt) {
  Secret<scalar_material> material;
  must(EVP_PBE_scrypt(secret.data(), secret.size(), reinterpret_cast<const unsigned char*>(salt.data()), salt.size(), scrypt_n, scrypt_r, scrypt_p, scrypt_memory,
                      out(material.fill()), scalar_material) == 1);
  return reduced(material);
}

Spake2::Spake2(Spake2Role role, Spake2Names names, Spake2Scalar w, Random& random) : Spake2(role, std::move(names), std::move(w), random_scalar(random)) {}

Spake2::Spake2(Spake2Role role, Spake2Names names, Spake2Scalar w, Spake2Scalar ephemeral)
    : role_(role), names_(std::move(names)), w_(std::move(w)), ephemeral_(std::move(ephemeral)), arithmetic_(std::make_unique<Arithmetic>()) {
  const auto& curve = *arithmetic_;
  const auto blind = curve.point(role_ == Spake2Role::a ? point_m : point_n);
  must(blind != nullptr);
  const auto ours = curve.times(curve.number(ephemeral_.reveal()), nullptr);
  const auto blinded = curve.times(curve.number(w_.reveal()), blind.get());
  share_ = curve.bytes(curve.sum(ours, blinded));
}

Spake2::Spake2(Spake2&&) noexcept = default;
Spake2& Spake2::operator=(Spake2&&) noexcept = default;
Spake2::~Spake2() = default;

Result<Spake2::Keys> Spake2::finish(ByteView their_share) const {
  const auto& curve = *arithmetic_;
  const auto refuse = [] {
    ERR_clear_error();
    return Unexpected{{.code = Errc::malformed, .doing = "reading the other side's share: it is no point of the curve that gives a key"}};
  };
  // Of the uncompressed form alone, on the curve, and not its neutral element. The curve's order is prime, so that there are no small subgroups to be led into.
  auto theirs = curve.empty();
  if (their_share.size() != share_.size() || their_share.front() != std::byte{4}) return refuse();
  if (EC_POINT_oct2point(curve.group.get(), theirs.get(), in(their_share), their_share.size(), curve.scratch.get()) != 1) return refuse();
  if (EC_POINT_is_on_curve(curve.group.get(), theirs.get(), curve.scratch.get()) != 1 || EC_POINT_is_at_infinity(curve.group.get(), theirs.get()) == 1) return refuse();

  const auto blind = curve.point(role_ == Spake2Role::a ? point_n : point_m);
  must(blind != nullptr);
  auto unblind = curve.times(curve.number(w_.reveal()), blind.get());
  must(EC_POINT_invert(curve.group.get(), unblind.get(), curve.scratch.get()) == 1);
  const auto bare = curve.sum(theirs, unblind);
  const auto shared = curve.times(curve.number(ephemeral_.reveal()), bare.get());
  if (EC_POINT_is_at_infinity(curve.group.get(), shared.get()) == 1) return refuse();
  auto shared_bytes = curve.bytes(shared);

  const bool we_are_a = role_ == Spake2Role::a;
  std::vector<std::byte> transcript;
  transcript.reserve(512 + names_.a.size() + names_.b.size());  // so that no copy of K and w stays behind in memory that grew
  append(transcript, bytes_of(names_.a));
  append(transcript, bytes_of(names_.b));
  append(transcript, we_are_a ? ByteView{share_} : their_share);
  append(transcript, we_are_a ? their_share : ByteView{share_});
  append(transcript, shared_bytes);
  append(transcript, w_.reveal());
  wipe(shared_bytes);

  Secret<32> digest;
  SHA256(in(transcript), transcript.size(), out(digest.fill()));
  Keys keys;
  std::ranges::copy(digest.reveal().first<16>(), keys.key.fill().begin());
  std::string info{confirmation_label};
  info += names_.extra;
  const auto confirmation_keys = hkdf(digest.reveal().last<16>(), bytes_of(info));
  const auto by_a = hmac_sha256(confirmation_keys.reveal().first<16>(), transcript);
  const auto by_b = hmac_sha256(confirmation_keys.reveal().last<16>(), transcript);
  keys.ours = we_are_a ? by_a : by_b;
  keys.theirs = we_are_a ? by_b : by_a;
  wipe(transcript);
  return keys;
}

}  // namespace pshare
