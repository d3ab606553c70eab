// Whether a gateway has forgotten our mappings, told by the clock that it sends along: "seconds since start of epoch" in NAT-PMP
// (RFC 6886 section 3.6), "epoch time" in PCP (RFC 6887 section 8.5). Both allow for clocks that run differently, each in its own way.
#pragma once

#include <chrono>
#include <optional>

#include "wire/time.hpp"

namespace pshare {

class Epoch {
 public:
  enum class Rule { nat_pmp, pcp };
  explicit Epoch(Rule rule) : rule_(rule) {}

  /// What an answer said. True: since the last one the gateway has lost its state.
  bool has_begun_anew(std::chrono::seconds told, TimePoint now);

 private:
  struct Heard { std::chrono::seconds told; TimePoint at; };
  bool fits(std::chrono::seconds told, TimePoint now) const;

  Rule rule_;
  std::optional<Heard> last_;
};

}  // namespace pshare
