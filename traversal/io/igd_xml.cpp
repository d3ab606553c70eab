#include "traversal/io/igd_xml.hpp"

#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpreplyparse.h>

#include <charconv>
#include <cstring>
#include <memory>

#include "io/printable.hpp"

namespace pshare {

namespace {

// Ours: of what a gateway calls its error.
constexpr std::size_t longest_words = 100;

/// The names and values in a SOAP answer.
class Reply {
 public:
  explicit Reply(std::string_view xml) { ParseNameValue(xml.data(), static_cast<int>(xml.size()), &data_); }
  ~Reply() { ClearNameValueList(&data_); }
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  std::optional<std::string> value(const char* name) {
    const char* const found = GetValueFromNameValueList(&data_, name);
    return found != nullptr ? std::optional<std::string>{found} : std::nullopt;
  }

 private:
  NameValueParserData data_{};
};

template <std::size_t size>
std::string_view text_in(const char (&field)[size]) {
  return {field, strnlen(field, size)};
}

}  // namespace

std::vector<IgdService> services_in(const HttpLocation& description, std::string_view xml) {
  const auto data = std::make_unique<IGDdatas>();
  *data = {};
  parserootdesc(xml.data(), static_cast<int>(xml.size()), data.get());
  auto base = description;
  if (const auto named = parse_http_location(text_in(data->urlbase)); named && named->server.address == base.server.address) base = *named;
  std::vector<IgdService> services;
  for (const auto* each : {&data->first, &data->second})
    if (auto service = service_from(base, text_in(each->controlurl), text_in(each->servicetype))) services.push_back(std::move(*service));
  return services;
}

std::optional<IpAddress> external_address_in(std::string_view xml) {
  const auto text = Reply{xml}.value("NewExternalIPAddress");
  const auto address = IpAddress::parse(text.value_or(""));
  if (!address || !address->is_v4() || address->scope() == Scope::unusable) return std::nullopt;
  return *address;
}

std::optional<SoapError> soap_error_in(std::string_view xml) {
  Reply reply{xml};
  const auto code = reply.value("errorCode");
  if (!code) return std::nullopt;
  SoapError error;
  const auto [end, wrong] = std::from_chars(code->data(), code->data() + code->size(), error.code);
  if (wrong != std::errc{} || end != code->data() + code->size()) return std::nullopt;
  error.words = printable(reply.value("errorDescription").value_or(""), Newlines::escaped, longest_words);
  return error;
}

}  // namespace pshare
