// Fuzzes the opening of envelopes, in three places of the sender's. The first byte says where the rest stands: 0, it is what arrived;
// 1, what a stranger sealed to us, without a signature; 2, "version 1 | time 8 | body" that a known sender signed and sealed.
// The first two never open. The third opens when version and time are right, and then gives that body and no other.
#include <cstdint>
#include <cstdlib>
#include <ranges>

#include "secure/sealed.hpp"
#include "secure/sodium.hpp"

namespace pshare {
namespace {

constexpr UnixTime now{std::chrono::seconds{1'800'000'000}};

const Identity& us() {
  static const Identity identity = value_or_throw(Identity::generate());
  return identity;
}

const Identity& sender() {
  static const Identity identity = value_or_throw(Identity::generate());
  return identity;
}

ByteBuffer sealed_to_us(ByteView content) { return value_or_throw(sodium::seal(us().public_key(), content)); }

void open_what_was_signed(ByteView input) {
  ByteReader in{input};
  const auto version = in.u8();
  const auto time = in.u64();
  if (!version || !time) return;
  ByteWriter content;
  content.u8(*version).bytes(sender().public_key().bytes).bytes(us().id().digest()).u64(*time).bytes(std::array<std::byte, 16>{}).bytes(in.rest());
  ByteWriter to_be_signed;
  to_be_signed.bytes(bytes_of("pshare signal v1")).bytes(content.view());
  content.bytes(sodium::sign(sender(), to_be_signed.view()));

  const auto opened = open_sealed(us(), now, sealed_to_us(content.view()));
  const auto here = static_cast<std::uint64_t>(now.time_since_epoch().count());
  const bool timely = *time >= here - static_cast<std::uint64_t>(max_signal_age.count()) && *time <= here + static_cast<std::uint64_t>(max_clock_skew.count());
  if (opened.has_value() != (*version == 1 && timely)) std::abort();
  if (opened && (opened->from != sender().id() || !std::ranges::equal(opened->body, in.rest()))) std::abort();
}

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  if (size == 0) return 0;
  const auto input = std::as_bytes(std::span{data + 1, size - 1});
  if (data[0] == 0 && open_sealed(us(), now, input)) std::abort();
  if (data[0] == 1 && open_sealed(us(), now, sealed_to_us(input))) std::abort();
  if (data[0] == 2) open_what_was_signed(input);
  return 0;
}
