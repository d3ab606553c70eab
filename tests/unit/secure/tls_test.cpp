#include "secure/tls.hpp"

#include <gtest/gtest.h>

#include "wire/random.hpp"

namespace pshare {
namespace {

/// Two engines joined by memory. Ciphertext travels in pieces of `piece` bytes, so that nothing may rely on whole records.
class TlsPair {
 public:
  TlsPair(TlsEngine at_client, TlsEngine at_server, std::size_t piece_size = 1400)
      : client(std::move(at_client)), server(std::move(at_server)), piece(piece_size) {}

  /// Until nothing is under way any more; the first error on either side ends it.
  void settle() {
    while (carry(client, server, server_error) || carry(server, client, client_error)) {
    }
  }

  TlsEngine client, server;
  std::size_t piece;
  std::optional<Error> client_error, server_error;

 private:
  bool carry(TlsEngine& from, TlsEngine& to, std::optional<Error>& error) {
    const auto bytes = from.take_output();
    for (ByteView rest{bytes}; !rest.empty() && !error; rest = rest.subspan(std::min(piece, rest.size())))
      if (auto fed = to.feed(rest.first(std::min(piece, rest.size()))); !fed) error = fed.error();
    return !bytes.empty();
  }
};

class Tls : public testing::Test {
 protected:
  TlsPair pair(PeerCheck client_expects, PeerCheck server_expects, std::size_t piece = 1400) {
    return {TlsEngine{alice_context, TlsRole::client, {"pshare-lane/1"}, std::move(client_expects)},
            TlsEngine{bob_context, TlsRole::server, {"pshare-control/1", "pshare-lane/1"}, std::move(server_expects)}, piece};
  }
  static ByteBuffer read_all(TlsEngine& engine) {
    ByteBuffer all, some(64 * 1024);
    while (const auto count = engine.read(some)) {
      if (*count == 0) break;
      all.insert(all.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(*count));
    }
    return all;
  }

  Identity alice = *Identity::generate(), bob = *Identity::generate(), mallory = *Identity::generate();
  TlsContext alice_context{alice}, bob_context{bob};
};

TEST_F(Tls, ProvesBothKeysAndAgreesOnAProtocol) {
  auto both = pair(only(bob.id()), only(alice.id()));
  both.settle();
  ASSERT_TRUE(both.client.established() && both.server.established());
  EXPECT_EQ(both.client.peer(), bob.id());
  EXPECT_EQ(both.server.peer(), alice.id());
  EXPECT_EQ(both.server.peer_key(), alice.public_key());
  EXPECT_EQ(both.client.alpn(), "pshare-lane/1");
  EXPECT_EQ(both.server.alpn(), "pshare-lane/1");
}

TEST_F(Tls, RefusesAServerWhoseKeyIsNotThePinnedOne) {
  auto both = pair(only(mallory.id()), only(alice.id()));
  both.settle();
  ASSERT_TRUE(both.client_error);
  EXPECT_EQ(both.client_error->code, Errc::identity_mismatch);
  EXPECT_FALSE(both.client.established());
  EXPECT_FALSE(both.server.established());
}

TEST_F(Tls, RefusesAClientWhoseKeyIsNotExpectedAndTellsIt) {
  auto both = pair(only(bob.id()), only(mallory.id()));
  both.settle();
  ASSERT_TRUE(both.server_error);
  EXPECT_EQ(both.server_error->code, Errc::identity_mismatch);
  EXPECT_FALSE(both.server.established());
  // In TLS 1.3 the client is done before the server has looked at its certificate: it learns at its first read.
  ByteBuffer nothing(16);
  const auto read = both.client.read(nothing);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::identity_mismatch);
}

TEST_F(Tls, FailsWithoutACommonProtocol) {
  TlsPair both{TlsEngine{alice_context, TlsRole::client, {"h2"}, only(bob.id())}, TlsEngine{bob_context, TlsRole::server, {"pshare-lane/1"}, only(alice.id())}};
  both.settle();
  EXPECT_TRUE(both.server_error);
  EXPECT_FALSE(both.client.established());
}

TEST_F(Tls, RefusesGarbage) {
  TlsEngine server{bob_context, TlsRole::server, {"pshare-lane/1"}, only(alice.id())};
  SeededRandom random{7};
  ByteBuffer garbage(4096);
  random.fill(garbage);
  const auto fed = server.feed(garbage);
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, Errc::malformed);
}

TEST_F(Tls, CarriesMegabytesInOddPieces) {
  for (const std::size_t piece : {7u, 1399u, 100'000u}) {
    auto both = pair(only(bob.id()), only(alice.id()), piece);
    both.settle();
    ASSERT_TRUE(both.server.established());
    SeededRandom random{piece};
    ByteBuffer sent(1'000'003);
    random.fill(sent);
    ASSERT_TRUE(both.client.write(sent));
    both.settle();
    EXPECT_EQ(read_all(both.server), sent);
  }
}

TEST_F(Tls, TellsAnOrderlyEndFromACut) {
  auto both = pair(only(bob.id()), only(alice.id()));
  both.settle();
  ASSERT_TRUE(both.client.write(bytes_of("last words")));
  both.settle();
  EXPECT_EQ(text_of(read_all(both.server)), "last words");
  EXPECT_FALSE(both.server.closed_by_peer());
  both.client.close();
  both.settle();
  EXPECT_TRUE(read_all(both.server).empty());
  EXPECT_TRUE(both.server.closed_by_peer());
}

TEST_F(Tls, NoticesAnAlteredRecord) {
  auto both = pair(only(bob.id()), only(alice.id()));
  both.settle();
  ASSERT_TRUE(both.client.write(bytes_of("as written")));
  auto record = both.client.take_output();
  record.back() ^= std::byte{1};
  ASSERT_TRUE(both.server.feed(record));
  ByteBuffer out(64);
  const auto read = both.server.read(out);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::malformed);
}

TEST_F(Tls, GivesWhatCameBeforeABrokenRecordAndThenSaysSoForEver) {
  auto both = pair(only(bob.id()), only(alice.id()));
  both.settle();
  ASSERT_TRUE(both.client.write(bytes_of("whole")));
  ASSERT_TRUE(both.server.feed(both.client.take_output()));
  ASSERT_TRUE(both.client.write(bytes_of("broken")));
  auto record = both.client.take_output();
  record.back() ^= std::byte{1};
  ASSERT_TRUE(both.server.feed(record));
  ByteBuffer out(64);
  EXPECT_EQ(both.server.read(out).value_or(0), 5u);
  for (int again = 0; again < 2; ++again) {
    const auto read = both.server.read(out);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Errc::malformed);
  }
  EXPECT_FALSE(both.server.feed(record));
  EXPECT_FALSE(both.server.closed_by_peer());
}

TEST_F(Tls, DeliversNothingFromAClientThatIsRefused) {
  // The client believes itself established and writes at once; the server must not have any of it.
  auto both = pair(only(bob.id()), only(mallory.id()));
  ASSERT_TRUE(both.server.feed(both.client.take_output()));
  ASSERT_TRUE(both.client.feed(both.server.take_output()));
  ASSERT_TRUE(both.client.established());
  ASSERT_TRUE(both.client.write(bytes_of("a secret")));
  const auto fed = both.server.feed(both.client.take_output());
  ASSERT_FALSE(fed);
  EXPECT_EQ(fed.error().code, Errc::identity_mismatch);
  ByteBuffer out(64);
  EXPECT_FALSE(both.server.read(out));
}

}  // namespace
}  // namespace pshare
