// The test vectors of RFC 9382, appendix B, and what a share must not be.
#include "secure/spake2.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <ostream>

namespace pshare {
namespace {

template <std::size_t N>
std::array<std::byte, N> from_hex(std::string_view hex) {
  EXPECT_EQ(hex.size(), 2 * N);
  std::array<std::byte, N> bytes{};
  for (std::size_t i = 0; i < N && 2 * i + 1 < hex.size(); ++i) {
    unsigned byte = 0;
    std::from_chars(hex.data() + 2 * i, hex.data() + 2 * i + 2, byte, 16);
    bytes[i] = static_cast<std::byte>(byte);
  }
  return bytes;
}

struct Vector {
  const char *a, *b, *w, *x, *y, *share_a, *share_b, *key, *confirmation_a, *confirmation_b;
};

constexpr Vector vectors[] = {
    {"server", "client", "2ee57912099d31560b3a44b1184b9b4866e904c49d12ac5042c97dca461b1a5f", "43dd0fd7215bdcb482879fca3220c6a968e66d70b1356cac18bb26c84a78d729",
     "dcb60106f276b02606d8ef0a328c02e4b629f84f89786af5befb0bc75b6e66be",
     "04a56fa807caaa53a4d28dbb9853b9815c61a411118a6fe516a8798434751470f9010153ac33d0d5f2047ffdb1a3e42c9b4e6be662766e1eeb4116988ede5f912c",
     "0406557e482bd03097ad0cbaa5df82115460d951e3451962f1eaf4367a420676d09857ccbc522686c83d1852abfa8ed6e4a1155cf8f1543ceca528afb591a1e0b7",
     "0e0672dc86f8e45565d338b0540abe69", "58ad4aa88e0b60d5061eb6b5dd93e80d9c4f00d127c65b3b35b1b5281fee38f0",
     "d3e2e547f1ae04f2dbdbf0fc4b79f8ecff2dff314b5d32fe9fcef2fb26dc459b"},
    {"", "client", "0548d8729f730589e579b0475a582c1608138ddf7054b73b5381c7e883e2efae", "403abbe3b1b4b9ba17e3032849759d723939a27a27b9d921c500edde18ed654b",
     "903023b6598908936ea7c929bd761af6039577a9c3f9581064187c3049d87065",
     "04a897b769e681c62ac1c2357319a3d363f610839c4477720d24cbe32f5fd85f44fb92ba966578c1b712be6962498834078262caa5b441ecfa9d4a9485720e918a",
     "04e0f816fd1c35e22065d5556215c097e799390d16661c386e0ecc84593974a61b881a8c82327687d0501862970c64565560cb5671f696048050ca66ca5f8cc7fc",
     "642f05c473c2cd79909f9a841e2f30a7", "47d29e6666af1b7dd450d571233085d7a9866e4d49d2645e2df975489521232b",
     "3313c5cefc361d27fb16847a91c2a73b766ffa90a4839122a9b70a2f6bd1d6df"},
    {"server", "", "626e0cdc7b14c9db3e52a0b1b3a768c98e37852d5db30febe0497b14eae8c254", "07adb3db6bc623d3399726bfdbfd3d15a58ea776ab8a308b00392621291f9633",
     "b6a4fc8dbb629d4ba51d6f91ed1532cf87adec98f25dd153a75accafafedec16",
     "04f88fb71c99bfffaea370966b7eb99cd4be0ff1a7d335caac4211c4afd855e2e15a873b298503ad8ba1d9cbb9a392d2ba309b48bfd7879aefd0f2cea6009763b0",
     "040c269d6be017dccb15182ac6bfcd9e2a14de019dd587eaf4bdfd353f031101e7cca177f8eb362a6e83e7d5e729c0732e1b528879c086f39ba0f31a9661bd34db",
     "005184ff460da2ce59062c87733c299c", "bc9f9bbe99f26d0b2260e6456e05a86196a3307ec6663a18bf6ac825736533b2",
     "c2370e1bf813b086dff0d834e74425a06e6390f48f5411900276dcccc5a297ec"},
    {"", "", "7bf46c454b4c1b25799527d896508afd5fc62ef4ec59db1efb49113063d70cca", "8cef65df64bb2d0f83540c53632de911b5b24b3eab6cc74a97609fd659e95473",
     "d7a66f64074a84652d8d623a92e20c9675c61cb5b4f6a0063e4648a2fdc02d53",
     "04a65b367a3f613cf9f0654b1b28a1e3a8a40387956c8ba6063e8658563890f46ca1ef6a676598889fc28de2950ab8120b79a5ef1ea4c9f44bc98f585634b46d66",
     "04589f13218822710d98d8b2123a079041052d9941b9cf88c6617ddb2fcc0494662eea8ba6b64692dc318250030c6af045cb738bc81ba35b043c3dcb46adf6f58d",
     "fc6374762ba5cf11f4b2caa08b2cd1b9", "dfb4db8d48ae5a675963ea5e6c19d98d4ea028d8e898dad96ea19a80ade95dca",
     "d0f0609d1613138d354f7e95f19fb556bf52d751947241e8c7118df5ef0ae175"},
};

void PrintTo(const Vector& vector, std::ostream* out) { *out << '"' << vector.a << "\" and \"" << vector.b << '"'; }

Spake2 side(Spake2Role role, const Vector& vector) {
  return Spake2{role, {.a = vector.a, .b = vector.b, .extra = {}}, Spake2Scalar{from_hex<32>(vector.w)},
                Spake2Scalar{from_hex<32>(role == Spake2Role::a ? vector.x : vector.y)}};
}

class Rfc9382 : public testing::TestWithParam<Vector> {};

TEST_P(Rfc9382, ComesToItsSharesKeyAndConfirmations) {
  const auto& vector = GetParam();
  const auto a = side(Spake2Role::a, vector), b = side(Spake2Role::b, vector);
  EXPECT_EQ(a.share(), from_hex<65>(vector.share_a));
  EXPECT_EQ(b.share(), from_hex<65>(vector.share_b));
  const auto of_a = a.finish(b.share()), of_b = b.finish(a.share());
  ASSERT_TRUE(of_a && of_b);
  EXPECT_EQ(of_a->key, Secret<16>{from_hex<16>(vector.key)});
  EXPECT_EQ(of_b->key, of_a->key);
  EXPECT_EQ(of_a->ours, from_hex<32>(vector.confirmation_a));
  EXPECT_EQ(of_a->theirs, from_hex<32>(vector.confirmation_b));
  EXPECT_EQ(of_b->ours, of_a->theirs);
  EXPECT_EQ(of_b->theirs, of_a->ours);
}

INSTANTIATE_TEST_SUITE_P(AppendixB, Rfc9382, testing::ValuesIn(vectors));

TEST(Spake2, RefusesWhatIsNoPointOfTheCurve) {
  const auto a = side(Spake2Role::a, vectors[0]);
  const auto good = side(Spake2Role::b, vectors[0]).share();
  ASSERT_TRUE(a.finish(good));
  auto off_the_curve = good;
  off_the_curve[64] ^= std::byte{1};
  auto compressed = good;
  compressed[0] = std::byte{2};
  auto hybrid = good, other_hybrid = good;  // SEC 1's third form: one of the two says truly whether y is odd, and OpenSSL would take it
  hybrid[0] = std::byte{6}, other_hybrid[0] = std::byte{7};
  auto beyond_the_field = good;
  std::fill(beyond_the_field.begin() + 1, beyond_the_field.end(), std::byte{0xFF});
  Spake2Share zeros{};
  Spake2Share nothing_but_a_form{};
  nothing_but_a_form[0] = std::byte{4};
  const std::array<std::byte, 1> infinity{};
  const ByteView all{good};
  for (const ByteView bad : {ByteView{off_the_curve}, ByteView{compressed}, ByteView{hybrid}, ByteView{other_hybrid}, ByteView{beyond_the_field}, ByteView{zeros}, ByteView{nothing_but_a_form},
                             ByteView{infinity}, all.first(64), all.first(33), ByteView{}}) {
    const auto refused = a.finish(bad);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::malformed);
  }
}

TEST(Spake2, RefusesTheShareThatGivesNoKey) {
  // pB = wN leaves nothing when wN is taken off again: the neutral element, which everybody knows.
  const Spake2 nothing_of_its_own{Spake2Role::b, {}, Spake2Scalar{from_hex<32>(vectors[0].w)}, Spake2Scalar{}};
  const auto a = side(Spake2Role::a, vectors[0]);
  EXPECT_FALSE(a.finish(nothing_of_its_own.share()));
}

TEST(Spake2, DisagreesAboutAnotherSecretOtherNamesAndAnotherAddition) {
  SeededRandom random{7};
  const auto w = [](const char* secret) { return spake2_scalar(secret, "salt"); };
  const Spake2Names names{.a = "a", .b = "b", .extra = "4821"};
  const Spake2 host{Spake2Role::b, names, w("comet-walnut"), random};
  const auto agree = [&](const Spake2& guest) {
    const auto of_guest = guest.finish(host.share()), of_host = host.finish(guest.share());
    return of_guest && of_host && of_guest->theirs == of_host->ours && of_guest->ours == of_host->theirs;
  };
  EXPECT_TRUE(agree(Spake2{Spake2Role::a, names, w("comet-walnut"), random}));
  EXPECT_FALSE(agree(Spake2{Spake2Role::a, names, w("comet-walrus"), random}));
  EXPECT_FALSE(agree(Spake2{Spake2Role::a, {.a = "a", .b = "c", .extra = "4821"}, w("comet-walnut"), random}));
  EXPECT_FALSE(agree(Spake2{Spake2Role::a, {.a = "a", .b = "b", .extra = "4822"}, w("comet-walnut"), random}));
}

TEST(Spake2, MakesTheSameNumberOfTheSameSecretAndSaltAlone) {
  EXPECT_EQ(spake2_scalar("comet-walnut", "4821"), spake2_scalar("comet-walnut", "4821"));
  EXPECT_FALSE(spake2_scalar("comet-walnut", "4821") == spake2_scalar("comet-walnut", "4822"));
  EXPECT_FALSE(spake2_scalar("comet-walnut", "4821") == spake2_scalar("comet-walrus", "4821"));
}

}  // namespace
}  // namespace pshare
