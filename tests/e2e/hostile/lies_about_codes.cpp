// Who meets whom by a one-time code, and what the two say to each other (secure/code_exchange.hpp).
//
//   code-guessed      is itself the host for each guest and the guest for each host, with a code that it has guessed
//   code-told         the same, with the code that a test writes to OVERHEARD.code: what a stranger can do who knows it
//   code-two-guests   leads two guests to one code at once
//   code-same-number  gives all who open a code the same number, and leads guests to the latest
//   code-crossed      of two exchanges that run at once, gives each guest the answer that is for the other
//   code-replayed     says all that was said in the first exchange to the next host, and to the guest after that
//   code-mirrored     says to each what they have said themselves
//   code-drops-N      drops the Nth of the four messages
//   code-alters-N     alters a bit of it
//   code-early        says to the host what the guest will confirm before the guest has said that it is there
//   code-gone-N       says to both that the other one is gone, in place of the Nth message; 0: as soon as a code is opened
//   code-unasked      says of codes that nobody has asked for that there is news, as soon as somebody connects, and again when they open one
//   honest            not a lie: the same server, telling the truth
//   code-intruder     once two have met, hands the guest an offer that somebody else has made
#include <fstream>
#include <set>

#include "lies.hpp"
#include "secure/code_exchange.hpp"
#include "secure/sealed.hpp"
#include "wire/signal.hpp"

namespace pshare::hostile {
namespace {

using What = CodeNews::What;

/// With a key of its own for each side.
class InTheMiddle : public HonestServer {
 public:
  InTheMiddle(const Setting& setting, bool told) : HonestServer(setting), told_(told), as_host_(*Identity::generate()), as_guest_(*Identity::generate()) {}

 protected:
  void code_join(Client& client, const CodeJoin& verb) override {
    const auto* meeting = lead(client, verb);
    if (meeting == nullptr) return;
    const auto code = guess(verb.number);
    to_guest_ = std::make_unique<CodeHost>(code, Introduction{as_host_.public_key(), "mallory", CodePurpose::send}, random_);
    to_host_ = std::make_unique<CodeGuest>(code, Introduction{as_guest_.public_key(), "mallory", CodePurpose::send}, random_);
    tell(client.device, verb.number, What::message, value_or_throw(to_guest_->joined(verb.body)));
    tell(meeting->host, verb.number, What::joined, to_host_->share());
  }

  void code_message(Client& client, const CodeMessage& verb) override {
    client.say(CodeAnswer{verb.request, verb.number});
    if (other_of(client.device, verb.number) && hosts_.contains(client.device)) {
      if (auto answer = to_host_->answered(verb.body)) {
        learned(answer->host);
        return tell(client.device, verb.number, What::message, std::move(answer->reply));
      }
      ByteBuffer anything(200);
      random_.fill(anything);
      return tell(client.device, verb.number, What::message, std::move(anything));
    }
    if (auto agreed = to_guest_->confirmed(verb.body)) {
      learned(agreed->guest);
      tell(client.device, verb.number, What::message, std::move(agreed->welcome));
    }
  }

  void code_open(Client& client, const CodeOpen& verb) override {
    hosts_.insert(client.device);
    HonestServer::code_open(client, verb);
  }

  void forward(Client& client, const SendSignal& verb) override {
    if (verb.to != as_guest_.id()) return HonestServer::forward(client, verb);
    client.say(SignalFate{verb.request, Fate::delivered});
    if (const auto opened = open_sealed(as_guest_, wall_clock(), verb.body)) setting_.overheard.note(opened->body);
  }

 private:
  Code guess(std::uint64_t number) {
    if (!told_) return {number, CodeWords::random(2, random_), {}};
    std::ifstream file{setting_.overheard.path() + ".code"};
    std::string text;
    file >> text;
    return value_or_throw(Code::parse(text));
  }
  void learned(const Introduction& who) { setting_.overheard.note(bytes_of("the one in the middle has met " + who.name + "\n")); }

  bool told_;
  Identity as_host_, as_guest_;
  std::set<DeviceId> hosts_;
  std::unique_ptr<CodeHost> to_guest_;
  std::unique_ptr<CodeGuest> to_host_;
};

class TwoGuests : public HonestServer {
 public:
  using HonestServer::HonestServer;

 protected:
  void code_join(Client& client, const CodeJoin& verb) override {
    if (!first_) {
      if (const auto* meeting = lead(client, verb)) first_ = verb.body, host_ = meeting->host;
      return;
    }
    client.say(CodeAnswer{verb.request, verb.number});
    tell(host_, verb.number, What::joined, *first_);
    tell(host_, verb.number, What::joined, verb.body);
  }
  void code_message(Client& client, const CodeMessage& verb) override {
    for (const auto* each : clients())
      if (each->device != client.device) tell(each->device, verb.number, What::message, verb.body);  // what there is, for both guests
    client.say(CodeAnswer{verb.request, verb.number});
  }

 private:
  std::optional<ByteBuffer> first_;
  DeviceId host_;
};

class SameNumber : public HonestServer {
 public:
  using HonestServer::HonestServer;

 protected:
  void code_open(Client& client, const CodeOpen& verb) override {
    const auto number = ++opened_ <= 2 ? std::uint64_t{4821} : 4821 + opened_;
    open_number(client, number);
    client.say(CodeAnswer{verb.request, number});
  }

 private:
  std::uint64_t opened_ = 0;
};

class Crossed : public HonestServer {
 public:
  using HonestServer::HonestServer;

 protected:
  void code_message(Client& client, const CodeMessage& verb) override {
    const auto other = other_of(client.device, verb.number);
    if (!other || crossed_) return HonestServer::code_message(client, verb);
    client.say(CodeAnswer{verb.request, verb.number});
    kept_.push_back({*other, verb.number, verb.body});
    if (kept_.size() < 2) return;
    crossed_ = true;
    tell(kept_[0].guest, kept_[0].number, What::message, kept_[1].body);
    tell(kept_[1].guest, kept_[1].number, What::message, kept_[0].body);
  }

 private:
  struct Kept {
    DeviceId guest;
    std::uint64_t number;
    ByteBuffer body;
  };
  std::vector<Kept> kept_;
  bool crossed_ = false;
};

class Replayed : public HonestServer {
 public:
  using HonestServer::HonestServer;

 protected:
  void code_open(Client& client, const CodeOpen& verb) override {
    HonestServer::code_open(client, verb);
    if (said_.size() < 4 || std::exchange(to_host_, true)) return;
    client.outbox.pop_back();
    open_number(client, first_number_);  // the same one, since it is in what both confirm
    client.say(CodeAnswer{verb.request, first_number_});
    host_ = client.device;
    tell(client.device, first_number_, What::joined, said_[0]);
  }
  void code_join(Client& client, const CodeJoin& verb) override {
    if (to_host_) {  // the exchange of before, all over again
      client.say(CodeAnswer{verb.request, verb.number});
      tell(client.device, verb.number, What::message, said_[1]);
      return tell(client.device, verb.number, What::message, said_[3]);
    }
    first_number_ = verb.number;
    said_.push_back(verb.body);
    HonestServer::code_join(client, verb);
  }
  void code_message(Client& client, const CodeMessage& verb) override {
    if (host_ == client.device) {
      client.say(CodeAnswer{verb.request, verb.number});
      return tell(client.device, verb.number, What::message, said_[2]);
    }
    said_.push_back(verb.body);
    HonestServer::code_message(client, verb);
  }

 private:
  std::vector<ByteBuffer> said_;  // in the first exchange
  std::uint64_t first_number_ = 0;
  bool to_host_ = false;
  std::optional<DeviceId> host_;
};

/// A point, then a confirmation, then what is sealed.
constexpr std::size_t share_size = 65, confirmation_size = 32;

class Mirrored : public HonestServer {
 public:
  using HonestServer::HonestServer;

 protected:
  void code_join(Client& client, const CodeJoin& verb) override {
    const auto* meeting = lead(client, verb);
    if (meeting == nullptr) return;
    auto padded = verb.body;
    padded.resize(share_size + confirmation_size + 100);
    tell(client.device, verb.number, What::message, std::move(padded));
    tell(meeting->host, verb.number, What::joined, verb.body);
  }
  void code_message(Client& client, const CodeMessage& verb) override {
    client.say(CodeAnswer{verb.request, verb.number});
    const auto own = ByteView{verb.body}.subspan(std::min(share_size, verb.body.size()));
    tell(client.device, verb.number, What::message, buffer_of(own));
  }
};

/// Something happens to one of the four messages.
class Meddles : public HonestServer {
 public:
  enum class Harm { drops, alters, says_gone };
  Meddles(const Setting& setting, Harm harm, int which) : HonestServer(setting), harm_(harm), which_(which) {}

 protected:
  void code_open(Client& client, const CodeOpen& verb) override {
    HonestServer::code_open(client, verb);
    if (which_ != 0) return;
    client.say(CodeNews{std::get<CodeAnswer>(client.outbox.back()).number, What::gone, {}});
  }
  void code_join(Client& client, const CodeJoin& verb) override {
    const auto* meeting = lead(client, verb);
    if (meeting != nullptr) pass(client.device, meeting->host, What::joined, verb.number, verb.body);
  }
  void code_message(Client& client, const CodeMessage& verb) override {
    const auto other = other_of(client.device, verb.number);
    if (!other) return HonestServer::code_message(client, verb);
    client.say(CodeAnswer{verb.request, verb.number});
    pass(client.device, *other, What::message, verb.number, verb.body);
  }

 private:
  void pass(DeviceId from, DeviceId to, What what, std::uint64_t number, ByteBuffer body) {
    if (++count_ != which_) return tell(to, number, what, std::move(body));
    if (harm_ == Harm::drops) return;
    if (harm_ == Harm::says_gone) {
      tell(from, number, What::gone);
      return tell(to, number, What::gone);
    }
    body[body.size() / 2] ^= std::byte{1};
    tell(to, number, what, std::move(body));
  }

  Harm harm_;
  int which_, count_ = 0;
};

class Early : public HonestServer {
 public:
  using HonestServer::HonestServer;

 protected:
  void code_join(Client& client, const CodeJoin& verb) override {
    const auto* meeting = lead(client, verb);
    if (meeting == nullptr) return;
    ByteBuffer anything(200);
    random_.fill(anything);
    tell(meeting->host, verb.number, What::message, std::move(anything));
    tell(meeting->host, verb.number, What::joined, verb.body);
  }
};

class Unasked : public HonestServer {
 public:
  using HonestServer::HonestServer;

 protected:
  void heard(Client& client, const ClientMessage& message) override {
    HonestServer::heard(client, message);
    if (std::holds_alternative<Hello>(message) || std::holds_alternative<CodeOpen>(message)) news(client);
  }

 private:
  void news(Client& client) {
    for (std::uint64_t i = 0; i < 300; ++i)
      client.say(CodeNews{smallest_code_number * 100 + i, std::array{What::joined, What::message, What::gone}[i % 3], ByteBuffer(i)});
  }
};

class Intruder : public HonestServer {
 public:
  explicit Intruder(const Setting& setting) : HonestServer(setting), intruder_(*Identity::generate()) {}

 protected:
  void code_message(Client& client, const CodeMessage& verb) override {
    const auto other = other_of(client.device, verb.number);
    HonestServer::code_message(client, verb);
    if (!other || ++messages_ != 3) return;  // the last word is said
    for (auto* each : clients())
      if (each->device == *other) each->say(offer_to(*each));
  }

 private:
  Delivery offer_to(const Client& client) {
    Summary summary{.files = 1, .entries = 1, .bytes = 5, .names = {"intruder.bin"}, .text = {}};
    TransferId transfer;
    random_.fill(transfer.bytes);
    const auto plain = encode(Signal{Offer{SessionId::random(random_), transfer, "alice", std::move(summary), {}, 1, {}, {}}});
    setting_.overheard.note(bytes_of("an intruder's offer was made\n"));
    return {intruder_.id(), DeviceId{999}, value_or_throw(seal(intruder_, client.stream.peer_key(), wall_clock(), random_, plain))};
  }

  Identity intruder_;
  int messages_ = 0;
};

}  // namespace

Lies lies_about_codes() {
  using Harm = Meddles::Harm;
  Lies lies{
      {"code-guessed", lie<InTheMiddle>(false)}, {"code-told", lie<InTheMiddle>(true)}, {"code-two-guests", lie<TwoGuests>()},
      {"code-same-number", lie<SameNumber>()},   {"code-crossed", lie<Crossed>()},      {"code-replayed", lie<Replayed>()},
      {"code-mirrored", lie<Mirrored>()},        {"code-early", lie<Early>()},          {"code-unasked", lie<Unasked>()},
      {"code-intruder", lie<Intruder>()},        {"code-gone-0", lie<Meddles>(Harm::says_gone, 0)},
  };
  for (int which = 1; which <= 4; ++which) {
    const auto number = std::to_string(which);
    lies.emplace("code-drops-" + number, lie<Meddles>(Harm::drops, which));
    lies.emplace("code-alters-" + number, lie<Meddles>(Harm::alters, which));
    lies.emplace("code-gone-" + number, lie<Meddles>(Harm::says_gone, which));
  }
  lies.emplace("honest", lie<HonestServer>());
  return lies;
}

}  // namespace pshare::hostile
