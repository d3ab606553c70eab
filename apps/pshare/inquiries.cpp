#include "apps/pshare/inquiries.hpp"

#include <algorithm>
#include <utility>

#include "traversal/nat/prognosis.hpp"

namespace pshare {

namespace {

/// A contact asks again when there is no answer; more than these are forgotten.
constexpr std::size_t max_waiting = 16;

}  // namespace

NetworkFindings network_of(const Standpoint& standpoint) {
  const auto& survey = standpoint.survey();
  NetworkFindings network{.udp = habit_of(survey.forecast(Transport::udp)), .tcp = habit_of(survey.forecast(Transport::tcp))};
  const auto addresses = standpoint.local_addresses();
  const auto is_ours = [&](const IpAddress& seen) {
    return std::ranges::any_of(addresses, [&](const LocalAddress& each) { return each.address == seen; });
  };
  // Whether the server has IPv6, too, says nothing of the two of us.
  network.ipv6 = std::ranges::any_of(addresses, [](const LocalAddress& each) { return each.address.is_v6() && each.address.scope() == Scope::global; });
  // An address of the internet's may still be behind a firewall; --port is believed.
  for (const auto& seen : standpoint.seen_as()) {
    if (seen.is_v4() && seen.scope() == Scope::global && is_ours(seen)) network.reachable = true;
  }
  network.reachable = network.reachable || standpoint.has_manual_port();
  network.mapped = standpoint.has_mapping(Transport::tcp) || standpoint.has_mapping(Transport::udp);
  return network;
}

Inquiries::Inquiries(Program& program, Correspondence& letters, std::function<std::optional<NetworkFindings>()> network)
    : program_(program), letters_(letters), network_(std::move(network)) {
  letters_.set_on_inquiry([this](Letter letter) { take(std::move(letter)); });
}

Inquiries::~Inquiries() { letters_.set_on_inquiry({}); }

void Inquiries::take(Letter letter) {
  const auto contacts = program_.home.contacts();
  if (!contacts || !contacts->find(letter.from)) return program_.report.detail("Somebody who is no contact asked about your network, and got no answer.");
  if (answer(letter)) return;
  std::erase_if(waiting_, [&](const Letter& each) { return session_of(each.signal) == session_of(letter.signal); });
  if (waiting_.size() < max_waiting) waiting_.push_back(std::move(letter));
}

void Inquiries::answer_the_waiting() {
  std::erase_if(waiting_, [this](const Letter& each) { return answer(each); });
}

bool Inquiries::answer(const Letter& letter) {
  const auto network = network_();
  if (network) letters_.post(letter.from_key, letter.device, Findings{session_of(letter.signal), *network});
  return network.has_value();
}

}  // namespace pshare
