#include "io/proxy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pshare {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Proxy proxy(std::string_view url) { return *Proxy::parse(url); }

std::string said(ProxyRequest& request) {
  const auto bytes = request.take_output();
  return std::string{text_of(bytes)};
}

std::string octets(std::initializer_list<int> values) {
  std::string out;
  for (const int each : values) out += static_cast<char>(each);
  return out;
}

Result<void> hear(ProxyRequest& request, std::string_view answer) { return request.feed(bytes_of(answer)); }

/// What comes of an answer that arrives at once; a request to example.org:443.
Error refusal(std::string_view url, std::string_view answer) {
  ProxyRequest request{proxy(url), "example.org", Port{443}};
  const auto heard = hear(request, answer);
  return heard ? Error{.doing = "it was taken"} : heard.error();
}

TEST(ProxyUrl, IsReadWithAndWithoutSchemePortAndCredentials) {
  EXPECT_EQ(proxy("http://proxy.example:3128"), (Proxy{.kind = Proxy::Kind::http, .host = "proxy.example", .port = Port{3128}}));
  EXPECT_EQ(proxy("proxy.example:3128/"), (Proxy{.kind = Proxy::Kind::http, .host = "proxy.example", .port = Port{3128}}));
  EXPECT_EQ(proxy("HTTP://proxy.example").port, Port{80});
  EXPECT_EQ(proxy("socks5h://[2001:db8::1]:1081"), (Proxy{.kind = Proxy::Kind::socks5, .host = "2001:db8::1", .port = Port{1081}}));
  EXPECT_EQ(proxy("socks5://192.0.2.1").port, Port{1080});
  const auto with_login = proxy("socks5://ann:p%40ss%3aword@proxy.example");
  EXPECT_EQ(with_login.credentials, (Proxy::Credentials{"ann", "p@ss:word"}));
}

TEST(ProxyUrl, ThatMakesNoSenseIsRefusedWithoutRepeatingAPassword) {
  for (const auto* url : {"", "http://", "http://:3128", "http://host:0", "http://host:70000", "http://host:12x", "ftp://host", "https://host", "socks4://host",
                          "http://ann:secret%4@host", "http://:secret@host", "http://ann:secret@", "http://ann:secret@[::1", "http://ann:secret@ho st"}) {
    const auto parsed = Proxy::parse(url);
    ASSERT_FALSE(parsed.has_value()) << url;
    EXPECT_EQ(parsed.error().code, Errc::usage);
    EXPECT_THAT(parsed.error().doing, Not(HasSubstr("secret"))) << url;
  }
}

TEST(ProxyUrl, IsShownWithoutItsCredentials) {
  EXPECT_EQ(proxy("http://ann:secret@proxy.example:3128").text(), "http://proxy.example:3128");
  EXPECT_EQ(proxy("socks5h://ann:secret@[2001:db8::1]").text(), "socks5://[2001:db8::1]:1080");
}

TEST(HttpProxy, IsAskedForAConnectionByName) {
  ProxyRequest request{proxy("http://proxy.example:3128"), "example.org", Port{4700}};
  EXPECT_EQ(said(request), "CONNECT example.org:4700 HTTP/1.1\r\nHost: example.org:4700\r\n\r\n");
  EXPECT_FALSE(request.established());
  ASSERT_TRUE(hear(request, "HTTP/1.1 200 Connection established\r\nVia: 1.1 somebody\r\n\r\n"));
  EXPECT_TRUE(request.established());
}

TEST(HttpProxy, IsToldUserNameAndPassword) {  // RFC 7617 section 2
  ProxyRequest request{proxy("http://Aladdin:open%20sesame@proxy.example"), "2001:db8::7", Port{443}};
  EXPECT_EQ(said(request),
            "CONNECT [2001:db8::7]:443 HTTP/1.1\r\nHost: [2001:db8::7]:443\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
}

TEST(HttpProxy, MayAnswerInPiecesAndSayContinueFirst) {
  ProxyRequest request{proxy("http://proxy.example"), "example.org", Port{443}};
  for (const char each : std::string_view{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\n\n"}) {
    ASSERT_FALSE(request.established());
    ASSERT_TRUE(hear(request, {&each, 1}));
  }
  EXPECT_TRUE(request.established());
}

TEST(HttpProxy, ItsRefusalSaysWhatToDo) {
  const auto wants_login = refusal("http://proxy.example", "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n<html>");
  EXPECT_EQ(wants_login.code, Errc::refused);
  EXPECT_THAT(wants_login.doing, HasSubstr("wants a user name and a password"));
  EXPECT_THAT(wants_login.hint, HasSubstr("USER:PASSWORD@"));
  const auto wrong_login = refusal("http://ann:secret@proxy.example", "HTTP/1.1 407 no\r\n\r\n");
  EXPECT_THAT(wrong_login.doing, HasSubstr("does not take this user name and password"));
  EXPECT_THAT(refusal("http://ann:secret@proxy.example", "HTTP/1.0 401 Unauthorized\r\n\r\n").doing, HasSubstr("does not take"));  // tinyproxy 1.11
  EXPECT_THAT(wrong_login.message() + wrong_login.hint, Not(HasSubstr("secret")));
  EXPECT_THAT(refusal("http://proxy.example", "HTTP/1.0 403 Access violation\r\n\r\n").doing, HasSubstr("does not let anybody through to port 443"));
  EXPECT_EQ(refusal("http://proxy.example", "HTTP/1.1 502 Bad Gateway\r\n\r\n").code, Errc::unreachable);
  EXPECT_THAT(refusal("http://proxy.example", "HTTP/1.1 302 Found\r\n\r\n").doing, HasSubstr("HTTP 302"));
}

TEST(HttpProxy, ThatIsNoneOrSaysTooMuchIsFoundOut) {
  EXPECT_EQ(refusal("http://proxy.example", "SSH-2.0-OpenSSH_9.2\r\n").code, Errc::malformed);
  EXPECT_EQ(refusal("http://proxy.example", "HTTP/1.1 2x0 OK\r\n\r\n").code, Errc::malformed);
  EXPECT_EQ(refusal("http://proxy.example", "HTTP/1.1 200 OK\r\n\r\nwelcome").code, Errc::malformed);
  EXPECT_EQ(refusal("http://proxy.example", "HTTP/1.1 200 OK\r\n" + std::string(max_proxy_answer, 'x')).code, Errc::limit);
  EXPECT_THAT(refusal("http://proxy.example", octets({5, 0})).hint, HasSubstr("socks5://"));
}

TEST(Proxy, IsNotAskedForAHostThatWouldSmuggleALine) {
  ProxyRequest request{proxy("http://proxy.example"), "example.org\r\nX: y", Port{443}};
  EXPECT_EQ(said(request), "");
  EXPECT_FALSE(hear(request, "HTTP/1.1 200 OK\r\n\r\n"));
}

TEST(SocksProxy, IsAskedByName) {  // RFC 1928 sections 3 and 4
  ProxyRequest request{proxy("socks5://proxy.example"), "example.org", Port{4700}};
  EXPECT_EQ(said(request), octets({5, 1, 0}));
  ASSERT_TRUE(hear(request, octets({5, 0})));
  EXPECT_EQ(said(request), octets({5, 1, 0, 3, 11}) + "example.org" + octets({0x12, 0x5c}));
  ASSERT_TRUE(hear(request, octets({5, 0, 0, 1, 192, 0, 2})));
  EXPECT_FALSE(request.established());
  ASSERT_TRUE(hear(request, octets({1, 0x10, 0x92})));
  EXPECT_TRUE(request.established());
}

TEST(SocksProxy, IsAskedForLiteralAddressesAsSuch) {
  ProxyRequest request{proxy("socks5://proxy.example"), "192.0.2.7", Port{443}};
  said(request);
  ASSERT_TRUE(hear(request, octets({5, 0})));
  EXPECT_EQ(said(request), octets({5, 1, 0, 1, 192, 0, 2, 7, 1, 0xbb}));
  ASSERT_TRUE(hear(request, octets({5, 0, 0, 3, 2, 'a', 'b', 0, 0})));
  EXPECT_TRUE(request.established());
}

TEST(SocksProxy, IsToldUserNameAndPassword) {  // RFC 1929 section 2
  ProxyRequest request{proxy("socks5://ann:secret@proxy.example"), "example.org", Port{443}};
  EXPECT_EQ(said(request), octets({5, 2, 0, 2}));
  ASSERT_TRUE(hear(request, octets({5, 2})));
  EXPECT_EQ(said(request), octets({1, 3}) + "ann" + octets({6}) + "secret");
  ASSERT_TRUE(hear(request, octets({1, 0})));
  EXPECT_THAT(said(request), HasSubstr("example.org"));
}

TEST(SocksProxy, ItsRefusalSaysWhatToDo) {
  EXPECT_THAT(refusal("socks5://proxy.example", octets({5, 0xff})).doing, HasSubstr("wants a user name and a password"));
  EXPECT_THAT(refusal("socks5://ann:secret@proxy.example", octets({5, 0xff})).doing, HasSubstr("takes no user name and password"));
  EXPECT_THAT(refusal("socks5://ann:secret@proxy.example", octets({5, 2, 1, 1})).doing, HasSubstr("does not take this user name"));
  EXPECT_THAT(refusal("socks5://proxy.example", octets({5, 0, 5, 2, 0, 1, 0, 0, 0, 0, 0, 0})).doing, HasSubstr("do not let anybody through to port 443"));
  EXPECT_EQ(refusal("socks5://proxy.example", octets({5, 0, 5, 5, 0, 1, 0, 0, 0, 0, 0, 0})).code, Errc::refused);
  EXPECT_EQ(refusal("socks5://proxy.example", octets({5, 0, 5, 4, 0, 1, 0, 0, 0, 0, 0, 0})).code, Errc::unreachable);
}

TEST(SocksProxy, ThatIsNoneOrSaysTooMuchIsFoundOut) {
  EXPECT_THAT(refusal("socks5://proxy.example", "HTTP/1.0 400 Bad Request\r\n\r\n").hint, HasSubstr("http://"));
  EXPECT_EQ(refusal("socks5://proxy.example", octets({5, 0, 5, 0, 0, 9, 0, 0, 0, 0, 0, 0})).code, Errc::malformed);
  EXPECT_EQ(refusal("socks5://proxy.example", octets({5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0, 22})).code, Errc::malformed);
}

}  // namespace
}  // namespace pshare
