#include "secure/code_exchange.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "secure/hmac.hpp"
#include "secure/sodium.hpp"
#include "wire/cbor.hpp"

namespace pshare {

namespace {

constexpr std::string_view guest_name = "pshare guest", host_name = "pshare host", context = "pshare code v1";
constexpr std::string_view from_guest = "pshare code v1 from guest", from_host = "pshare code v1 from host", last_word = "welcome";

/// The number is in what both confirm: a server that leads a guest to another code than it was told the number of gains nothing by it.
std::string bound_to(const Code& code) { return std::string{context} + " " + std::to_string(code.number); }

Spake2 exchange_of(Spake2Role role, const Code& code, Random& random) {
  const auto bound = bound_to(code);
  return Spake2{role, {.a = std::string{guest_name}, .b = std::string{host_name}, .extra = bound}, spake2_scalar(code.words.reveal(), bound), random};
}

Unexpected malformed(std::string what) { return Unexpected{{.code = Errc::malformed, .doing = "meeting by a code: " + std::move(what)}}; }

ByteBuffer encode(const Introduction& introduction) {
  CborMap map;
  return map.set_bytes("key", introduction.key.bytes).set("name", introduction.name).set("for", word(introduction.purpose)).encode();
}

Result<Introduction> decode_introduction(ByteView bytes) {
  const auto map = CborMap::decode(bytes);
  if (!map) return Unexpected{map.error()};
  const auto key = map->array<32>("key");
  const auto purpose = map->text("for", 16).value_or("");
  if (!key) return malformed("the other side did not say who it is");
  Introduction introduction{PublicKey{*key}, map->text("name", max_introduced_name).value_or(""), CodePurpose::send};
  if (purpose == word(CodePurpose::pair)) introduction.purpose = CodePurpose::pair;
  else if (purpose != word(CodePurpose::send)) return malformed("the other side wants something that this version does not know; update pshare on both");
  return introduction;
}

}  // namespace

std::string_view word(CodePurpose purpose) { return purpose == CodePurpose::pair ? "pair" : "send"; }

Error wrong_code() {
  return {.code = Errc::identity_mismatch,
          .doing = "the code did not match: a word was mistyped, the code is another one, or somebody between the two guessed at it",
          .hint = "Nothing was sent, and the code is burnt by the attempt. The other side shows a new one: use that."};
}

/// Sealing under the key that the exchange gave, for each direction another one.
class CodeSeal {
 public:
  CodeSeal(const Secret<16>& key, std::string_view ours, std::string_view theirs) : ours_(direction(key, ours)), theirs_(direction(key, theirs)) {}

  ByteBuffer seal(ByteView message, Random& random) const { return sodium::seal_with(ours_, message, random); }
  /// Whoever confirmed the key has it: what does not open has been tampered with.
  Result<ByteBuffer> open(ByteView sealed) const {
    auto opened = sodium::open_with(theirs_, sealed);
    if (!opened) return Unexpected{wrong_code()};
    return opened;
  }

 private:
  static Secret<32> direction(const Secret<16>& key, std::string_view label) { return Secret<32>{hmac_sha256(key.reveal(), bytes_of(label))}; }

  Secret<32> ours_, theirs_;
};

CodeGuest::CodeGuest(const Code& code, Introduction us, Random& random)
    : us_(std::move(us)), random_(random), exchange_(exchange_of(Spake2Role::a, code, random)) {}
CodeGuest::~CodeGuest() = default;

ByteBuffer CodeGuest::share() const { return buffer_of(exchange_.share()); }

Result<CodeGuest::Answer> CodeGuest::answered(ByteView body) {
  ByteReader in{body};
  const auto share = in.bytes(sizeof(Spake2Share));
  const auto confirmation = in.array<32>();
  if (!share || !confirmation) return malformed("the other side's answer is too short");
  const auto keys = exchange_.finish(*share);
  if (!keys) return Unexpected{keys.error()};
  if (!equal_in_constant_time(*confirmation, keys->theirs)) return Unexpected{wrong_code()};
  seal_ = std::make_unique<CodeSeal>(keys->key, from_guest, from_host);
  const auto opened = seal_->open(in.rest());
  if (!opened) return Unexpected{opened.error()};
  auto host = decode_introduction(*opened);
  if (!host) return Unexpected{host.error()};
  ByteWriter reply;
  reply.bytes(keys->ours).bytes(seal_->seal(encode(us_), random_));
  return Answer{*std::move(host), reply.take()};
}

Result<void> CodeGuest::welcomed(ByteView body) const {
  assert(seal_);
  const auto opened = seal_->open(body);
  if (!opened) return Unexpected{opened.error()};
  if (text_of(*opened) != last_word) return malformed("the other side's last word is another one");
  return {};
}

CodeHost::CodeHost(const Code& code, Introduction us, Random& random)
    : us_(std::move(us)), random_(random), exchange_(exchange_of(Spake2Role::b, code, random)) {}
CodeHost::~CodeHost() = default;

Result<ByteBuffer> CodeHost::joined(ByteView share) {
  if (std::exchange(used_, true)) return malformed("this code has been tried already");
  const auto keys = exchange_.finish(share);
  if (!keys) return Unexpected{keys.error()};
  awaited_ = keys->theirs;
  seal_ = std::make_unique<CodeSeal>(keys->key, from_host, from_guest);
  ByteWriter answer;
  answer.bytes(exchange_.share()).bytes(keys->ours).bytes(seal_->seal(encode(us_), random_));
  return answer.take();
}

Result<CodeHost::Agreed> CodeHost::confirmed(ByteView body) {
  if (!seal_) return malformed("a confirmation without a share before it");
  ByteReader in{body};
  const auto confirmation = in.array<32>();
  if (!confirmation) return malformed("the other side's confirmation is too short");
  if (!equal_in_constant_time(*confirmation, awaited_)) return Unexpected{wrong_code()};
  const auto opened = seal_->open(in.rest());
  if (!opened) return Unexpected{opened.error()};
  auto guest = decode_introduction(*opened);
  if (!guest) return Unexpected{guest.error()};
  return Agreed{*std::move(guest), seal_->seal(bytes_of(last_word), random_)};
}

}  // namespace pshare
