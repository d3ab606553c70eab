#include "traversal/stun_transaction.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace pshare {

StunTransaction::StunTransaction(ByteBuffer request, Settings settings, TimePoint now)
    : request_(std::move(request)), asked_(decode_stun(request_).value().message), settings_(settings) {
  assert(asked_.kind == StunClass::request && settings.sends >= 1 && settings.longest_wait >= settings.rto);
  send(settings_.rto, settings_.sends - 1, now);
}

bool StunTransaction::receive(const ReceivedStun& received, TimePoint /*now*/) {
  const auto& message = received.message;
  const bool answers = message.kind == StunClass::success || message.kind == StunClass::error;
  if (!answers || message.method != asked_.method || message.id != asked_.id || message.cookie != asked_.cookie) return false;
  if (ended()) return true;
  state_ = Over{};
  actions_.emplace_back(Answered{received});
  return true;
}

bool StunTransaction::receive(ByteView datagram, TimePoint now) {
  const auto received = decode_stun(datagram);
  return received && receive(*received, now);
}

void StunTransaction::expire(TimePoint now) {
  const auto* const waiting = std::get_if<Waiting>(&state_);
  if (waiting == nullptr || now < waiting->until) return;
  if (waiting->sends_left > 0) {
    send(std::min(2 * waiting->wait, settings_.longest_wait), waiting->sends_left - 1, now);
  } else {
    state_ = Over{};
    actions_.emplace_back(TimedOut{});
  }
}

std::optional<TimePoint> StunTransaction::deadline() const {
  const auto* const waiting = std::get_if<Waiting>(&state_);
  return waiting != nullptr ? std::optional{waiting->until} : std::nullopt;
}

std::optional<StunTransaction::Action> StunTransaction::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

void StunTransaction::send(Duration wait, int sends_left, TimePoint now) {
  const auto until = now + (sends_left > 0 ? wait : settings_.last_wait * settings_.rto);
  state_ = Waiting{.until = until, .wait = wait, .sends_left = sends_left};
  actions_.emplace_back(Send{request_});
}

}  // namespace pshare
