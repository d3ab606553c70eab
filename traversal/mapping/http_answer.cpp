#include "traversal/mapping/http_answer.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string_view>

namespace pshare {

namespace {

// A chunk's own line can be long; that all of them are longer than this is nobody's honest answer.
constexpr std::size_t max_text = max_http_header + 2 * max_http_body;

Unexpected wrong(Errc code) { return Unexpected{{.code = code, .doing = "reading an HTTP answer of the gateway"}}; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

std::optional<std::size_t> number_in(std::string_view text, int base) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

struct Header {
  int status = 0;
  std::optional<std::size_t> length;
  bool chunked = false;
};

Result<Header> header_in(std::string_view text) {
  Header header;
  const auto first_end = text.find('\n');
  const auto line = trimmed(text.substr(0, first_end));
  const auto status = line.size() >= 12 && line.starts_with("HTTP/1.") && line[8] == ' ' ? number_in(line.substr(9, 3), 10) : std::nullopt;
  if (!status || *status < 100) return wrong(Errc::malformed);
  header.status = static_cast<int>(*status);
  while (text.find('\n') != std::string_view::npos) {
    text.remove_prefix(text.find('\n') + 1);
    const auto field = text.substr(0, text.find('\n'));
    const auto colon = field.find(':');
    if (colon == std::string_view::npos) continue;
    const auto name = field.substr(0, colon);
    const auto value = trimmed(field.substr(colon + 1));
    if (equal_ignoring_case(name, "content-length")) {
      header.length = number_in(value, 10);
      if (!header.length) return wrong(Errc::malformed);
      if (*header.length > max_http_body) return wrong(Errc::limit);
    }
    if (equal_ignoring_case(name, "transfer-encoding")) {
      if (!equal_ignoring_case(value, "chunked")) return wrong(Errc::malformed);
      header.chunked = true;
    }
  }
  return header;
}

/// Nothing: there is more to come.
Result<std::optional<std::string>> body_of_chunks(std::string_view rest) {
  std::string body;
  for (;;) {
    const auto line_end = rest.find('\n');
    if (line_end == std::string_view::npos) return std::optional<std::string>{};
    const auto line = trimmed(rest.substr(0, line_end));
    const auto size = number_in(trimmed(line.substr(0, line.find(';'))), 16);
    if (!size) return wrong(Errc::malformed);
    rest.remove_prefix(line_end + 1);
    if (*size == 0) return std::optional{std::move(body)};
    if (*size > max_http_body - body.size()) return wrong(Errc::limit);
    if (rest.size() < *size) return std::optional<std::string>{};
    body += rest.substr(0, *size);
    rest.remove_prefix(*size);
    const auto after = rest.find('\n');
    if (after == std::string_view::npos) return std::optional<std::string>{};
    if (!trimmed(rest.substr(0, after)).empty()) return wrong(Errc::malformed);
    rest.remove_prefix(after + 1);
  }
}

}  // namespace

Result<bool> HttpAnswerReader::feed(ByteView more) {
  if (more.size() > max_text - text_.size()) return wrong(Errc::limit);
  text_ += text_of(more);
  auto parsed = parse(false);
  if (!parsed) return Unexpected{std::move(parsed).error()};
  return parsed->has_value();
}

Result<HttpAnswer> HttpAnswerReader::finish() {
  auto parsed = parse(true);
  if (!parsed) return Unexpected{std::move(parsed).error()};
  if (!*parsed) return wrong(Errc::malformed);
  return std::move(**parsed);
}

Result<std::optional<HttpAnswer>> HttpAnswerReader::parse(bool ended) const {
  const std::string_view text = text_;
  const auto with_cr = text.find("\r\n\r\n"), without = text.find("\n\n");
  const auto header_end = std::min(with_cr, without);
  if (std::min(header_end, text.size()) > max_http_header) return wrong(Errc::limit);
  if (header_end == std::string_view::npos) return std::optional<HttpAnswer>{};
  const auto header = header_in(text.substr(0, header_end));
  if (!header) return Unexpected{header.error()};
  const auto rest = text.substr(header_end + (with_cr < without ? 4 : 2));
  if (header->chunked) {
    auto body = body_of_chunks(rest);
    if (!body) return Unexpected{std::move(body).error()};
    if (!*body) return std::optional<HttpAnswer>{};
    return std::optional{HttpAnswer{header->status, std::move(**body)}};
  }
  if (header->length) {
    if (rest.size() < *header->length) return std::optional<HttpAnswer>{};
    return std::optional{HttpAnswer{header->status, std::string{rest.substr(0, *header->length)}}};
  }
  if (rest.size() > max_http_body) return wrong(Errc::limit);
  if (!ended) return std::optional<HttpAnswer>{};
  return std::optional{HttpAnswer{header->status, std::string{rest}}};
}

}  // namespace pshare
