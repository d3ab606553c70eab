#include "relay/code_desk.hpp"

#include <algorithm>

#include "wire/control.hpp"

namespace pshare {

namespace {

Unexpected refuse(Errc code, std::string words) { return Unexpected{{.code = code, .doing = std::move(words)}}; }

template <typename Key>
void count_down(std::map<Key, std::size_t>& counts, const Key& key) {
  if (const auto found = counts.find(key); --found->second == 0) counts.erase(found);
}

}  // namespace

bool CodeDesk::is_free(std::uint64_t number, const PeerId& asker) const {
  if (codes_.contains(number)) return false;
  const auto rests = resting_.find(number);
  return rests == resting_.end() || rests->second.kept_for == asker;
}

/// Of the shortest numbers of which few enough are in use or at rest.
std::uint64_t CodeDesk::choose() {
  const auto used = codes_.size() + resting_.size();
  auto end = smallest_code_number * 10;
  while (end - smallest_code_number < used * numbers_for_each_code && end <= largest_code_number) end *= 10;
  for (;;) {
    const auto number = smallest_code_number + random_.below(end - smallest_code_number);
    if (!codes_.contains(number) && !resting_.contains(number)) return number;
  }
}

void CodeDesk::let_rest(std::uint64_t number, std::optional<PeerId> kept_for, TimePoint now) {
  if (resting_.size() >= max_resting_numbers) {
    resting_.erase(resting_by_end_.begin()->second);
    resting_by_end_.erase(resting_by_end_.begin());
  }
  resting_.emplace(number, Resting{kept_for, now + code_number_rest});
  resting_by_end_.emplace(now + code_number_rest, number);
}

Result<std::uint64_t> CodeDesk::open(const Person& host, std::uint64_t wish, TimePoint now) {
  if (codes_.size() >= max_open_codes) return refuse(Errc::busy, "too many codes are open at this server; try again later");
  if (const auto count = of_key_.find(host.id); count != of_key_.end() && count->second >= max_open_codes_of_a_key)
    return refuse(Errc::limit, "you have too many codes open at once; end some of those programs");
  if (const auto count = of_address_.find(host.subscriber); count != of_address_.end() && count->second >= max_open_codes_of_an_address)
    return refuse(Errc::limit, "too many codes are open from your address; try again later");
  if (!opens_of_keys_.allow(host.id, now)) return refuse(Errc::limit, "you have asked for too many codes; wait a minute");
  if (!opens_.allow(host.subscriber, now)) return refuse(Errc::limit, "too many codes were asked for from your address; wait a minute");
  const bool wish_fits = wish >= smallest_code_number && wish <= largest_code_number && is_free(wish, host.id);
  const auto number = wish_fits ? wish : choose();
  if (const auto rests = resting_.find(number); rests != resting_.end()) {
    resting_by_end_.erase({rests->second.until, number});
    resting_.erase(rests);
  }
  codes_.emplace(number, Entry{.host = host});
  of_device_[host.device].insert(number);
  ++of_key_[host.id];
  ++of_address_[host.subscriber];
  return number;
}

Result<DeviceId> CodeDesk::join(const Person& guest, std::uint64_t number, TimePoint now) {
  if (!misses_.would_allow(guest.subscriber, now))
    return refuse(Errc::limit, "too many codes that do not exist were tried from your address; wait some minutes");
  if (!joins_of_keys_.allow(guest.id, now)) return refuse(Errc::limit, "you have tried too many codes; wait a minute");
  if (!joins_.allow(guest.subscriber, now)) return refuse(Errc::limit, "too many codes were tried from your address; wait a minute");
  const auto code = codes_.find(number);
  if (code == codes_.end() || code->second.guest || code->second.host.device == guest.device) {
    misses_.allow(guest.subscriber, now);
    return refuse(Errc::unknown_peer, "no such code is open here: it was never given out, or has been used, or its owner has gone");
  }
  code->second.guest = guest.device;
  code->second.until = now + code_exchange_patience;
  by_deadline_.emplace(*code->second.until, number);
  of_device_[guest.device].insert(number);
  return code->second.host.device;
}

Result<DeviceId> CodeDesk::pass(DeviceId from, std::uint64_t number) {
  const auto code = codes_.find(number);
  const auto gone = [] { return refuse(Errc::unknown_peer, "the other side of this code is not there any more"); };
  if (code == codes_.end() || !code->second.guest) return gone();
  auto& entry = code->second;
  const bool by_host = entry.host.device == from;
  if (!by_host && entry.guest != from) return gone();
  if (++(by_host ? entry.by_host : entry.by_guest) > max_code_messages) return refuse(Errc::limit, "more messages than two who meet by a code have to say");
  return by_host ? *entry.guest : entry.host.device;
}

std::optional<CodeDesk::Left> CodeDesk::end(Codes::iterator entry, DeviceId device, bool may_come_back, TimePoint now) {
  const auto number = entry->first;
  const auto& [host, guest, until, by_host, by_guest] = entry->second;
  const bool by_its_host = host.device == device;
  std::optional<Left> other;
  if (guest) other = Left{by_its_host ? *guest : host.device, number};
  for (const auto each : {host.device, guest.value_or(host.device)})
    if (const auto numbers = of_device_.find(each); numbers != of_device_.end()) {
      numbers->second.erase(number);
      if (numbers->second.empty()) of_device_.erase(numbers);
    }
  count_down(of_key_, host.id);
  count_down(of_address_, host.subscriber);
  if (until) by_deadline_.erase({*until, number});
  // Whoever has had a guest has had the one guess.
  let_rest(number, may_come_back && by_its_host && !guest ? std::optional{host.id} : std::nullopt, now);
  codes_.erase(entry);
  return other;
}

std::optional<CodeDesk::Left> CodeDesk::close(DeviceId device, std::uint64_t number, TimePoint now) {
  const auto code = codes_.find(number);
  if (code == codes_.end() || (code->second.host.device != device && code->second.guest != device)) return std::nullopt;
  return end(code, device, false, now);
}

std::vector<CodeDesk::Left> CodeDesk::gone(DeviceId device, TimePoint now) {
  std::vector<Left> others;
  for (auto numbers = of_device_.find(device); numbers != of_device_.end(); numbers = of_device_.find(device))
    if (const auto other = end(codes_.find(*numbers->second.begin()), device, true, now)) others.push_back(*other);
  return others;
}

std::vector<CodeDesk::Left> CodeDesk::expire(TimePoint now) {
  std::vector<Left> left;
  while (!by_deadline_.empty() && by_deadline_.begin()->first <= now) {
    const auto code = codes_.find(by_deadline_.begin()->second);
    const auto number = code->first;
    const auto host = code->second.host.device;
    if (const auto guest = end(code, host, false, now)) left.push_back(*guest);
    left.push_back({host, number});
  }
  while (!resting_by_end_.empty() && resting_by_end_.begin()->first <= now) {
    resting_.erase(resting_by_end_.begin()->second);
    resting_by_end_.erase(resting_by_end_.begin());
  }
  return left;
}

std::optional<TimePoint> CodeDesk::deadline() const { return by_deadline_.empty() ? std::nullopt : std::optional{by_deadline_.begin()->first}; }

}  // namespace pshare
