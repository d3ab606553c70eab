// Where randomness comes from: the system in programs (secure/random_source.hpp), a printed seed in tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <span>

namespace pshare {

/// A source of random bytes that also serves as a C++ UniformRandomBitGenerator.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> out) = 0;

  using result_type = std::uint64_t;
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()() {
    result_type number = 0;
    fill(std::as_writable_bytes(std::span{&number, 1}));
    return number;
  }

  /// Uniform in [0, bound). `bound` is at least 1.
  std::uint64_t below(std::uint64_t bound) { return std::uniform_int_distribution<std::uint64_t>{0, bound - 1}(*this); }
};

/// The same bytes for the same seed. For tests and simulations only.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::byte> out) override {
    for (auto& byte : out) byte = static_cast<std::byte>(engine_());
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace pshare
