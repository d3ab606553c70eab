// The answer of a small HTTP server in a router (RFC 9112), read as it comes in: status and body, with a length, in chunks, or until the connection
// ends. Everything is bounded; what is no HTTP is an error and not a guess. Requests are in igd_request.hpp.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "wire/bytes.hpp"
#include "wire/result.hpp"

namespace pshare {

// Ours. Descriptions of gateways are 2 to 30 KiB.
inline constexpr std::size_t max_http_header = 16 * 1024, max_http_body = 128 * 1024;

struct HttpAnswer {
  int status = 0;
  std::string body;
};

class HttpAnswerReader {
 public:
  /// True: the answer is complete, whatever else may come. Errors: malformed, limit.
  Result<bool> feed(ByteView more);
  /// The connection has ended. Errors: malformed (in the middle), limit.
  Result<HttpAnswer> finish();

 private:
  Result<std::optional<HttpAnswer>> parse(bool ended) const;

  std::string text_;
};

}  // namespace pshare
