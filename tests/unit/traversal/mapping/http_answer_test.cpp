// Answers of routers' HTTP servers, good and bad, in any pieces.
#include "traversal/mapping/http_answer.hpp"

#include <gtest/gtest.h>

namespace pshare {
namespace {

/// Fed in pieces of `piece` bytes; nothing: an error somewhere, or it was not whole when the connection ended.
std::optional<HttpAnswer> read(std::string_view text, std::size_t piece = 1000000) {
  HttpAnswerReader reader;
  while (!text.empty()) {
    const auto part = text.substr(0, piece);
    text.remove_prefix(part.size());
    const auto whole = reader.feed(bytes_of(part));
    if (!whole) return std::nullopt;
  }
  auto answer = reader.finish();
  return answer ? std::optional{std::move(*answer)} : std::nullopt;
}

TEST(HttpAnswer, IsTheSameInWhateverPiecesItComes) {
  const std::string_view forms[]{
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhello",
      "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\ncontent-length: 5\n\nhello",
  };
  for (const auto form : forms)
    for (const std::size_t piece : {1u, 2u, 7u, 1000u}) {
      const auto answer = read(form, piece);
      ASSERT_TRUE(answer) << form;
      EXPECT_EQ(answer->status, 200);
      EXPECT_EQ(answer->body, "hello") << form;
    }
}

TEST(HttpAnswer, IsWholeBeforeTheConnectionEndsWhereItsLengthIsKnown) {
  HttpAnswerReader reader;
  EXPECT_FALSE(value_or_throw(reader.feed(bytes_of("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\nab"))));
  EXPECT_TRUE(value_or_throw(reader.feed(bytes_of("cd"))));
  const auto answer = value_or_throw(reader.finish());
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body, "abcd");
}

TEST(HttpAnswer, IsNoAnswerWhenItIsCutShortOrSomethingElse) {
  for (const std::string_view text : {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", "SSH-2.0-OpenSSH_9.2\r\n\r\n",
                                      "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\na",
                                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx",
                                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
                                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"})
    EXPECT_FALSE(read(text)) << text;
}

TEST(HttpAnswer, IsRefusedWhenItIsTooLong) {
  EXPECT_FALSE(read("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"));
  EXPECT_FALSE(read("HTTP/1.1 200 OK\r\nContent-Length: 131073\r\n\r\n"));
  EXPECT_FALSE(read("HTTP/1.1 200 OK\r\n\r\n" + std::string(max_http_body + 1, 'x')));
  EXPECT_FALSE(read("HTTP/1.1 200 OK\r\nX: " + std::string(max_http_header, 'x') + "\r\n\r\n"));
  EXPECT_FALSE(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"));
  EXPECT_TRUE(read("HTTP/1.1 200 OK\r\n\r\n" + std::string(max_http_body, 'x')));
}

TEST(HttpAnswer, IsRefusedAtItsHeaderWhenThatPromisesTooMuch) {
  HttpAnswerReader reader;
  EXPECT_FALSE(reader.feed(bytes_of("HTTP/1.1 200 OK\r\nContent-Length: 131073\r\n\r\n")));
}

TEST(HttpAnswer, ThatNeverEndsIsGivenUpInBoundedMemory) {
  HttpAnswerReader reader;
  const std::string more(64 * 1024, 'x');
  int fed = 0;
  while (fed < 100 && reader.feed(bytes_of(more))) ++fed;
  EXPECT_LT(fed, 10);
}

}  // namespace
}  // namespace pshare
