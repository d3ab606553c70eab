// An open file or folder, as the system knows it.
#pragma once

#include <utility>

namespace pshare {

/// Closed with its owner.
class Handle {
 public:
#ifdef _WIN32
  using Native = void*;  // a HANDLE
  static inline const Native none = nullptr;
#else
  using Native = int;  // a descriptor
  static constexpr Native none = -1;
#endif

  Handle() = default;
  explicit Handle(Native native) : native_(native) {}
  Handle(Handle&& other) noexcept : native_(std::exchange(other.native_, none)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(native_, other.native_);
    return *this;
  }
  ~Handle();

  explicit operator bool() const { return native_ != none; }
  Native native() const { return native_; }

 private:
  Native native_ = none;
};

}  // namespace pshare
