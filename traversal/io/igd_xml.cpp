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

template <typename Number>
std::optional<Number> number_in(const std::optional<std::string>& text) {
  Number number{};
  if (!text) return std::nullopt;
  const auto [end, wrong] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (wrong != std::errc{} || end != text->data() + text->size()) return std::nullopt;
  return number;
}

/// As the UPnP Device Architecture 1.1 defines the type: "1", "true" or "yes", and their opposites.
std::optional<bool> boolean_in(const std::optional<std::string>& text) {
  if (text == "1" || text == "true" || text == "yes") return true;
  if (text == "0" || text == "false" || text == "no") return false;
  return std::nullopt;
}

/// What a description says, and where its relative URLs lead.
struct Description {
  Description(const HttpLocation& location, std::string_view xml) : base(location) {
    parserootdesc(xml.data(), static_cast<int>(xml.size()), data.get());
    if (const auto named = parse_http_location(text_in(data->urlbase)); named && named->server.address == base.server.address) base = *named;
  }
  Result<IgdService> service(const IGDdatas_service& named) const { return service_from(base, text_in(named.controlurl), text_in(named.servicetype)); }

  HttpLocation base;
  std::unique_ptr<IGDdatas> data = std::make_unique<IGDdatas>();
};

}  // namespace

std::vector<IgdService> services_in(const HttpLocation& description, std::string_view xml) {
  const Description known{description, xml};
  std::vector<IgdService> services;
  for (const auto* each : {&known.data->first, &known.data->second})
    if (auto service = known.service(*each)) services.push_back(std::move(*service));
  return services;
}

std::optional<IgdService> firewall_in(const HttpLocation& description, std::string_view xml) {
  const Description known{description, xml};
  auto service = known.service(known.data->IPv6FC);
  if (!service) return std::nullopt;
  return std::move(*service);
}

std::optional<FirewallStatus> firewall_status_in(std::string_view xml) {
  Reply reply{xml};
  const auto enabled = boolean_in(reply.value("FirewallEnabled")), allowed = boolean_in(reply.value("InboundPinholeAllowed"));
  if (!enabled || !allowed) return std::nullopt;
  return FirewallStatus{.enabled = *enabled, .pinholes_allowed = *allowed};
}

std::optional<PinholeId> pinhole_id_in(std::string_view xml) {
  const auto number = number_in<std::uint16_t>(Reply{xml}.value("UniqueID"));
  if (!number) return std::nullopt;
  return PinholeId{*number};
}

std::optional<IpAddress> external_address_in(std::string_view xml) {
  const auto text = Reply{xml}.value("NewExternalIPAddress");
  const auto address = IpAddress::parse(text.value_or(""));
  if (!address || !address->is_v4() || address->scope() == Scope::unusable) return std::nullopt;
  return *address;
}

std::optional<SoapError> soap_error_in(std::string_view xml) {
  Reply reply{xml};
  const auto code = number_in<int>(reply.value("errorCode"));
  if (!code) return std::nullopt;
  return SoapError{.code = *code, .words = printable(reply.value("errorDescription").value_or(""), Newlines::escaped, longest_words)};
}

}  // namespace pshare
