#include "relay/admission.hpp"

#include <algorithm>

#include "wire/subscriber.hpp"

namespace pshare {

namespace {

/// What one customer of a provider, or one rented rack, often has as a whole.
IpAddress neighbourhood_of(const IpAddress& address) {
  const auto bytes = address.bytes();
  if (address.is_v4()) {
    IpAddress::V4 prefix{};
    std::ranges::copy(bytes.first(3), prefix.begin());
    return IpAddress{prefix};
  }
  IpAddress::V6 prefix{};
  std::ranges::copy(bytes.first(6), prefix.begin());
  return IpAddress{prefix};
}

void count_down(std::map<IpAddress, std::size_t>& counts, const IpAddress& of) {
  const auto count = counts.find(of);
  if (--count->second == 0) counts.erase(count);
}

}  // namespace

Admission::Arrival Admission::arrived(const IpAddress& from, TimePoint now) {
  const auto subscriber = subscriber_of(from);
  const auto neighbourhood = neighbourhood_of(from);
  if (const auto count = of_address_.find(subscriber); count != of_address_.end() && count->second >= max_half_open_of_an_address)
    return {Verdict::too_many_of_the_address};
  std::optional<std::uint64_t> closes;
  if (places_.size() >= max_half_open && !(closes = who_gives_way(neighbourhood))) return {Verdict::too_many};
  if (!handshakes_.allow(subscriber, now)) return {Verdict::too_often};
  if (closes) proven_or_gone(*closes);
  const auto number = next_number_++;
  places_.emplace(number, Place{subscriber, neighbourhood});
  ++of_address_[subscriber];
  ++of_neighbourhood_[neighbourhood];
  return {Verdict::admitted, number, closes};
}

std::optional<std::uint64_t> Admission::who_gives_way(const IpAddress& neighbourhood) const {
  const auto by_count = [](const auto& one, const auto& other) { return one.second < other.second; };
  const auto most = std::ranges::max_element(of_neighbourhood_, by_count);
  const auto ours = of_neighbourhood_.find(neighbourhood);
  const auto would_have = 1 + (ours == of_neighbourhood_.end() ? 0 : ours->second);
  if (most == of_neighbourhood_.end() || most->second <= would_have) return std::nullopt;
  const auto oldest = std::ranges::find_if(places_, [&](const auto& each) { return each.second.neighbourhood == most->first; });
  return oldest->first;
}

void Admission::proven_or_gone(std::uint64_t number) {
  const auto place = places_.find(number);
  if (place == places_.end()) return;  // it has made room
  count_down(of_address_, place->second.subscriber);
  count_down(of_neighbourhood_, place->second.neighbourhood);
  places_.erase(place);
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
