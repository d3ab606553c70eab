#include "vectors.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace pshare::testing {

namespace {

ByteBuffer bytes_of_digits(std::string_view digits) {
  ByteBuffer out;
  for (std::size_t at = 0; at + 1 < digits.size(); at += 2) out.push_back(static_cast<std::byte>(std::stoi(std::string{digits.substr(at, 2)}, nullptr, 16)));
  return out;
}

std::string base64(ByteView bytes) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) group = group << 8 | (at + i < bytes.size() ? std::to_integer<std::uint32_t>(bytes[at + i]) : 0);
    for (std::size_t i = 0; i < 4; ++i) out += i <= bytes.size() - at ? alphabet[group >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

}  // namespace

const Json& vectors(const std::string& file) {
  static std::map<std::string, Json> read;
  const auto known = read.find(file);
  if (known != read.end()) return known->second;
  std::ifstream in{std::string{PSHARE_VECTORS} + "/" + file + ".json"};
  return read.emplace(file, Json::parse(in)).first->second;
}

ByteBuffer bytes_in(const Json& value) {
  ByteBuffer out;
  std::istringstream parts{value.at("hex").get<std::string>()};
  for (std::string part; parts >> part;) {
    const auto star = part.find('*');
    const auto piece = bytes_of_digits(std::string_view{part}.substr(0, star));
    const auto times = star == std::string::npos ? 1 : std::stoul(part.substr(star + 1));
    for (std::size_t i = 0; i < times; ++i) out.insert(out.end(), piece.begin(), piece.end());
  }
  return out;
}

IpAddress address_in(const Json& value) { return bytes_in(value).size() == 4 ? IpAddress{array_in<4>(value)} : IpAddress{array_in<16>(value)}; }

Identity identity_of(const std::string& name) {
  for (const auto& each : vectors("identities").at("keys")) {
    if (each.at("name") != name) continue;
    // As a key file has it: PKCS#8 (RFC 8410 section 7) in PEM.
    auto der = bytes_of_digits("302e020100300506032b657004220420");
    std::ranges::copy(bytes_in(each.at("seed")), std::back_inserter(der));
    const std::string label = "PRIVATE KEY-----\n";
    const auto pem = "-----BEGIN " + label + base64(der) + "\n-----END " + label;
    std::string file = (std::filesystem::temp_directory_path() / "pshare-vector-XXXXXX").string();
    const int opened = mkstemp(file.data());  // nobody else may read it, which load() looks at
    const bool written = opened >= 0 && write(opened, pem.data(), pem.size()) == static_cast<ssize_t>(pem.size());
    if (opened >= 0) close(opened);
    auto identity = Identity::load(file);
    std::filesystem::remove(file);
    if (!written || !identity) throw std::runtime_error{"the key of " + name + " cannot be loaded"};
    return *std::move(identity);
  }
  throw std::runtime_error{"there is no " + name};
}

void Drawn::fill(std::span<std::byte> out) {
  if (next_ == pieces_.size() || pieces_[next_].size() != out.size()) throw std::runtime_error{"another draw than the vector foresees"};
  std::ranges::copy(pieces_[next_++], out.begin());
}

}  // namespace pshare::testing
