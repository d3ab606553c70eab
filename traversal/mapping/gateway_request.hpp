// One request to a gateway over UDP, until it is answered: when it is to be sent again. As NAT-PMP has it (RFC 6886 section 3.1): after
// 250 ms, and each wait twice the last, nine sends in all. PCP would begin at 3 s (RFC 6887 section 8.1.1), which is longer than a
// person wants to wait for a lost packet; it keeps its doubling and its random part.
#pragma once

#include <chrono>

#include "wire/bytes.hpp"
#include "wire/random.hpp"
#include "wire/time.hpp"

namespace pshare {

class GatewayRequest {
 public:
  // RFC 6886 section 3.1.
  static constexpr Duration first_wait = std::chrono::milliseconds{250};
  static constexpr int sends = 9;
  // RFC 6887 section 8.1.1: RAND, in percent.
  static constexpr int jitter = 10;

  /// Is due at once. Without `random` waits are exact. `random` lives longer.
  GatewayRequest(ByteBuffer bytes, TimePoint now, Random* random = nullptr, Duration wait = first_wait)
      : bytes_(std::move(bytes)), random_(random), due_(now), wait_(wait) {}

  const ByteBuffer& bytes() const { return bytes_; }
  TimePoint due() const { return due_; }
  /// When it is due: counts a send, or says that there is to be none any more.
  bool send(TimePoint now) {
    if (sent_ == sends) return false;
    ++sent_;
    auto wait = wait_;
    if (random_ != nullptr) wait += wait_ * (static_cast<int>(random_->below(2 * jitter + 1)) - jitter) / 100;
    due_ = now + wait;
    wait_ *= 2;
    return true;
  }

 private:
  ByteBuffer bytes_;
  Random* random_;
  TimePoint due_;
  Duration wait_;
  int sent_ = 0;
};

}  // namespace pshare
