#include "relay/admission.hpp"

#include <cassert>

#include "wire/subscriber.hpp"

namespace pshare {

Admission::Verdict Admission::arrived(const IpAddress& from, TimePoint now) {
  const auto subscriber = subscriber_of(from);
  if (total_ >= max_half_open) return Verdict::too_many;
  if (const auto count = of_address_.find(subscriber); count != of_address_.end() && count->second >= max_half_open_of_an_address)
    return Verdict::too_many_of_the_address;
  if (!handshakes_.allow(subscriber, now)) return Verdict::too_often;
  ++total_;
  ++of_address_[subscriber];
  return Verdict::admitted;
}

void Admission::proven_or_gone(const IpAddress& from) {
  const auto count = of_address_.find(subscriber_of(from));
  assert(count != of_address_.end());
  --total_;
  if (--count->second == 0) of_address_.erase(count);
}

std::string_view word(Admission::Verdict verdict) {
  switch (verdict) {
    case Admission::Verdict::admitted: return "admitted";
    case Admission::Verdict::too_many: return "too-many-half-open";
    case Admission::Verdict::too_many_of_the_address: return "too-many-half-open-of-the-address";
    case Admission::Verdict::too_often: return "too-often";
  }
  return "admitted";
}

}  // namespace pshare
