// Whether a transfer gets a delivery receipt when nobody has said so. Its digests (SHA-256 of every byte, on both sides) are made in worker threads
// beside the loop's, which costs next to nothing where there is a core for them, and a part of the throughput where there is none.
#pragma once

#include "wire/signal.hpp"

namespace pshare {

/// One core for the loop, one for the disk's and the compression's work, and one more.
inline constexpr unsigned cores_for_receipts = 3;

/// What a sender that was told nothing asks for, with so many cores (0: not known).
ReceiptWish receipt_wish(unsigned cores);
/// Whether a receiver grants it.
bool gives_receipt(ReceiptWish wish, unsigned cores);

// The same on this machine.
ReceiptWish receipt_wish();
bool gives_receipt(ReceiptWish wish);

}  // namespace pshare
