#include "traversal/nat/udp_measurement.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "traversal/overloaded.hpp"
#include "traversal/seen_address.hpp"

namespace pshare {

using namespace std::chrono_literals;

StunMessage padded_request(Random& random) {
  StunMessage request{.id = TransactionId::random(random)};
  request.padding = survey_padding;
  return request;
}

std::optional<Endpoint> mapped_address_in(const ReceivedStun& answer, const Endpoint& asked) {
  const auto& message = answer.message;
  if (message.kind != StunClass::success || !answer.not_understood.empty()) return std::nullopt;
  const auto mapped = message.xor_mapped_address ? message.xor_mapped_address : message.mapped_address;
  return mapped && can_be_seen_at(*mapped, asked.address) ? mapped : std::nullopt;
}

UdpMeasurement::Settings UdpMeasurement::settings_for(Duration round_trip) {
  Settings settings;
  settings.transaction.rto = std::clamp<Duration>(round_trip * 3 / 2, 50ms, 500ms);
  settings.patience_for_the_rest = std::max<Duration>(settings.patience_for_the_rest, 2 * settings.transaction.rto);
  return settings;
}

UdpMeasurement::UdpMeasurement(std::vector<Port> locals, std::vector<Endpoint> destinations, Settings settings, Random& random, TimePoint now)
    : locals_(std::move(locals)), destinations_(std::move(destinations)), settings_(settings), random_(random) {
  assert(!locals_.empty() && !destinations_.empty());
  const auto first_volley = std::max<std::size_t>(1, locals_.size() - 1);
  for (std::size_t socket = 0; socket < first_volley; ++socket) ask_from(socket, now);
  if (first_volley < locals_.size()) second_volley_at_ = now + pause_between_volleys;
}

bool UdpMeasurement::arrived(std::size_t socket, const Endpoint& from, const ReceivedStun& received, TimePoint now) {
  for (auto& question : questions_) {
    if (question.socket != socket || question.to != from || !question.transaction.receive(received, now)) continue;
    drain(question, now);
    end_if_due(now);
    return true;
  }
  return false;
}

void UdpMeasurement::expire(TimePoint now) {
  if (ended_) return;
  if (second_volley_at_ && now >= *second_volley_at_) {
    second_volley_at_.reset();
    ask_from(locals_.size() - 1, now);
  }
  for (auto& question : questions_) {
    question.transaction.expire(now);
    drain(question, now);
  }
  end_if_due(now);
}

std::optional<TimePoint> UdpMeasurement::deadline() const {
  if (ended_) return std::nullopt;
  std::optional<TimePoint> earliest;
  const auto consider = [&](std::optional<TimePoint> when) {
    if (when && (!earliest || *when < *earliest)) earliest = when;
  };
  consider(second_volley_at_);
  consider(over_at_);
  for (const auto& question : questions_) consider(question.transaction.deadline());
  return earliest;
}

std::optional<UdpMeasurement::Action> UdpMeasurement::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

std::vector<PortSample> UdpMeasurement::samples() const {
  const auto round_trip = shortest_round_trip();
  std::vector<PortSample> samples;
  for (const auto& question : questions_) {
    if (!question.external) continue;
    // An answer that came sooner than a round trip after the second send answers the first.
    const bool repeated = question.sent_again && *question.answered - *question.sent_again >= *round_trip;
    samples.push_back({.sent = question.sent, .local = locals_[question.socket], .destination = question.to, .external = *question.external, .repeated = repeated});
  }
  return samples;
}

void UdpMeasurement::ask_from(std::size_t socket, TimePoint now) {
  sockets_in_use_ = socket + 1;
  for (const auto& to : destinations_) ask(socket, to, now);
}

void UdpMeasurement::ask(std::size_t socket, const Endpoint& to, TimePoint now) {
  auto& question = questions_.emplace_back(Question{socket, to, {encode(padded_request(random_)), settings_.transaction, now}, now, {}, {}, {}});
  drain(question, now);
}

void UdpMeasurement::note_other_address(const Endpoint& asked, const Endpoint& other, TimePoint now) {
  other_address_ = other;
  const Endpoint there{asked.address, other.port};
  if (!settings_.asks_other_port || destinations_.size() > 1 || other.port == Port{} || there == asked) return;
  destinations_.push_back(there);
  for (std::size_t socket = 0; socket < sockets_in_use_; ++socket) ask(socket, there, now);
}

void UdpMeasurement::drain(Question& question, TimePoint now) {
  while (auto action = question.transaction.take()) {
    std::visit(Overloaded{
                   [&](StunTransaction::Send& send) {
                     if (now > question.sent && !question.sent_again) question.sent_again = now;
                     actions_.emplace_back(Send{question.socket, question.to, std::move(send.bytes)});
                   },
                   [&](const StunTransaction::Answered& answered) { note_answer(question, answered.answer, now); },
                   [](const StunTransaction::TimedOut&) {},
               },
               *action);
  }
}

void UdpMeasurement::note_answer(Question& question, const ReceivedStun& answer, TimePoint now) {
  if (ended_) return;
  question.external = mapped_address_in(answer, question.to);
  if (!question.external) return;
  question.answered = now;
  if (!over_at_) over_at_ = now + settings_.patience_for_the_rest;
  if (reflexive_.emplace(question.socket, *question.external).second)
    actions_.emplace_back(Reflexive{question.socket, *question.external, now - question.sent});
  const auto asked = question.to;
  if (answer.message.other_address) note_other_address(asked, *answer.message.other_address, now);
}

/// One socket that all destinations see alike is enough.
bool UdpMeasurement::is_stable() const {
  if (destinations_.size() < 2) return false;
  std::map<std::size_t, std::size_t> alike;
  for (const auto& question : questions_) {
    if (!question.external) continue;
    if (*question.external != reflexive_.at(question.socket)) return false;
    ++alike[question.socket];
  }
  return std::ranges::any_of(alike, [&](const auto& each) { return each.second == destinations_.size(); });
}

bool UdpMeasurement::all_over() const {
  return !second_volley_at_ && std::ranges::all_of(questions_, [](const Question& question) { return question.transaction.ended(); });
}

void UdpMeasurement::end_if_due(TimePoint now) {
  if (ended_) return;
  const bool enough = over_at_ && now >= *over_at_;
  if (!enough && !is_stable() && !all_over()) return;
  ended_ = true;
  const auto seen = samples();
  auto taken = questions_.front().sent;
  for (const auto& sample : seen) taken = std::max(taken, sample.sent);
  auto forecast = forecast_ports(seen);
  const auto socket = reflexive_.empty() ? 0 : reflexive_.begin()->first;
  if (forecast.kind == PortForecast::Kind::stable) forecast.external = reflexive_.at(socket);
  actions_.emplace_back(Measured{forecast, socket, taken, shortest_round_trip(), other_address_});
}

std::optional<Duration> UdpMeasurement::shortest_round_trip() const {
  std::optional<Duration> shortest;
  for (const auto& question : questions_)
    if (question.answered && (!shortest || *question.answered - question.sent < *shortest)) shortest = *question.answered - question.sent;
  return shortest;
}

}  // namespace pshare
