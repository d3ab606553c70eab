#include "traversal/nat/nat_discovery.hpp"

#include <algorithm>
#include <utility>

#include "traversal/nat/udp_measurement.hpp"
#include "traversal/overloaded.hpp"

namespace pshare {

using enum Dependence;

namespace {

constexpr std::size_t for_mapping = 0, for_filtering = 1;

}  // namespace

NatDiscovery::NatDiscovery(std::array<Endpoint, sockets> locals, Server server, Settings settings, Random& random, TimePoint now)
    : locals_(locals), server_(server), settings_(settings), random_(random) {
  const auto ask_plainly = [&](Test test, std::size_t socket, const Endpoint& to) { ask(test, socket, to, std::nullopt, to, now); };
  ask_plainly(Test::mapping, for_mapping, server_.primary);
  ask_plainly(Test::mapping_port, for_mapping, {server_.primary.address, server_.alternate_port});
  if (const auto other = server_.alternate_address) {
    ask_plainly(Test::mapping_address, for_mapping, {*other, server_.primary.port});
    ask_plainly(Test::mapping_both, for_mapping, {*other, server_.alternate_port});
  }
  ask_plainly(Test::filter, for_filtering, server_.primary);
  ask_plainly(Test::external_2, 2, server_.primary);
  ask_plainly(Test::external_3, 3, server_.primary);
}

bool NatDiscovery::arrived(std::size_t socket, const Endpoint& from, const ReceivedStun& received, TimePoint now) {
  for (auto& [test, question] : questions_) {
    const bool hairpin = test == Test::hairpin_2 || test == Test::hairpin_3;
    if (hairpin && received.message.kind == StunClass::request) {
      if (received.message.id != question.transaction.id() || socket == question.socket) continue;
      question.seen_from = from;
      end_if_over();
      return true;
    }
    if (hairpin || socket != question.socket || received.message.id != question.transaction.id()) continue;
    if (from != question.answer_from && from != question.to) return false;
    if (!question.transaction.receive(received, now)) return false;
    // A server that does not do as it was asked answers from where it was asked.
    if (from == question.answer_from) question.mapped = mapped_address_in(received, question.to);
    question.refused = !question.mapped;
    drain(question, now);
    go_on(now);
    end_if_over();
    return true;
  }
  return false;
}

void NatDiscovery::expire(TimePoint now) {
  if (ended_) return;
  for (auto& [test, question] : questions_) {
    question.transaction.expire(now);
    drain(question, now);
  }
  end_if_over();
}

std::optional<TimePoint> NatDiscovery::deadline() const {
  std::optional<TimePoint> earliest;
  if (ended_) return earliest;
  for (const auto& [test, question] : questions_) {
    const auto due = question.transaction.deadline();
    if (due && (!earliest || *due < *earliest)) earliest = due;
  }
  return earliest;
}

std::optional<NatDiscovery::Action> NatDiscovery::take() {
  if (actions_.empty()) return std::nullopt;
  auto action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

void NatDiscovery::ask(Test test, std::size_t socket, const Endpoint& to, std::optional<ChangeRequest> change, const Endpoint& answer_from, TimePoint now) {
  auto request = padded_request(random_);
  request.change_request = change;
  const auto [place, fresh] = questions_.try_emplace(test, Question{socket, to, answer_from, {encode(request), settings_.transaction, now}, {}, {}});
  if (fresh) drain(place->second, now);
}

void NatDiscovery::drain(Question& question, TimePoint /*now*/) {
  while (auto action = question.transaction.take())
    if (auto* send = std::get_if<StunTransaction::Send>(&*action)) actions_.emplace_back(Send{question.socket, question.to, std::move(send->bytes)});
}

/// What has to wait for an answer to something else.
void NatDiscovery::go_on(TimePoint now) {
  if (mapped(Test::filter)) {
    const auto& primary = server_.primary;
    ask(Test::filter_port, for_filtering, primary, ChangeRequest{.address = false, .port = true}, {primary.address, server_.alternate_port}, now);
    if (const auto other = server_.alternate_address)
      ask(Test::filter_both, for_filtering, primary, ChangeRequest{.address = true, .port = true}, {*other, server_.alternate_port}, now);
  }
  const auto second = mapped(Test::external_2), third = mapped(Test::external_3);
  if (!second || !third || *second == locals_[2]) return;
  ask(Test::hairpin_2, 2, *third, std::nullopt, *third, now);
  ask(Test::hairpin_3, 3, *second, std::nullopt, *second, now);
}

void NatDiscovery::end_if_over() {
  const auto is_over = [](const auto& each) { return each.second.transaction.ended() || each.second.seen_from; };
  if (ended_ || !std::ranges::all_of(questions_, is_over)) return;
  ended_ = true;
  actions_.emplace_back(Found{behaviour()});
}

const NatDiscovery::Question* NatDiscovery::at(Test test) const {
  const auto found = questions_.find(test);
  return found == questions_.end() ? nullptr : &found->second;
}

std::optional<Endpoint> NatDiscovery::mapped(Test test) const {
  const auto* const question = at(test);
  return question != nullptr ? question->mapped : std::nullopt;
}

bool NatDiscovery::went_unanswered(Test test) const {
  const auto* const question = at(test);
  return question != nullptr && !question->mapped && !question->refused;
}

std::optional<DependenceRange> NatDiscovery::mapping() const {
  const auto first = mapped(Test::mapping);
  if (!first) return std::nullopt;
  if (*first == locals_[for_mapping]) return exactly(endpoint_independent);
  const auto port = mapped(Test::mapping_port), address = mapped(Test::mapping_address), both = mapped(Test::mapping_both);
  if (port && *port != *first) return exactly(address_and_port_dependent);
  if (address) {
    if (*address == *first) return exactly(endpoint_independent);
    if (both) return exactly(*both == *address ? address_dependent : address_and_port_dependent);
    return port ? exactly(address_dependent) : DependenceRange{address_dependent, address_and_port_dependent};
  }
  if (port) return DependenceRange{endpoint_independent, address_dependent};
  return std::nullopt;
}

/// Silence is the filter's doing only where the server has shown that it can be heard from there.
std::optional<DependenceRange> NatDiscovery::filtering() const {
  if (!mapped(Test::filter)) return std::nullopt;
  if (mapped(Test::filter_both)) return exactly(endpoint_independent);
  const bool both_filtered = went_unanswered(Test::filter_both) && mapped(Test::mapping_both);
  if (mapped(Test::filter_port)) return both_filtered ? exactly(address_dependent) : DependenceRange{endpoint_independent, address_dependent};
  if (went_unanswered(Test::filter_port) && mapped(Test::mapping_port)) return exactly(address_and_port_dependent);
  if (both_filtered) return DependenceRange{address_dependent, address_and_port_dependent};
  return std::nullopt;
}

std::optional<Hairpinning> NatDiscovery::hairpinning() const {
  for (const auto test : {Test::hairpin_2, Test::hairpin_3}) {
    const auto* const question = at(test);
    if (question == nullptr || !question->seen_from) continue;
    return *question->seen_from == locals_[question->socket] ? Hairpinning::internal_source : Hairpinning::external_source;
  }
  // Where every destination gets a mapping of its own, neither socket was to be found where the other sent to.
  const bool could_be_seen = at(Test::hairpin_2) != nullptr && mapping() && mapping()->at_most != address_and_port_dependent;
  return could_be_seen ? std::optional{Hairpinning::none} : std::nullopt;
}

NatBehaviour NatDiscovery::behaviour() const {
  NatBehaviour found;
  const std::array firsts{Test::mapping, Test::filter, Test::external_2, Test::external_3};
  bool preserved = true;
  for (std::size_t socket = 0; socket < sockets; ++socket) {
    const auto external = mapped(firsts[socket]);
    if (!external) continue;
    if (!found.external) found.external = external;
    if (!found.translates) found.translates = *external != locals_[socket];
    preserved = preserved && external->port == locals_[socket].port;
  }
  if (found.external) found.preserves_ports = preserved;
  found.mapping = mapping();
  found.filtering = filtering();
  found.hairpinning = hairpinning();
  return found;
}

}  // namespace pshare
