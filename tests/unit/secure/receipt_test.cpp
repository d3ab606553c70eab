// Receipts are believed only as the receiver signed them, about this transfer, and of these contents; and kept until newer ones need the room.
#include "secure/receipt.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "file_rights.hpp"
#include "secure/receipt_book.hpp"
#include "secure/sha256.hpp"

namespace pshare {
namespace {

namespace fs = std::filesystem;
constexpr UnixTime noon{std::chrono::seconds{1'800'000'000}};

Sha256Digest digest(unsigned of) {
  Sha256Digest out;
  out.fill(static_cast<std::byte>(of));
  return out;
}

class AReceipt : public testing::Test {
 protected:
  Identity alice = *Identity::generate(), bob = *Identity::generate(), mallory = *Identity::generate();
  ReceiptStatement statement{.transfer = {{std::byte{9}}}, .sender = alice.id(), .receiver = bob.public_key(), .signed_at = noon,
                             .held = {.stream = false, .files = 3, .bytes = 100, .chunk_size = 1 << 20, .manifest = digest(1), .names = digest(2), .contents = digest(3)}};
  ByteBuffer signed_by_bob = sign_receipt(bob, statement);
};

TEST(Sha256, GivesTheVectorsOfFips180) {
  EXPECT_EQ(hex(Sha256{}.digest()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(std::move(Sha256{}.add(bytes_of("a")).add(bytes_of("bc"))).digest()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(AReceipt, IsReadAsItWasSigned) {
  EXPECT_EQ(signed_by_bob.size(), signed_receipt_size);
  const auto opened = open_receipt(signed_by_bob);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(*opened, statement);
  EXPECT_TRUE(judge_receipt(signed_by_bob, statement, bob.id()));
}

TEST_F(AReceipt, IsNoneWithAnyByteAltered) {
  for (std::size_t i = 0; i < signed_by_bob.size(); ++i) {
    auto altered = signed_by_bob;
    altered[i] ^= std::byte{1};
    EXPECT_FALSE(open_receipt(altered)) << "byte " << i;
  }
  for (std::size_t length = 0; length < signed_by_bob.size(); ++length) EXPECT_FALSE(open_receipt(ByteView{signed_by_bob}.first(length))) << length;
  auto longer = signed_by_bob;
  longer.push_back({});
  EXPECT_FALSE(open_receipt(longer));
}

TEST_F(AReceipt, OfAnotherKeyIsAMismatchOfIdentities) {
  const auto forged = sign_receipt(mallory, statement);
  EXPECT_TRUE(open_receipt(forged)) << "it is mallory's, and says so";
  EXPECT_EQ(judge_receipt(forged, statement, bob.id()).error().code, Errc::identity_mismatch);
}

TEST_F(AReceipt, ForAnotherTransferOrSenderIsAMismatchOfIdentities) {
  auto other = statement;
  other.transfer.bytes[0] = std::byte{1};
  EXPECT_EQ(judge_receipt(signed_by_bob, other, bob.id()).error().code, Errc::identity_mismatch);
  other = statement;
  other.sender = mallory.id();
  EXPECT_EQ(judge_receipt(signed_by_bob, other, bob.id()).error().code, Errc::identity_mismatch);
}

TEST_F(AReceipt, OfOtherContentsIsAFailure) {
  for (auto field : {&ContentFacts::manifest, &ContentFacts::names, &ContentFacts::contents}) {
    auto other = statement;
    other.held.*field = digest(7);
    EXPECT_EQ(judge_receipt(signed_by_bob, other, bob.id()).error().code, Errc::failed);
  }
  auto other = statement;
  other.held.files = 4;
  EXPECT_EQ(judge_receipt(signed_by_bob, other, bob.id()).error().code, Errc::failed);
}

TEST_F(AReceipt, OfALaterVersionSaysSo) {
  auto later = encode(statement);
  later[0] = std::byte{2};
  EXPECT_EQ(decode_receipt_statement(later).error().code, Errc::version);
}

TEST_F(AReceipt, WhoseFieldsCannotBeIsRefused) {
  auto odd = statement;
  odd.held.chunk_size = 1;
  EXPECT_EQ(decode_receipt_statement(encode(odd)).error().code, Errc::malformed);
  odd = statement;
  odd.signed_at = UnixTime{std::chrono::seconds{-1}};
  EXPECT_EQ(decode_receipt_statement(encode(odd)).error().code, Errc::malformed);
  auto bytes = encode(statement);
  bytes[1] = std::byte{2};
  EXPECT_EQ(decode_receipt_statement(bytes).error().code, Errc::malformed);
}

class TheReceiptBook : public AReceipt {
 protected:
  ~TheReceiptBook() override { fs::remove_all(folder); }

  std::string keep(UnixTime at, std::vector<std::string> names = {"film.mkv"}) {
    statement.signed_at = at;
    return value_or_throw(book.keep({sign_receipt(bob, statement), std::move(names)}, at));
  }

  const fs::path folder = fresh_folder();
  const ReceiptBook book{folder / "receipts"};
};

TEST_F(TheReceiptBook, IsEmptyBeforeThereIsOne) {
  EXPECT_TRUE(value_or_throw(book.pages()).empty());
  EXPECT_EQ(book.find("00").error().code, Errc::usage);
  EXPECT_FALSE(fs::exists(folder / "receipts"));
}

TEST_F(TheReceiptBook, KeepsThemForTheirOwnerAlone) {
  const auto number = keep(noon, {"film.mkv", "odd\n\xFFname"});
  EXPECT_TRUE(is_for_owner_alone(folder / "receipts" / ("1800000000-" + number)));
  const auto page = value_or_throw(book.find(number.substr(0, 4)));
  ASSERT_TRUE(page.receipt);
  EXPECT_EQ(page.receipt->signed_receipt, sign_receipt(bob, statement));
  EXPECT_THAT(page.receipt->names, testing::ElementsAre("film.mkv", "odd\n\xFFname"));
}

TEST_F(TheReceiptBook, ListsThemInOrderAndPassesOverWhatIsNoneOfIts) {
  const auto later = keep(noon + std::chrono::seconds{5}), earlier = keep(noon);
  std::ofstream{folder / "receipts" / "notes.txt"} << "mine";
  std::ofstream{folder / "receipts" / "1800000009-00000000000000ff"} << "torn";
  const auto pages = value_or_throw(book.pages());
  ASSERT_EQ(pages.size(), 3u);
  EXPECT_EQ(pages[0].number, earlier);
  EXPECT_EQ(pages[1].number, later);
  EXPECT_EQ(pages[2].receipt.error().code, Errc::malformed);
}

TEST_F(TheReceiptBook, GivesUpTheOldestForTheNewest) {
  for (std::size_t i = 0; i < ReceiptBook::max_receipts + 2; ++i) keep(noon + std::chrono::seconds{i});
  const auto latest = keep(UnixTime{std::chrono::seconds{5}});  // of a receiver whose clock is wrong
  const auto pages = value_or_throw(book.pages());
  EXPECT_EQ(pages.size(), ReceiptBook::max_receipts);
  EXPECT_EQ(pages.front().number, latest);
  EXPECT_EQ(open_receipt(pages[1].receipt->signed_receipt)->signed_at, noon + std::chrono::seconds{3});
}

TEST(KeptReceipt, WithMoreOrLongerNamesThanAreNotedIsRefused) {
  const KeptReceipt most{ByteBuffer(signed_receipt_size), std::vector<std::string>(ReceiptBook::max_names, std::string(ReceiptBook::max_name, 'x'))};
  EXPECT_EQ(decode_kept_receipt(encode(most)).value(), most);
  EXPECT_LE(encode(most).size(), ReceiptBook::max_file);
  auto more = most;
  more.names.push_back("x");
  EXPECT_EQ(decode_kept_receipt(encode(more)).error().code, Errc::malformed);
  auto longer = most;
  longer.names.front() += 'x';
  EXPECT_EQ(decode_kept_receipt(encode(longer)).error().code, Errc::malformed);
}

}  // namespace
}  // namespace pshare
