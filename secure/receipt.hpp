// Signing and checking of delivery receipts (wire/receipt.hpp): Ed25519 by the receiver's own key, over the text "pshare receipt v1" and the statement.
#pragma once

#include "secure/identity.hpp"
#include "wire/receipt.hpp"
#include "wire/result.hpp"

namespace pshare {

/// `receiver` signs what they hold; the statement's key becomes theirs. Gives signed_receipt_size bytes.
ByteBuffer sign_receipt(const Identity& receiver, ReceiptStatement statement);

/// What a receipt says, if whoever has the key that it names has signed it. Whose key that is, the caller must know: id_of(statement.receiver).
/// Errors: malformed, version, identity_mismatch (altered since, or never signed with that key).
Result<ReceiptStatement> open_receipt(ByteView signed_receipt);

/// Opens a receipt and compares it with what it should say: `expected`, all of it but the receiver's key and time, signed by `receiver`.
/// Errors: as above; identity_mismatch (of another key, or about another transfer or sender), failed (of other files or contents).
Result<ReceiptStatement> judge_receipt(ByteView signed_receipt, const ReceiptStatement& expected, const PeerId& receiver);

}  // namespace pshare
