// From a one-time code to a key that may be trusted: SPAKE2 over the words, and under the key that comes of it both say who they are. A core: bytes in, bytes
// out; carried by the server (wire/control.hpp: code-join, code-message), which can do nothing with them.
//
//   guest (has been told the code)                              host (shows it)
//     | -- share 65 -------------------------------------------> |     one guess: the host answers one share, and never another
//     | <- share 65 | confirmation 32 | sealed Introduction ---- |     of the host; sealed under a key that a wrong guess does not have
//     | -- confirmation 32 | sealed Introduction --------------> |     of the guest, once the host's confirmation held
//     | <- sealed "welcome" ------------------------------------ |     so that both know that both know
//
// Sealed: XChaCha20-Poly1305 (libsodium), a nonce of 24 bytes in front, keys by direction from SPAKE2's Ke by HMAC-SHA256.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "secure/code.hpp"
#include "secure/secret.hpp"
#include "secure/spake2.hpp"
#include "wire/bytes.hpp"
#include "wire/ids.hpp"
#include "wire/random.hpp"
#include "wire/result.hpp"

namespace pshare {

/// What somebody calls themselves, in bytes.
inline constexpr std::size_t max_introduced_name = 64;

/// What the code was shown for. The other side's program must be for the same.
enum class CodePurpose { send, pair };
std::string_view word(CodePurpose purpose);

/// Who one is. Whether the key is really theirs shows later, when they sign with it: a lie would harm the liar alone.
struct Introduction {
  PublicKey key;
  std::string name;  // not trusted: what they call themselves; empty: nothing
  CodePurpose purpose = CodePurpose::send;
  friend bool operator==(const Introduction&, const Introduction&) = default;
};

/// What the other side said was not what knows the code would say: a guess, a mistake in typing, or somebody in the middle. Errc::identity_mismatch.
Error wrong_code();

class CodeSeal;

/// Of the one who was told the code.
class CodeGuest {
 public:
  CodeGuest(const Code& code, Introduction us, Random& random);
  ~CodeGuest();

  /// The first message.
  ByteBuffer share() const;
  struct Answer {
    Introduction host;
    ByteBuffer reply;  // the third message
  };
  /// The second message. Errors: identity_mismatch (wrong_code()), malformed. Once.
  Result<Answer> answered(ByteView body);
  /// The fourth. Errors: as above.
  Result<void> welcomed(ByteView body) const;

 private:
  Introduction us_;
  Random& random_;
  Spake2 exchange_;
  std::unique_ptr<CodeSeal> seal_;
};

/// Of the one who shows it. For one guess.
class CodeHost {
 public:
  CodeHost(const Code& code, Introduction us, Random& random);
  ~CodeHost();

  /// The first message; gives the second. Errors: malformed. Once, whoever asks: a second guess needs a second code.
  Result<ByteBuffer> joined(ByteView share);
  struct Agreed {
    Introduction guest;
    ByteBuffer welcome;  // the fourth message
  };
  /// The third. Errors: identity_mismatch (wrong_code()), malformed.
  Result<Agreed> confirmed(ByteView body);

 private:
  Introduction us_;
  Random& random_;
  Spake2 exchange_;
  bool used_ = false;
  Spake2Confirmation awaited_{};
  std::unique_ptr<CodeSeal> seal_;
};

}  // namespace pshare
