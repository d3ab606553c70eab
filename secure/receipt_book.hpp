// The receipts that others have given us, as they signed them: one small file for each in a folder of its own, for their owner alone.
//
//    u8 version (1) | signed receipt 270 (wire/receipt.hpp) | up to 8 top-level names, each: u16 length, the name
//
// The names are a note of ours, so that a list can be read; what the receiver has signed is their digest. A file is called
// TIME-DIGEST: Unix seconds of signing, ten digits, and the receipt's number.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "wire/receipt.hpp"
#include "wire/result.hpp"

namespace pshare {

struct KeptReceipt {
  ByteBuffer signed_receipt;
  std::vector<std::string> names;  // as they were sent
  friend bool operator==(const KeptReceipt&, const KeptReceipt&) = default;
};

/// Errors: malformed (torn, longer than such files are, more names than are noted).
Result<KeptReceipt> decode_kept_receipt(ByteView file);
ByteBuffer encode(const KeptReceipt& kept);

/// By which people name it: the first 16 hexadecimal digits of its SHA-256.
std::string receipt_number(ByteView signed_receipt);

class ReceiptBook {
 public:
  /// So many are kept; then the oldest goes.
  static constexpr std::size_t max_receipts = 1000;
  static constexpr std::size_t max_file = 4096;
  static constexpr std::size_t max_names = 8, max_name = 255;

  /// Nothing is made before there is a receipt to keep.
  explicit ReceiptBook(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// Gives its number. Errors: local_io.
  Result<std::string> keep(const KeptReceipt& receipt, UnixTime signed_at) const;

  /// A file of the folder, which may have come to harm.
  struct Page {
    std::string number;              // as its name says
    Result<KeptReceipt> receipt;     // not checked
  };
  /// In the order in which they were signed. Errors: local_io.
  Result<std::vector<Page>> pages() const;
  /// The one whose number begins so. Errors: usage (none, or several), local_io.
  Result<Page> find(std::string_view number) const;

 private:
  Result<std::vector<std::string>> file_names() const;  // sorted: oldest first
  Page page(const std::string& file_name) const;

  std::filesystem::path folder_;
};

}  // namespace pshare
