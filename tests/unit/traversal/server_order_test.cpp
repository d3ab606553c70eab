#include "traversal/server_order.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{};

TEST(ServerOrder, GoesRoundUntilOneAnswers) {
  ServerOrder order{3};
  EXPECT_EQ(order.present(), 0u);
  for (const auto next : {1u, 2u, 0u, 1u}) {
    order.failed();
    EXPECT_EQ(order.present(), next);
  }
}

TEST(ServerOrder, TriesALostServerTwiceBeforeItGoesOn) {
  ServerOrder order{2};
  order.connected(start);
  order.failed();  // lost
  EXPECT_EQ(order.present(), 0u);
  order.failed();
  EXPECT_EQ(order.present(), 0u);
  order.failed();
  EXPECT_EQ(order.present(), 1u);
  order.failed();
  EXPECT_EQ(order.present(), 0u);
}

TEST(ServerOrder, StaysWithAServerThatComesBack) {
  ServerOrder order{2};
  for (int i = 0; i < 5; ++i) {
    order.connected(start);
    order.failed();
    order.failed();
    EXPECT_EQ(order.present(), 0u);
  }
}

TEST(ServerOrder, StaysWithTheOnlyOne) {
  ServerOrder order{1};
  for (int i = 0; i < 5; ++i) order.failed();
  EXPECT_EQ(order.present(), 0u);
  order.connected(start);
  EXPECT_EQ(order.look_back_at(), std::nullopt);
}

TEST(ServerOrder, LooksBackForEarlierOnesFromALaterOneAlone) {
  ServerOrder order{2};
  order.connected(start);
  EXPECT_EQ(order.look_back_at(), std::nullopt);
  for (int i = 0; i < 3; ++i) order.failed();
  EXPECT_EQ(order.look_back_at(), std::nullopt);
  order.connected(start);
  EXPECT_EQ(order.look_back_at(), start + look_back_every);
  order.looked_back_in_vain(start + look_back_every + 4s);
  EXPECT_EQ(order.look_back_at(), start + 2 * look_back_every + 4s);
  order.go_back_to(0);
  EXPECT_EQ(order.present(), 0u);
  EXPECT_EQ(order.look_back_at(), std::nullopt);
  order.failed();  // it was there a moment ago, and is not any more
  EXPECT_EQ(order.present(), 1u);
}

TEST(ServerOrder, DoesNotLookBackWhileThereIsNoConnection) {
  ServerOrder order{2};
  order.failed();
  order.connected(start);
  order.failed();
  EXPECT_EQ(order.look_back_at(), std::nullopt);
  order.looked_back_in_vain(start + 1s);
  EXPECT_EQ(order.look_back_at(), std::nullopt);
}

}  // namespace
}  // namespace pshare
