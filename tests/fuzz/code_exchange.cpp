// Fuzzes what two say who meet by a code: the bodies that a server passes on, to guest and host at each stage. Nothing that is not theirs may be taken.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "secure/code_exchange.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  if (size < 1) return 0;
  const auto body = std::as_bytes(std::span{data + 1, std::min(size - 1, max_code_body)});
  static SeededRandom random{1};
  static const Code code = *Code::parse("4821-comet-walnut");
  static const Introduction us{};
  static CodeGuest guest{code, us, random};
  // A host takes one share, so there is one, and what the two say in earnest is said once.
  static CodeHost host{code, us, random};
  static const auto answer = *host.joined(guest.share());
  static const auto reply = guest.answered(answer)->reply;
  static const auto welcome = host.confirmed(reply)->welcome;
  switch (data[0] % 4) {
    case 0: {
      // To make a host costs a key derivation: the share is judged by what it leads to, which is the same for all.
      static const Spake2 exchange{Spake2Role::b, {}, Spake2Scalar{}, random};
      (void)exchange.finish(body);
      break;
    }
    case 1:
      if (guest.answered(body)) std::abort();  // only the host's own answer holds, which no fuzzer finds
      if (!guest.answered(answer)) std::abort();
      break;
    case 2:
      if (host.confirmed(body)) std::abort();
      if (!host.confirmed(reply)) std::abort();
      break;
    default:
      if (guest.welcomed(body)) std::abort();
      if (!guest.welcomed(welcome)) std::abort();
  }
  return 0;
}
