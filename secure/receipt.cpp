#include "secure/receipt.hpp"

#include <algorithm>

#include "secure/sodium.hpp"

namespace pshare {

namespace {

constexpr std::string_view purpose = "pshare receipt v1";

ByteBuffer what_is_signed(ByteView statement) {
  ByteWriter message;
  message.bytes(bytes_of(purpose)).bytes(statement);
  return message.take();
}

Unexpected mismatch(std::string what) { return Unexpected{{.code = Errc::identity_mismatch, .doing = "checking a receipt: " + std::move(what)}}; }

}  // namespace

ByteBuffer sign_receipt(const Identity& receiver, ReceiptStatement statement) {
  statement.receiver = receiver.public_key();
  const auto body = encode(statement);
  ByteWriter out;
  out.bytes(body).bytes(sodium::sign(receiver, what_is_signed(body)));
  return out.take();
}

Result<ReceiptStatement> open_receipt(ByteView signed_receipt) {
  if (signed_receipt.size() != signed_receipt_size)
    return Unexpected{{.code = Errc::malformed, .doing = "reading a receipt: it is not as long as receipts are"}};
  const auto body = signed_receipt.first(receipt_statement_size);
  auto statement = decode_receipt_statement(body);
  if (!statement) return statement;
  sodium::Signature signature;
  std::ranges::copy(signed_receipt.subspan(receipt_statement_size), signature.begin());
  if (!sodium::verify(statement->receiver, what_is_signed(body), signature))
    return mismatch("its signature does not hold. It was altered, or never signed by the key that it names");
  return statement;
}

Result<ReceiptStatement> judge_receipt(ByteView signed_receipt, const ReceiptStatement& expected, const PeerId& receiver) {
  auto statement = open_receipt(signed_receipt);
  if (!statement) return statement;
  if (id_of(statement->receiver) != receiver) return mismatch("it is signed by another key than the receiver's");
  if (statement->transfer != expected.transfer || statement->sender != expected.sender) return mismatch("it is about another transfer than this one");
  const auto& held = statement->held;
  const auto& sent = expected.held;
  if (held.contents != sent.contents || held.bytes != sent.bytes)
    return Unexpected{{.code = Errc::failed, .doing = "checking a receipt: the contents that it names are not those that were sent"}};
  if (held != sent) return Unexpected{{.code = Errc::failed, .doing = "checking a receipt: the files that it names are not those that were sent"}};
  return statement;
}

}  // namespace pshare
