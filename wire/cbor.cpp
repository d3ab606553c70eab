#include "wire/cbor.hpp"

#include <array>
#include <nlohmann/json.hpp>

namespace pshare {

namespace {

using nlohmann::json;

Unexpected refuse(Errc code, std::string why) {
  return Unexpected{{.code = code, .doing = "reading a message: " + std::move(why)}};
}

/// Counts depth and values while nlohmann's parser goes along, before anything is built from them.
class Bounds final : public nlohmann::json_sax<json> {
 public:
  bool over = false;

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool start_object(std::size_t) override { return deeper(); }
  bool key(string_t&) override { return true; }
  bool end_object() override { return shallower(); }
  bool start_array(std::size_t) override { return deeper(); }
  bool end_array() override { return shallower(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

 private:
  bool value() { return ++values_ <= max_cbor_values || refuse_more(); }
  bool deeper() { return (++depth_ <= max_cbor_depth && value()) || refuse_more(); }
  bool shallower() { return --depth_, true; }
  bool refuse_more() { return over = true, false; }

  std::size_t depth_ = 0, values_ = 0;
};

/// RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 0b110 ? 2 : lead >> 4 == 0b1110 ? 3 : lead >> 3 == 0b11110 ? 4 : 0;
    if (length == 0 || length > text.size()) return false;
    std::uint32_t point = length == 1 ? lead : lead & (0x7Fu >> length);
    for (const char next : text.substr(1, length - 1)) {
      if ((static_cast<unsigned char>(next) & 0xC0) != 0x80) return false;
      point = point << 6 | (static_cast<unsigned char>(next) & 0x3F);
    }
    constexpr std::array<std::uint32_t, 5> smallest{0, 0, 0x80, 0x800, 0x10000};
    if (point < smallest[length] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

struct CborMap::Values {
  json map = json::object();
};

CborMap::CborMap() : values_(std::make_unique<Values>()) {}
CborMap::CborMap(const CborMap& other) : values_(std::make_unique<Values>(*other.values_)) {}
CborMap::CborMap(CborMap&&) noexcept = default;
CborMap& CborMap::operator=(CborMap other) noexcept {
  values_ = std::move(other.values_);
  return *this;
}
CborMap::~CborMap() = default;

Result<CborMap> CborMap::decode(ByteView bytes) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const auto* end = begin + bytes.size();
  Bounds bounds;
  if (!json::sax_parse(begin, end, &bounds, json::input_format_t::cbor))
    return bounds.over ? refuse(Errc::limit, "it nests too deep or holds too much") : refuse(Errc::malformed, "it is not CBOR");
  auto parsed = json::from_cbor(begin, end, true, false);
  if (!parsed.is_object()) return refuse(Errc::malformed, "it is not a CBOR map");
  CborMap map;
  map.values_->map = std::move(parsed);
  return map;
}

ByteBuffer CborMap::encode() const {
  std::vector<std::uint8_t> encoded;
  json::to_cbor(values_->map, encoded);
  return buffer_of(std::as_bytes(std::span{encoded}));
}

CborMap& CborMap::set(std::string_view key, std::string_view text) {
  values_->map[std::string{key}] = std::string{text};
  return *this;
}

CborMap& CborMap::set(std::string_view key, std::uint64_t number) {
  values_->map[std::string{key}] = number;
  return *this;
}

CborMap& CborMap::set_flag(std::string_view key, bool flag) {
  values_->map[std::string{key}] = flag;
  return *this;
}

CborMap& CborMap::set_bytes(std::string_view key, ByteView bytes) {
  std::vector<std::uint8_t> raw(bytes.size());
  std::copy(bytes.begin(), bytes.end(), std::as_writable_bytes(std::span{raw}).begin());
  values_->map[std::string{key}] = json::binary(std::move(raw));
  return *this;
}

CborMap& CborMap::set(std::string_view key, const CborMap& map) {
  values_->map[std::string{key}] = map.values_->map;
  return *this;
}

CborMap& CborMap::set(std::string_view key, const std::vector<CborMap>& maps) {
  auto array = json::array();
  for (const auto& map : maps) array.push_back(map.values_->map);
  values_->map[std::string{key}] = std::move(array);
  return *this;
}

CborMap& CborMap::set(std::string_view key, const std::vector<std::string>& texts) {
  values_->map[std::string{key}] = texts;
  return *this;
}

namespace {

const json* find(const json& map, std::string_view key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &*found;
}

std::optional<std::string> text_in(const json& value, std::size_t longest) {
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  if (text.size() > longest || !is_utf8(text)) return std::nullopt;
  return text;
}

}  // namespace

std::optional<std::string> CborMap::text(std::string_view key, std::size_t longest) const {
  const auto* value = find(values_->map, key);
  return value ? text_in(*value, longest) : std::nullopt;
}

std::optional<std::uint64_t> CborMap::number(std::string_view key) const {
  const auto* value = find(values_->map, key);
  if (!value || !value->is_number_unsigned()) return std::nullopt;
  return value->get<std::uint64_t>();
}

std::optional<bool> CborMap::flag(std::string_view key) const {
  const auto* value = find(values_->map, key);
  if (!value || !value->is_boolean()) return std::nullopt;
  return value->get<bool>();
}

std::optional<ByteBuffer> CborMap::bytes(std::string_view key) const {
  const auto* value = find(values_->map, key);
  if (!value || !value->is_binary()) return std::nullopt;
  const std::vector<std::uint8_t>& raw = value->get_binary();
  return buffer_of(std::as_bytes(std::span{raw}));
}

std::optional<CborMap> CborMap::map(std::string_view key) const {
  const auto* value = find(values_->map, key);
  if (!value || !value->is_object()) return std::nullopt;
  CborMap inner;
  inner.values_->map = *value;
  return inner;
}

std::optional<std::vector<CborMap>> CborMap::maps(std::string_view key) const {
  const auto* value = find(values_->map, key);
  if (!value || !value->is_array()) return std::nullopt;
  std::vector<CborMap> out;
  for (const auto& element : *value) {
    if (!element.is_object()) return std::nullopt;
    out.emplace_back().values_->map = element;
  }
  return out;
}

std::optional<std::vector<std::string>> CborMap::texts(std::string_view key, std::size_t longest) const {
  const auto* value = find(values_->map, key);
  if (!value || !value->is_array()) return std::nullopt;
  std::vector<std::string> out;
  for (const auto& element : *value) {
    auto text = text_in(element, longest);
    if (!text) return std::nullopt;
    out.push_back(*std::move(text));
  }
  return out;
}

}  // namespace pshare
