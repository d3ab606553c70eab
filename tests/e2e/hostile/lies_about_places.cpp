// Who is where.
//
//   nowhere           welcomes everybody as coming from an address that nobody can have, names ports for STUN and reflect where nothing is,
//                     and says of every port that it was reached
//   everybody-online  says of all who are asked about that they are online; nobody-online
#include "lies.hpp"

namespace pshare::hostile {
namespace {

class Nowhere : public HonestServer {
 public:
  using HonestServer::HonestServer;

 protected:
  Welcome welcome(const Client& client) override {
    auto told = HonestServer::welcome(client);
    told.observed = {*IpAddress::parse("0.0.0.0"), Port{1}};
    told.stun = Port{9}, told.stun_alternate = Port{1}, told.reflect_alternate = Port{1};
    told.alternate_address = *IpAddress::parse("224.0.0.1");
    return told;
  }
  void heard(Client& client, const ClientMessage& message) override {
    if (const auto* verb = std::get_if<Probe>(&message)) return client.say(Probed{verb->request, DialBackOutcome::reached});
    HonestServer::heard(client, message);
  }
  void forward(Client& client, const SendSignal& verb) override {
    auto told = delivery(client, verb);
    if (verb.show_address) told.from_address = *IpAddress::parse("224.0.0.1"), told.from_other = *IpAddress::parse("ff02::1");
    deliver(verb.to, told);
    client.say(SignalFate{verb.request, Fate::delivered});
  }
  Endpoint reflection(const Endpoint&) override { return {*IpAddress::parse("255.255.255.255"), Port{0}}; }
};

class FalsePresence : public HonestServer {
 public:
  FalsePresence(const Setting& setting, bool online) : HonestServer(setting), online_(online) {}

 protected:
  void who(Client& client, const Who& verb) override { client.say(WhoReply{verb.request, online_ ? verb.peers : std::vector<PeerId>{}}); }

 private:
  bool online_;
};

}  // namespace

Lies lies_about_places() {
  return {
      {"nowhere", lie<Nowhere>()},
      {"everybody-online", lie<FalsePresence>(true)},
      {"nobody-online", lie<FalsePresence>(false)},
  };
}

}  // namespace pshare::hostile
