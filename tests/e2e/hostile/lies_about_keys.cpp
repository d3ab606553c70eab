// Whose key is whose, and who wrote what.
//
//   wrong-key         resolves every name and ID to the key of an accomplice
//   wrong-key-later   the same, but for the first time that each client asks for somebody
//   swapped           answers each offer itself, in the recipient's name, with a letter that the accomplice sealed
//   another-answers   has an accomplice answer each offer in its own name, for the session that the offer is of
//   garbage           answers each offer, in the recipient's name, with bytes that mean nothing
//   renamed           delivers every signal, but says that the accomplice has sent it
//   misdirected       delivers every signal to everybody but the one whom it is for
#include <set>

#include "lies.hpp"
#include "secure/sealed.hpp"
#include "wire/signal.hpp"

namespace pshare::hostile {
namespace {

class WithAccomplice : public HonestServer {
 public:
  explicit WithAccomplice(const Setting& setting) : HonestServer(setting), accomplice_(*Identity::generate()) {}

 protected:
  Identity accomplice_;
};

class WrongKey : public WithAccomplice {
 public:
  WrongKey(const Setting& setting, bool from_the_first) : WithAccomplice(setting), from_the_first_(from_the_first) {}

 protected:
  void resolve(Client& client, const Resolve& verb) override {
    const auto* name = std::get_if<std::string>(&verb.whom);
    const auto whom = name ? *name : std::get<PeerId>(verb.whom).text();
    const bool first = asked_.insert({client.stream.peer(), whom}).second;
    if (first && !from_the_first_) return HonestServer::resolve(client, verb);
    client.say(Resolved{verb.request, name ? *name : "", accomplice_.public_key(), true});
  }

  void forward(Client& client, const SendSignal& verb) override {
    if (verb.to != accomplice_.id()) return HonestServer::forward(client, verb);
    client.say(SignalFate{verb.request, Fate::delivered});
    auto opened = open_sealed(accomplice_, wall_clock(), verb.body);
    if (opened) setting_.overheard.note(opened->body);  // what a sender who trusts the wrong key gives away
  }

 private:
  bool from_the_first_;
  std::set<std::pair<PeerId, std::string>> asked_;
};

/// The accomplice's answer, as if it were the friend's or in its own name.
class Swapped : public WithAccomplice {
 public:
  Swapped(const Setting& setting, bool in_its_own_name) : WithAccomplice(setting), in_its_own_name_(in_its_own_name) {}

 protected:
  void forward(Client& client, const SendSignal& verb) override {
    const auto plain = encode(Signal{Accept{verb.session, {}, {}}});
    auto letter = value_or_throw(seal(accomplice_, client.stream.peer_key(), wall_clock(), random_, plain));
    client.say(SignalFate{verb.request, Fate::delivered});
    client.say(Delivery{in_its_own_name_ ? accomplice_.id() : verb.to, DeviceId{999}, std::move(letter)});
  }

 private:
  bool in_its_own_name_;
};

class Garbage : public HonestServer {
 public:
  using HonestServer::HonestServer;

 protected:
  void forward(Client& client, const SendSignal& verb) override {
    client.say(SignalFate{verb.request, Fate::delivered});
    client.say(Delivery{verb.to, DeviceId{999}, buffer_of(bytes_of("a signal, surely"))});
  }
};

class Renamed : public WithAccomplice {
 public:
  using WithAccomplice::WithAccomplice;

 protected:
  void forward(Client& client, const SendSignal& verb) override {
    auto altered = delivery(client, verb);
    altered.from = accomplice_.id();
    deliver(verb.to, altered);
    client.say(SignalFate{verb.request, Fate::delivered});
  }
};

class Misdirected : public HonestServer {
 public:
  using HonestServer::HonestServer;

 protected:
  void forward(Client& client, const SendSignal& verb) override {
    const auto honest = delivery(client, verb);
    for (auto* each : clients())
      if (each->stream.peer() != verb.to) each->say(honest);
    client.say(SignalFate{verb.request, Fate::delivered});
  }
};

}  // namespace

Lies lies_about_keys() {
  return {
      {"wrong-key", lie<WrongKey>(true)}, {"wrong-key-later", lie<WrongKey>(false)}, {"swapped", lie<Swapped>(false)},
      {"garbage", lie<Garbage>()},        {"renamed", lie<Renamed>()},               {"misdirected", lie<Misdirected>()},
      {"another-answers", lie<Swapped>(true)},
  };
}

}  // namespace pshare::hostile
