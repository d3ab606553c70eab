// Fuzzes what finds out about NATs: whatever answers a server (or a stranger who guessed a transaction) gives, and whenever, a measurement ends once, sends
// no more than it may, and forecasts what the peer can read.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "traversal/nat/mapping_lifetime.hpp"
#include "traversal/nat/nat_discovery.hpp"
#include "traversal/nat/udp_measurement.hpp"

namespace pshare {
namespace {

const Endpoint primary = *Endpoint::parse("81.2.69.10:4700"), alternate = *Endpoint::parse("81.2.69.10:4701");
const Endpoint other_primary = *Endpoint::parse("81.2.69.11:4700"), other_alternate = *Endpoint::parse("81.2.69.11:4701");

struct Asked {
  std::size_t socket;
  Endpoint to;
  TransactionId id;
};

/// Endpoints near each other or anywhere, of both families, usable or not.
Endpoint endpoint_from(std::uint8_t kind, std::uint16_t port) {
  static const std::array addresses{*IpAddress::parse("81.2.70.2"), *IpAddress::parse("81.2.70.3"), *IpAddress::parse("0.0.0.0"), *IpAddress::parse("2001:db8::1")};
  return {addresses[kind % addresses.size()], Port{port}};
}

/// Plays what the input says against one core. Gives the action that ended it.
template <typename Core, typename End>
End play(Core& core, TimePoint now, ByteReader in) {
  std::vector<Asked> asked;
  std::vector<End> ends;
  std::size_t sends = 0;
  const auto drain = [&] {
    while (auto action = core.take()) {
      if (auto* end = std::get_if<End>(&*action)) ends.push_back(*end);
      const auto* const send = std::get_if<typename Core::Send>(&*action);
      if (send == nullptr) continue;
      const auto request = decode_stun(send->bytes);
      if (!request || request->message.kind != StunClass::request) std::abort();
      asked.push_back({send->socket, send->to, request->message.id});
      ++sends;
    }
  };
  drain();
  while (const auto what = in.u8()) {
    const auto which = in.u8().value_or(0);
    const auto& question = asked[which % asked.size()];
    switch (*what % 4) {
      case 0: {  // any datagram
        const auto datagram = in.bytes(std::min<std::size_t>(in.rest().size(), which));
        if (const auto received = decode_stun(*datagram)) core.arrived(which % 4, primary, *received, now);
        break;
      }
      case 1: {  // an answer, or a request with the same name as ours
        StunMessage message{.kind = static_cast<StunClass>(*what / 4 % 4), .id = question.id};
        message.xor_mapped_address = endpoint_from(in.u8().value_or(0), in.u16().value_or(0));
        if (*what & 0x40) message.other_address = Endpoint{alternate.address, Port{in.u16().value_or(0)}};
        const std::array froms{question.to, alternate, other_primary, other_alternate};
        core.arrived(*what & 0x80 ? question.socket + 1 : question.socket, froms[*what / 16 % 4], {.message = message}, now);
        break;
      }
      case 2: now += std::chrono::milliseconds{which}; break;
      case 3:
        if (const auto due = core.deadline()) now = std::max(now, *due);
        core.expire(now);
        break;
    }
    drain();
  }
  for (int steps = 0; ends.empty(); ++steps) {
    const auto due = core.deadline();
    if (!due || steps > 1000) std::abort();  // it must end by itself
    now = std::max(now, *due);
    core.expire(now);
    drain();
  }
  if (ends.size() != 1 || sends > 200 || core.deadline()) std::abort();
  return ends.front();
}

void check(const PortForecast& forecast) {
  if (forecast.kind == PortForecast::Kind::unknown || forecast.kind == PortForecast::Kind::blocked) return;
  if (forecast_from(encode(forecast)) != forecast) std::abort();
}

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto input = std::as_bytes(std::span{data, size});
  const TimePoint start{std::chrono::hours{1}};
  SeededRandom random{1};
  const auto choice = input.empty() ? 0u : std::to_integer<unsigned>(input.front());
  const ByteReader rest{input.subspan(input.empty() ? 0 : 1)};
  if (choice >= 0xE0) {
    using namespace std::chrono_literals;
    LifetimeMeasurement lifetime{{1s, 20s, 28s}, primary, {}, random, start};
    play<LifetimeMeasurement, LifetimeMeasurement::Measured>(lifetime, start, rest);
  } else if (choice % 2 == 0) {
    std::vector<Port> locals{Port{40'001}, Port{40'002}, Port{40'003}};
    locals.resize(choice / 2 % 2 == 0 ? 3 : 1);
    std::vector<Endpoint> destinations{primary, alternate, other_alternate};
    destinations.resize(1 + choice / 4 % 3);
    UdpMeasurement::Settings settings;
    settings.asks_other_port = choice & 0x40;
    UdpMeasurement measurement{locals, destinations, settings, random, start};
    check(play<UdpMeasurement, UdpMeasurement::Measured>(measurement, start, rest).forecast);
  } else {
    std::array<Endpoint, NatDiscovery::sockets> locals;
    for (std::size_t i = 0; i < locals.size(); ++i) locals[i] = {*IpAddress::parse("192.168.1.2"), Port{static_cast<std::uint16_t>(40'001 + i)}};
    NatDiscovery discovery{locals, {primary, alternate.port, choice & 2 ? std::optional{other_primary.address} : std::nullopt}, {}, random, start};
    play<NatDiscovery, NatDiscovery::Found>(discovery, start, rest);
  }
  return 0;
}
