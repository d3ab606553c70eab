#include "apps/pshare/receipt_wish.hpp"

#include <thread>

namespace pshare {

ReceiptWish receipt_wish(unsigned cores) { return cores >= cores_for_receipts ? ReceiptWish::if_cheap : ReceiptWish::none; }

bool gives_receipt(ReceiptWish wish, unsigned cores) {
  return wish == ReceiptWish::asked_for || (wish == ReceiptWish::if_cheap && cores >= cores_for_receipts);
}

ReceiptWish receipt_wish() { return receipt_wish(std::thread::hardware_concurrency()); }
bool gives_receipt(ReceiptWish wish) { return gives_receipt(wish, std::thread::hardware_concurrency()); }

}  // namespace pshare
