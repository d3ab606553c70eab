// Receipts are made unasked only where both sides have a core to spare.
#include "apps/pshare/receipt_wish.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

TEST(ReceiptWish, IsThereUnaskedWhereThereIsACoreToSpare) {
  EXPECT_EQ(receipt_wish(cores_for_receipts), ReceiptWish::if_cheap);
  EXPECT_EQ(receipt_wish(64), ReceiptWish::if_cheap);
  EXPECT_EQ(receipt_wish(cores_for_receipts - 1), ReceiptWish::none);
  EXPECT_EQ(receipt_wish(0), ReceiptWish::none) << "not known";
}

TEST(ReceiptWish, IsGrantedIfSomebodyAskedOrItIsCheapHereToo) {
  for (const auto cores : {0u, 1u, cores_for_receipts - 1, cores_for_receipts}) {
    EXPECT_TRUE(gives_receipt(ReceiptWish::asked_for, cores));
    EXPECT_FALSE(gives_receipt(ReceiptWish::none, cores));
    EXPECT_EQ(gives_receipt(ReceiptWish::if_cheap, cores), cores >= cores_for_receipts);
  }
}

}  // namespace
}  // namespace pshare
