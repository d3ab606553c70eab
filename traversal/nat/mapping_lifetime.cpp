#include "traversal/nat/mapping_lifetime.hpp"

#include <algorithm>
#include <utility>

#include "traversal/nat/udp_measurement.hpp"

namespace pshare {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t asker = 0;

}  // namespace

// A little less than the round numbers that NATs have: asking again after a loss takes up to two seconds.
std::vector<Duration> lifetimes_to_try(Duration limit) {
  std::vector<Duration> all{10s, 20s, 28s, 45s, 58s, 90s, 118s, 150s, 178s, 240s, 298s, 420s, 600s};
  std::erase_if(all, [&](Duration each) { return each > limit; });
  return all;
}

LifetimeMeasurement::LifetimeMeasurement(std::vector<Duration> waits, Endpoint server, Settings settings, Random& random, TimePoint now)
    : server_(server), settings_(settings), random_(random) {
  mappings_.reserve(waits.size());
  for (const auto wait : waits) {
    auto& mapping = mappings_.emplace_back(Mapping{.wait = wait, .making = {encode(padded_request(random_)), settings_.transaction, now}});
    drain(mapping.making, mappings_.size());
  }
  end_if_over();
}

bool LifetimeMeasurement::arrived(std::size_t socket, const Endpoint& from, const ReceivedStun& received, TimePoint now) {
  if (from != server_) return false;
  for (std::size_t i = 0; i < mappings_.size(); ++i) {
    auto& mapping = mappings_[i];
    if (socket == i + 1 && mapping.making.receive(received, now)) {
      if (mapping.external || mapping.looking) return true;
      mapping.external = mapped_address_in(received, server_);
      if (mapping.external) mapping.look_at = now + mapping.wait;
      end_if_over();
      return true;
    }
    if (!mapping.looking || (socket != i + 1 && socket != asker) || !mapping.looking->receive(received, now)) continue;
    if (socket == asker) understood_ = false;  // an error, or it does not know RESPONSE-PORT
    else if (received.message.kind == StunClass::success) mapping.lives = true;
    end_if_over();
    return true;
  }
  return false;
}

void LifetimeMeasurement::expire(TimePoint now) {
  if (ended_) return;
  for (std::size_t i = 0; i < mappings_.size(); ++i) {
    auto& mapping = mappings_[i];
    mapping.making.expire(now);
    drain(mapping.making, i + 1);
    if (mapping.look_at && now >= *mapping.look_at) {
      mapping.look_at.reset();
      auto request = padded_request(random_);
      request.response_port = mapping.external->port;
      mapping.looking.emplace(encode(request), settings_.transaction, now);
    }
    if (!mapping.looking) continue;
    mapping.looking->expire(now);
    drain(*mapping.looking, asker);
  }
  end_if_over();
}

std::optional<TimePoint> LifetimeMeasurement::deadline() const {
  std::optional<TimePoint> earliest;
  if (ended_) return earliest;
  for (const auto& mapping : mappings_)
    for (const auto& due : {mapping.making.deadline(), mapping.look_at, mapping.looking ? mapping.looking->deadline() : std::nullopt})
      if (due && (!earliest || *due < *earliest)) earliest = due;
  return earliest;
}

std::optional<LifetimeMeasurement::Action> LifetimeMeasurement::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

void LifetimeMeasurement::drain(StunTransaction& transaction, std::size_t socket) {
  while (auto action = transaction.take())
    if (auto* send = std::get_if<StunTransaction::Send>(&*action)) actions_.emplace_back(Send{socket, server_, std::move(send->bytes)});
}

void LifetimeMeasurement::end_if_over() {
  if (ended_ || (understood_ && !std::ranges::all_of(mappings_, &Mapping::is_over))) return;
  ended_ = true;
  std::optional<MappingLifetime> lifetime;
  if (understood_)
    for (const auto& mapping : mappings_) {
      if (!mapping.external) continue;
      if (!lifetime) lifetime.emplace();
      if (mapping.lives) lifetime->at_least = std::max(lifetime->at_least, mapping.wait);
    }
  for (const auto& mapping : mappings_)
    if (lifetime && mapping.external && !mapping.lives && mapping.wait > lifetime->at_least)
      lifetime->less_than = std::min(lifetime->less_than.value_or(mapping.wait), mapping.wait);
  actions_.emplace_back(Measured{lifetime});
}

}  // namespace pshare
