#include "io/descriptor_limit.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace pshare {
namespace {

class DescriptorLimit : public testing::Test {
 protected:
  DescriptorLimit() {
    ::getrlimit(RLIMIT_NOFILE, &before);
    set(100);
  }
  ~DescriptorLimit() override { ::setrlimit(RLIMIT_NOFILE, &before); }

  void set(rlim_t soft) const {
    const rlimit lower{soft, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &lower), 0);
  }
  static rlim_t soft() {
    rlimit now{};
    ::getrlimit(RLIMIT_NOFILE, &now);
    return now.rlim_cur;
  }

  rlimit before{};
};

TEST_F(DescriptorLimit, IsRaisedToWhatIsWanted) {
  EXPECT_EQ(allow_descriptors(120), 120u);
  EXPECT_EQ(soft(), 120u);
}

TEST_F(DescriptorLimit, IsNeverLowered) {
  EXPECT_GE(allow_descriptors(50), 100u);
  EXPECT_EQ(soft(), 100u);
}

TEST_F(DescriptorLimit, IsRaisedAsFarAsTheSystemAllows) {
  if (before.rlim_max == RLIM_INFINITY) GTEST_SKIP() << "this system allows any number";
  const auto more = static_cast<std::size_t>(before.rlim_max) + 1;
  EXPECT_EQ(allow_descriptors(more), before.rlim_max);
  EXPECT_EQ(soft(), before.rlim_max);
}

}  // namespace
}  // namespace pshare
