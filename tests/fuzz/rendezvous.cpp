// Fuzzes the rendezvous: clients who say what they like, in whatever order, from the same addresses and other ones. An input is a run of steps. Whatever they
// are, everybody is told what he can read, nobody who is not there is told anything, and nothing goes on without end.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <vector>

#include "relay/rendezvous.hpp"
#include "steps.hpp"
#include "wire/framing.hpp"

namespace pshare {
namespace {

class Server {
 public:
  explicit Server(Steps steps) : steps_(steps), rendezvous_(store_, settings()) {}

  void run() {
    while (steps_.any()) {
      step();
      drain();
      rendezvous_.expire(now_);
      drain();
      const auto due = rendezvous_.deadline();
      demand(!due || *due > now_);  // else its driver would go round in circles
      demand(rendezvous_.clients() <= most_clients);
    }
  }

 private:
  static constexpr std::size_t most_clients = 6;
  static constexpr UnixTime wall{std::chrono::seconds{1'800'000'000}};

  Rendezvous::Settings settings() {
    const auto how = steps_.next();
    Rendezvous::Settings settings{.max_clients = most_clients, .agent = "pshare-server", .notice = how & 1 ? "hello" : ""};
    settings.dials_back = (how & 2) != 0;
    if (how & 4) settings.tickets = &office_;
    settings.relays = (how & 8) != 0;
    if (how & 32) settings.random = &random_;
    if (how & 16) settings.addresses = std::pair{*IpAddress::parse("203.0.113.1"), *IpAddress::parse("203.0.113.2")};
    return settings;
  }

  static PublicKey key(unsigned which) {
    PublicKey key;
    key.bytes[0] = static_cast<std::byte>(which % 4 + 1);
    return key;
  }
  static IpAddress address(unsigned which) {
    return which & 4 ? IpAddress{IpAddress::V6{std::byte{0x20}, std::byte{1}, {}, static_cast<std::byte>(which & 3)}}
                     : IpAddress{IpAddress::V4{std::byte{81}, std::byte{2}, std::byte{71}, static_cast<std::byte>(which & 3)}};
  }
  PeerId id() { return id_of(key(steps_.next())); }
  DialBackNonce nonce() {
    DialBackNonce nonce{};
    std::fill(nonce.begin(), nonce.end(), static_cast<std::byte>(steps_.next()));
    return nonce;
  }

  void step() {
    switch (steps_.next() % 10) {
      case 0: {
        const auto from = steps_.next();
        clients_.push_back(rendezvous_.connected(key(steps_.next()), {address(from), Port{4000}}, now_, from & 8 ? std::optional{*IpAddress::parse("203.0.113.1")} : std::nullopt));
        known_.insert(clients_.back());
        if (from & 16) say(clients_.back(), Hello{.version = control_version, .agent = "fuzz", .features = {}});
        break;
      }
      case 1:
        if (const auto client = some_client()) {
          rendezvous_.disconnected(*client, now_);
          std::erase(clients_, *client);
          known_.erase(*client);
        }
        break;
      case 2: {
        const auto message = decode_client_message(steps_.some());
        const auto client = some_client();
        if (client && message) say(*client, *message);
        if (client && !message) rendezvous_.garbled(*client, message.error());
        break;
      }
      case 3:
      case 4:
      case 5:
        if (const auto client = some_client())
          if (const auto message = decode_client_message(encode(verb()))) say(*client, *message);  // as it comes off the wire
        break;
      case 6: now_ += std::chrono::milliseconds{10} * steps_.next(); break;
      case 7: now_ += std::chrono::seconds{1} * steps_.next(); break;
      case 8:
        if (!dialling_.empty()) {
          rendezvous_.dialled_back(dialling_.back(), static_cast<DialBackOutcome>(steps_.next() % 3));
          dialling_.pop_back();
        }
        break;
      case 9:
        if (steps_.next() % 16 == 0) rendezvous_.stop();
        else rendezvous_.reflected(key(steps_.next()), address(steps_.next()));
        break;
    }
  }

  ClientMessage verb() {
    const std::uint64_t request = steps_.next();
    static constexpr const char* names[]{"ann", "bob", "carol", "Dan"};
    switch (steps_.next() % 16) {
      case 0: return Hello{.version = steps_.next() % 3u, .agent = "fuzz", .features = {std::string{answers_only_feature}}};
      case 1: return Register{request, names[steps_.next() % 4]};
      case 2: return Resolve{request, std::string{names[steps_.next() % 4]}};
      case 3: return Resolve{request, id()};
      case 4: return Who{request, {id(), id()}};
      case 5: {
        const auto how = steps_.next();
        SendSignal signal{.request = request, .to = id(), .device = DeviceId{how & 1 ? steps_.next() % 8u : 0u}, .body = buffer_of(steps_.some()), .session = {}};
        signal.wait = (how & 2) != 0, signal.show_address = (how & 4) != 0;
        if (how & 8) signal.other_address = address(steps_.next());
        return signal;
      }
      case 6: return Withdraw{request, id(), {}};
      case 7: return Probe{request, steps_.next() & 1 ? Transport::tcp : Transport::udp, Port{static_cast<std::uint16_t>(steps_.next() * 16)}, nonce()};
      case 8: {
        const auto how = steps_.next();
        return Volunteer{request, Port{static_cast<std::uint16_t>(how * 16)}, (how & 1) != 0, (how & 2) != 0};
      }
      case 9: return AskRelays{request, {id()}};
      case 10: return CodeOpen{request, code_number()};
      case 11: return CodeJoin{request, code_number(), buffer_of(steps_.some())};
      case 12: return CodeMessage{request, code_number(), buffer_of(steps_.some())};
      case 13: return CodeClose{request, code_number()};
      case 14: return TakeOffers{request, id()};
      default: return AskTicket{request, {}, id(), id()};
    }
  }

  /// One of those that were given out, or any.
  std::uint64_t code_number() {
    const auto which = steps_.next();
    return which < codes_.size() ? codes_[which] : smallest_code_number + which;
  }

  void say(DeviceId client, const ClientMessage& message) { rendezvous_.received(client, message, wall, now_); }

  std::optional<DeviceId> some_client() {
    if (clients_.empty()) return std::nullopt;
    return clients_[steps_.next() % clients_.size()];
  }

  void drain() {
    take_all();
    while (!closing_.empty()) {  // the end of one may be news for another
      const auto device = closing_.back();
      closing_.pop_back();
      rendezvous_.disconnected(device, now_);
      known_.erase(device);
      take_all();
    }
  }

  void take_all() {
    for (std::size_t actions = 0; auto action = rendezvous_.take(); ++actions) {
      demand(actions < 10'000);
      if (const auto* reply = std::get_if<Rendezvous::Reply>(&*action)) {
        demand(known_.contains(reply->to));
        const auto bytes = encode(reply->message);
        const auto again = decode_server_message(bytes);
        demand(bytes.size() <= max_frame && again && again->index() == reply->message.index());
        if (const auto* answer = std::get_if<CodeAnswer>(&reply->message); answer && std::ranges::find(codes_, answer->number) == codes_.end()) codes_.push_back(answer->number);
      } else if (const auto* close = std::get_if<Rendezvous::Close>(&*action)) {
        demand(known_.contains(close->device));
        std::erase(clients_, close->device);  // its driver says when it is gone
        closing_.push_back(close->device);
      } else if (const auto* dial = std::get_if<Rendezvous::DialBack>(&*action)) {
        demand(dial->to.port != Port{0});
        dialling_.push_back(dial->number);
      } else if (const auto* look = std::get_if<Rendezvous::VerifyRelay>(&*action)) {
        dialling_.push_back(look->number);
      }
      demand(dialling_.size() <= max_dial_backs);
    }
  }

  static const Identity& us() {
    static const Identity identity = value_or_throw(Identity::generate());
    return identity;
  }

  Steps steps_;
  TimePoint now_{std::chrono::hours{1}};
  MemoryNameStore store_{20};
  SeededRandom random_{1};
  TicketOffice office_{us(), random_};
  Rendezvous rendezvous_;
  std::vector<DeviceId> clients_, closing_;
  std::set<DeviceId> known_;
  std::vector<std::uint64_t> dialling_, codes_;
};

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  pshare::Server{pshare::Steps{std::as_bytes(std::span{data, size})}}.run();
  return 0;
}
