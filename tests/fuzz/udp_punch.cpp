// Fuzzes connectivity checks and the punching core: whatever arrives, authentic or not, in whatever order, it keeps its bounds and its deadlines.
// An input is a run of steps: what happens, and some bytes that say how.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "steps.hpp"
#include "traversal/punching/udp_punch.hpp"

namespace pshare {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint start{std::chrono::hours{1}};

Endpoint address(unsigned which) {
  return {IpAddress{IpAddress::V4{std::byte{81}, std::byte{2}, std::byte{71}, static_cast<std::byte>(which % 4 + 1)}},
          Port{static_cast<std::uint16_t>(1024 + which)}};
}

class Round {
 public:
  explicit Round(Steps steps) : steps_(steps), punch_(make()) { drain(); }

  void run() {
    while (steps_.any()) {
      step();
      drain();
      punch_.expire(now_);
      drain();
      const auto due = punch_.deadline();
      demand(!due || *due > now_);  // else its driver would go round in circles
    }
    demand(checks_before_settling_ <= max_checks_in_round + max_search_packets);
    demand(reached_ <= max_learned_pairs + max_target_pairs);
  }

 private:
  UdpPunch make() {
    const auto how = steps_.next();
    settings_.side = how & 1 ? CheckSide::controlled : CheckSide::controlling;
    settings_.openers = (how & 2) != 0;
    if (how & 4) {
      SearchPlan plan{.way = static_cast<SearchPlan::Way>(how / 8 % 5), .sockets = how & 128 ? 8u : 1u, .towards = address(0).address, .aims = {}, .pace = 1ms};
      const std::size_t aims = plan.sockets == 1 ? steps_.next() : 1;
      for (std::size_t i = 0; i < aims; ++i) plan.aims.push_back(Port{static_cast<std::uint16_t>(1024 + i)});
      sockets_ = plan.sockets;
      return {std::move(plan), settings_, random_, now_};
    }
    sockets_ = 2;
    std::vector<UdpPunch::Target> targets;
    for (unsigned i = how / 8 % 8; i > 0; --i) targets.push_back({address(steps_.next()), Tier::punched});
    return {std::move(targets), {false, false}, settings_, random_, now_};
  }

  void step() {
    const auto socket = steps_.next() % (sockets_ + 1);
    switch (steps_.next() % 7) {
      case 0:
        if (const auto received = decode_stun(steps_.some())) punch_.arrived(socket, address(steps_.next()), *received, now_);
        break;
      case 1: {
        TransactionId id;
        id.bytes[0] = static_cast<std::byte>(steps_.next());
        const auto how = steps_.next();
        const Check check{.id = id, .from = how & 1 ? CheckSide::controlled : CheckSide::controlling, .nominates = (how & 2) != 0};
        auto bytes = encode_check(check, settings_.session, settings_.key);
        if (how & 4) bytes[steps_.next() % bytes.size()] ^= std::byte{1};
        if (const auto received = decode_stun(bytes)) punch_.arrived(socket, address(steps_.next()), *received, now_);
        break;
      }
      case 2: {
        if (sent_.empty()) break;
        const auto& send = sent_[steps_.next() % sent_.size()];
        const auto id = decode_stun(send.bytes).value().message.id;
        const auto from = steps_.next();
        const auto answer = decode_stun(encode_check_answer(id, address(0), settings_.key)).value();
        punch_.arrived(from & 1 ? socket : send.socket, from & 2 ? address(from) : send.to, answer, now_);
        break;
      }
      case 3:
        settled_ = true;
        punch_.settle(socket, address(steps_.next()), now_);
        break;
      case 4: now_ += steps_.next() * 1ms; break;
      case 5: now_ += steps_.next() * 100ms; break;
      case 6: punch_.add({address(steps_.next()), Tier::mapped}, now_); break;
    }
  }

  void drain() {
    for (std::size_t actions = 0; auto action = punch_.take(); ++actions) {
      demand(actions <= max_search_packets + max_checks_in_round);
      if (std::holds_alternative<UdpPunch::Reached>(*action)) ++reached_;
      auto* const send = std::get_if<UdpPunch::Send>(&*action);
      if (send == nullptr) continue;
      demand(send->socket < sockets_);
      const auto message = decode_stun(send->bytes).value().message;
      if (message.kind == StunClass::request && !settled_) ++checks_before_settling_;
      if (sent_.size() < 256) sent_.push_back(std::move(*send));
    }
  }

  Steps steps_;
  SeededRandom random_{1};
  TimePoint now_ = start;
  std::size_t sockets_ = 0, checks_before_settling_ = 0, reached_ = 0;
  bool settled_ = false;
  UdpPunch::Settings settings_{};
  UdpPunch punch_;
  std::vector<UdpPunch::Send> sent_;
};

}  // namespace
}  // namespace pshare

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  pshare::Round{pshare::Steps{std::as_bytes(std::span{data, size})}}.run();
  return 0;
}
