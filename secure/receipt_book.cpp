#include "secure/receipt_book.hpp"

#include <algorithm>
#include <cstdio>

#include "secure/owned_file.hpp"
#include "secure/sha256.hpp"
#include "wire/ids.hpp"
#include "wire/native_path.hpp"

namespace pshare {

namespace {

namespace fs = std::filesystem;

constexpr std::uint8_t version = 1;
constexpr std::size_t number_digits = 16, time_digits = 10, file_name_length = time_digits + 1 + number_digits;

Unexpected malformed(std::string what) { return Unexpected{{.code = Errc::malformed, .doing = "reading a kept receipt: " + std::move(what)}}; }

bool is_ours(const std::string& name) {
  if (name.size() != file_name_length || name[time_digits] != '-') return false;
  const auto digits = [](std::string_view text, std::string_view allowed) { return text.find_first_not_of(allowed) == text.npos; };
  return digits(std::string_view{name}.substr(0, time_digits), "0123456789") && digits(std::string_view{name}.substr(time_digits + 1), "0123456789abcdef");
}

std::string number_in(const std::string& file_name) { return file_name.substr(time_digits + 1); }

}  // namespace

ByteBuffer encode(const KeptReceipt& kept) {
  ByteWriter out;
  out.u8(version).bytes(kept.signed_receipt);
  for (const auto& name : kept.names) out.u16(static_cast<std::uint16_t>(name.size())).bytes(bytes_of(name));
  return out.take();
}

Result<KeptReceipt> decode_kept_receipt(ByteView file) {
  ByteReader in{file};
  const auto its_version = in.u8();
  const auto receipt = in.bytes(signed_receipt_size);
  if (!its_version || !receipt) return malformed("it is torn");
  if (*its_version != version) return malformed("it is of another version");
  KeptReceipt kept{buffer_of(*receipt), {}};
  while (!in.empty()) {
    const auto length = in.u16();
    const auto name = length ? in.bytes(*length) : std::nullopt;
    if (!name) return malformed("it is torn");
    if (name->size() > ReceiptBook::max_name || kept.names.size() == ReceiptBook::max_names) return malformed("more or longer names than are noted");
    kept.names.emplace_back(text_of(*name));
  }
  return kept;
}

std::string receipt_number(ByteView signed_receipt) {
  const auto digest = std::move(Sha256{}.add(signed_receipt)).digest();
  return hex(digest).substr(0, number_digits);
}

Result<std::vector<std::string>> ReceiptBook::file_names() const {
  std::vector<std::string> names;
  std::error_code trouble;
  if (!fs::exists(folder_, trouble)) return names;
  for (fs::directory_iterator each{folder_, trouble}, end; !trouble && each != end; each.increment(trouble))
    if (auto name = text_of(each->path().filename()); is_ours(name)) names.push_back(std::move(name));
  if (trouble) return Unexpected{{.code = Errc::local_io, .doing = "looking through the receipts in " + text_of(folder_), .cause = trouble}};
  std::ranges::sort(names);
  return names;
}

Result<std::string> ReceiptBook::keep(const KeptReceipt& receipt, UnixTime signed_at) const {
  if (auto made = make_owned_folder(folder_); !made) return Unexpected{std::move(made).error()};
  const auto number = receipt_number(receipt.signed_receipt);
  const auto seconds = std::clamp<std::int64_t>(signed_at.time_since_epoch().count(), 0, 9'999'999'999);
  auto time = std::to_string(seconds);
  time.insert(0, time_digits - time.size(), '0');
  const auto bytes = encode(receipt);
  if (auto written = write_owned_file(folder_ / (time + "-" + number), text_of(bytes), IfPresent::replace); !written) return Unexpected{std::move(written).error()};
  const auto all = file_names();
  if (!all) return Unexpected{all.error()};
  // By the receiver's clock, which may be behind: what was just written stays in any case.
  auto too_many = all->size() > max_receipts ? all->size() - max_receipts : 0;
  for (const auto& name : *all) {
    if (too_many == 0) break;
    if (number_in(name) == number) continue;
    std::error_code ignored;  // there is another time
    fs::remove(folder_ / name, ignored);
    --too_many;
  }
  return number;
}

ReceiptBook::Page ReceiptBook::page(const std::string& file_name) const {
  const auto read = [&]() -> Result<KeptReceipt> {
    const auto file = read_owned_file(folder_ / file_name, max_file);
    if (!file) return Unexpected{file.error()};
    if (!*file) return malformed("it is gone");
    return decode_kept_receipt(bytes_of((*file)->text));
  };
  return {number_in(file_name), read()};
}

Result<std::vector<ReceiptBook::Page>> ReceiptBook::pages() const {
  const auto names = file_names();
  if (!names) return Unexpected{names.error()};
  std::vector<Page> pages;
  for (const auto& name : *names) pages.push_back(page(name));
  return pages;
}

Result<ReceiptBook::Page> ReceiptBook::find(std::string_view number) const {
  const auto names = file_names();
  if (!names) return Unexpected{names.error()};
  const std::string* found = nullptr;
  for (const auto& name : *names) {
    if (number.empty() || !number_in(name).starts_with(number)) continue;
    if (found)
      return Unexpected{{.code = Errc::usage, .doing = "there are several receipts whose number begins with " + std::string{number}, .hint = "Give more of its digits."}};
    found = &name;
  }
  if (!found)
    return Unexpected{{.code = Errc::usage, .doing = "there is no receipt whose number begins with \"" + std::string{number} + "\"", .hint = "`pshare receipts` lists them."}};
  return page(*found);
}

}  // namespace pshare
