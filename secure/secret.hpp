// A secret of N bytes: wiped when it goes, compared in constant time, and without any way to print it.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace pshare {

void wipe(std::span<std::byte> bytes);
bool equal_in_constant_time(std::span<const std::byte> a, std::span<const std::byte> b);

template <std::size_t N>
class Secret {
 public:
  Secret() = default;
  explicit Secret(const std::array<std::byte, N>& bytes) : bytes_(bytes) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) bytes_ = other.bytes_, wipe(other.bytes_);
    return *this;
  }
  ~Secret() { wipe(bytes_); }

  std::span<const std::byte, N> reveal() const { return bytes_; }
  std::span<std::byte, N> fill() { return bytes_; }
  friend bool operator==(const Secret& a, const Secret& b) { return equal_in_constant_time(a.bytes_, b.bytes_); }

 private:
  std::array<std::byte, N> bytes_{};
};

}  // namespace pshare
