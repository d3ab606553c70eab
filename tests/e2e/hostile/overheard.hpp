// What hostile programs were told in clear, or have read of what was sealed: kept in a file, for the tests to look through.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "wire/bytes.hpp"
#include "wire/ids.hpp"

namespace pshare::hostile {

/// What was heard in clear, appended to a file; and to another one, PATH.codes, what those say to each other who meet by a code: "DEVICE VERB NUMBER HEX".
class Overheard {
 public:
  explicit Overheard(const std::string& path);
  void note(ByteView bytes);
  void note_code(DeviceId from, std::string_view verb, std::uint64_t number, ByteView body);
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_, codes_;
};

}  // namespace pshare::hostile
