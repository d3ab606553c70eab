#include "secure/sealed.hpp"

#include "secure/sodium.hpp"

namespace pshare {

namespace {

constexpr std::string_view context = "pshare signal v1";  // keeps these signatures from being used for anything else
constexpr std::uint8_t envelope_version = 1;

ByteBuffer to_be_signed(ByteView content) {
  ByteWriter out;
  out.bytes(bytes_of(context)).bytes(content);
  return out.take();
}

Unexpected refuse(Errc code, std::string why, std::string hint = {}) {
  return Unexpected{{.code = code, .doing = "opening a signal: " + std::move(why), .hint = std::move(hint)}};
}

}  // namespace

Result<ByteBuffer> seal(const Identity& from, const PublicKey& to, UnixTime now, Random& random, ByteView body) {
  std::array<std::byte, 16> nonce;
  random.fill(nonce);
  ByteWriter content;
  content.u8(envelope_version)
      .bytes(from.public_key().bytes)
      .bytes(id_of(to).digest())
      .u64(static_cast<std::uint64_t>(now.time_since_epoch().count()))
      .bytes(nonce)
      .bytes(body);
  const auto signature = sodium::sign(from, to_be_signed(content.view()));
  content.bytes(signature);
  return sodium::seal(to, content.view());
}

Result<Opened> open_sealed(const Identity& us, UnixTime now, ByteView envelope) {
  const auto opened = sodium::open(us, envelope);
  if (!opened) return Unexpected{opened.error()};
  const ByteView all{*opened};
  if (all.size() < sizeof(sodium::Signature)) return refuse(Errc::malformed, "it is too short");
  const auto content = all.first(all.size() - sizeof(sodium::Signature));

  ByteReader in{content};
  const auto version = in.u8();
  const auto key = in.array<32>();
  const auto recipient = in.array<32>();
  const auto seconds = in.u64();
  const auto nonce = in.array<16>();
  if (!version || !key || !recipient || !seconds || !nonce) return refuse(Errc::malformed, "it is too short");
  if (*version != envelope_version) return refuse(Errc::version, "it is of another version", "Update pshare on both sides.");

  const PublicKey from{*key};
  ByteReader tail{all.last(sizeof(sodium::Signature))};
  if (!sodium::verify(from, to_be_signed(content), *tail.array<64>()))
    return refuse(Errc::identity_mismatch, "its signature does not hold");
  if (PeerId{*recipient} != us.id()) return refuse(Errc::identity_mismatch, "it was written to somebody else");

  constexpr auto last = std::chrono::seconds::max().count();
  // A time near 2^64 must not overflow on its way into a time type; any past `last` is far in the future.
  const UnixTime sealed_at{std::chrono::seconds{*seconds > static_cast<std::uint64_t>(last) ? last : static_cast<std::int64_t>(*seconds)}};
  if (sealed_at < now - max_signal_age || sealed_at > now + max_clock_skew)
    return refuse(Errc::timed_out, "it is too old, or from the future", "Check the clocks of both machines.");
  return Opened{from, id_of(from), sealed_at, *nonce, buffer_of(in.rest())};
}

}  // namespace pshare
