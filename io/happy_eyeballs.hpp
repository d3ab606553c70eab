// In which order and at which pace several addresses of one host are dialled: RFC 8305, as a core. It knows no socket.
#pragma once

#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "wire/address.hpp"
#include "wire/time.hpp"

namespace pshare {

/// How long an attempt runs alone before the next one starts beside it. RFC 8305 section 5: 250 ms, at least 100 ms.
inline constexpr Duration connection_attempt_delay = std::chrono::milliseconds{250};

/// The same addresses, families alternating, beginning with that of the first (RFC 8305 section 4, First Address Family Count 1).
/// Within a family the order stays.
std::vector<Endpoint> interleaved(std::vector<Endpoint> endpoints);

/// Starts one attempt after the other: the first at once, each further one when the attempt before it has failed or has had its
/// delay. All go on until one succeeds, which is the driver's to notice: it then stops asking.
class HappyEyeballs {
 public:
  struct Dial { std::size_t attempt = 0; };  // an index into what is to be dialled
  struct Exhausted {};                       // every attempt has failed; the last action
  using Action = std::variant<Dial, Exhausted>;

  HappyEyeballs(std::size_t attempts, TimePoint now, Duration delay = connection_attempt_delay);

  /// `more` attempts exist now, numbered on from those that were known. Only before Exhausted.
  void added(std::size_t more, TimePoint now);
  void failed(std::size_t attempt, TimePoint now);
  void expire(TimePoint now);
  std::optional<TimePoint> deadline() const;
  std::optional<Action> take();

 private:
  void start_next(TimePoint now);

  std::size_t attempts_ = 0, started_ = 0, failed_ = 0;
  Duration delay_;
  TimePoint next_start_;
  std::deque<Action> actions_;
};

}  // namespace pshare
