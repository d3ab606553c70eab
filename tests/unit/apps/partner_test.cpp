#include "apps/pshare/partner.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

using Says = Partner::Letter;

constexpr DeviceId laptop{7}, phone{8}, laptop_again{9};

Accept agreed(std::uint16_t port) {
  return {.session = {}, .candidates = {{.type = Candidate::Type::host, .transport = Transport::tcp, .endpoint = {IpAddress{IpAddress::V4{}}, Port{port}}}}, .nat = {}};
}

struct APartner : testing::Test {
  Partner partner{laptop, agreed(4700).candidates};
};

TEST_F(APartner, IsTheDeviceThatHasAgreedFirst) {
  EXPECT_EQ(partner.sort(phone, agreed(4800)), Says::too_late);
  EXPECT_EQ(partner.device(), laptop);
  EXPECT_EQ(partner.sort(laptop, MoreCandidates{}), Says::counts);
  EXPECT_EQ(partner.sort(laptop, Cancel{}), Says::counts);
}

TEST_F(APartner, IsFollowedToAnotherConnectionToTheServer) {
  EXPECT_EQ(partner.sort(laptop_again, MoreCandidates{}), Says::counts);
  EXPECT_EQ(partner.device(), laptop_again);
  EXPECT_EQ(partner.sort(laptop_again, Cancel{}), Says::counts);
  EXPECT_EQ(partner.sort(laptop, Cancel{}), Says::ignored);
}

TEST_F(APartner, IsNotMistakenForADeviceThatWasTooLate) {
  partner.sort(phone, agreed(4800));
  EXPECT_EQ(partner.sort(phone, MoreCandidates{}), Says::ignored);
  EXPECT_EQ(partner.sort(phone, Punch{}), Says::ignored);
  EXPECT_EQ(partner.sort(phone, Cancel{}), Says::ignored);
  EXPECT_EQ(partner.device(), laptop);
}

TEST_F(APartner, IsNotMistakenForADeviceThatDeclines) {
  EXPECT_EQ(partner.sort(phone, Reject{}), Says::ignored);
  EXPECT_EQ(partner.sort(phone, Cancel{}), Says::ignored);
  EXPECT_EQ(partner.device(), laptop);
}

TEST_F(APartner, MayAgreeOnceMore) {
  EXPECT_EQ(partner.sort(laptop, agreed(4700)), Says::ignored);
  EXPECT_EQ(partner.sort(laptop_again, agreed(4700)), Says::ignored) << "the same program: nobody else listens at these addresses";
}

}  // namespace
}  // namespace pshare
