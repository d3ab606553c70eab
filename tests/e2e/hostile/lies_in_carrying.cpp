// What is carried, when, how often, and what is said of it.
//
//   replay            delivers every signal three times, and all once more each time somebody connects
//   reversed          keeps answers for a moment, and delivers the last one first
//   withdrawn         keeps offers until they are withdrawn, and delivers them then
//   drops-all         drops every signal; drops-offers, drops-answers, drops-half: some
//   says-waiting      delivers, and says of every offer that it waits; says-offline, says-unknown, says-no-room likewise
//   silent            says nothing at all; silent-after-welcome: nothing else
//   ends-at-hello     ends the connection there; ends-at-resolve, ends-at-offer, ends-at-answer likewise
#include "io/deadline.hpp"
#include "lies.hpp"

namespace pshare::hostile {
namespace {

using namespace std::chrono_literals;

/// As the server takes it: what may wait is an offer, anything else an answer.
bool is_offer(const SendSignal& verb) { return verb.wait; }

struct Carried {
  PeerId to;
  Delivery what;
};

class Replay : public HonestServer {
 public:
  using HonestServer::HonestServer;

 protected:
  void heard(Client& client, const ClientMessage& message) override {
    HonestServer::heard(client, message);
    if (!std::holds_alternative<Hello>(message)) return;
    for (const auto& [to, what] : recorded_) deliver(to, what);
  }
  void forward(Client& client, const SendSignal& verb) override {
    const auto honest = delivery(client, verb);
    for (int i = 0; i < 3; ++i) deliver(verb.to, honest);
    client.say(SignalFate{verb.request, Fate::delivered});
    recorded_.push_back({verb.to, honest});
  }

 private:
  std::vector<Carried> recorded_;
};

class Reversed : public HonestServer {
 public:
  using HonestServer::HonestServer;

 protected:
  void forward(Client& client, const SendSignal& verb) override {
    if (is_offer(verb)) return HonestServer::forward(client, verb);
    client.say(SignalFate{verb.request, Fate::delivered});
    kept_.push_back({verb.to, delivery(client, verb)});
    if (kept_.size() == 1) tasks_->start(let_go());
  }

 private:
  awaitable<void> let_go() {
    co_await sleep_until(Clock::now() + 400ms);
    for (; !kept_.empty(); kept_.pop_back()) deliver(kept_.back().to, kept_.back().what);
  }
  std::vector<Carried> kept_;
};

class Withdrawn : public HonestServer {
 public:
  using HonestServer::HonestServer;

 protected:
  void forward(Client& client, const SendSignal& verb) override {
    if (!is_offer(verb)) return HonestServer::forward(client, verb);
    client.say(SignalFate{verb.request, Fate::waiting});
    kept_.push_back({verb.to, delivery(client, verb)});
  }
  void withdraw(Client& client, const Withdraw& verb) override {
    for (; !kept_.empty(); kept_.pop_back()) deliver(kept_.back().to, kept_.back().what);
    client.say(SignalFate{verb.request, Fate::waiting});
  }

 private:
  std::vector<Carried> kept_;
};

class Drops : public HonestServer {
 public:
  enum class What { all, offers, answers, half };
  Drops(const Setting& setting, What what) : HonestServer(setting), what_(what) {}

 protected:
  void forward(Client& client, const SendSignal& verb) override {
    ++count_;
    const bool drop = what_ == What::all || what_ == (is_offer(verb) ? What::offers : What::answers) || (what_ == What::half && count_ % 2 == 0);
    if (!drop) return HonestServer::forward(client, verb);
    client.say(SignalFate{verb.request, Fate::delivered});
  }

 private:
  What what_;
  int count_ = 0;
};

class FalseFate : public HonestServer {
 public:
  FalseFate(const Setting& setting, Fate fate) : HonestServer(setting), fate_(fate) {}

 protected:
  void forward(Client& client, const SendSignal& verb) override {
    deliver(verb.to, delivery(client, verb));
    client.say(SignalFate{verb.request, is_offer(verb) ? fate_ : Fate::delivered});
  }

 private:
  Fate fate_;
};

/// People come to be by `pshare init`, which needs an answer.
constexpr std::uint64_t served_first = 2;

class Silent : public HonestServer {
 public:
  Silent(const Setting& setting, bool welcomes) : HonestServer(setting), welcomes_(welcomes) {}

 protected:
  void heard(Client& client, const ClientMessage& message) override {
    if (client.device.number <= served_first) return HonestServer::heard(client, message);
    if (welcomes_ && std::holds_alternative<Hello>(message)) client.say(welcome(client));
  }

 private:
  bool welcomes_;
};

class EndsAt : public HonestServer {
 public:
  enum class What { hello, resolve, offer, answer };
  EndsAt(const Setting& setting, What what) : HonestServer(setting), what_(what) {}

 protected:
  void heard(Client& client, const ClientMessage& message) override {
    const auto* signal = std::get_if<SendSignal>(&message);
    const bool now = (what_ == What::hello && client.device.number > served_first) || (what_ == What::resolve && std::holds_alternative<Resolve>(message)) ||
                     (what_ == What::offer && signal && is_offer(*signal)) || (what_ == What::answer && signal && !is_offer(*signal));
    if (now) return client.hang_up();
    HonestServer::heard(client, message);
  }

 private:
  What what_;
};

}  // namespace

Lies lies_in_carrying() {
  return {
      {"replay", lie<Replay>()},
      {"reversed", lie<Reversed>()},
      {"withdrawn", lie<Withdrawn>()},
      {"drops-all", lie<Drops>(Drops::What::all)},
      {"drops-offers", lie<Drops>(Drops::What::offers)},
      {"drops-answers", lie<Drops>(Drops::What::answers)},
      {"drops-half", lie<Drops>(Drops::What::half)},
      {"says-waiting", lie<FalseFate>(Fate::waiting)},
      {"says-offline", lie<FalseFate>(Fate::offline)},
      {"says-unknown", lie<FalseFate>(Fate::unknown)},
      {"says-no-room", lie<FalseFate>(Fate::mailbox_full)},
      {"silent", lie<Silent>(false)},
      {"silent-after-welcome", lie<Silent>(true)},
      {"ends-at-hello", lie<EndsAt>(EndsAt::What::hello)},
      {"ends-at-resolve", lie<EndsAt>(EndsAt::What::resolve)},
      {"ends-at-offer", lie<EndsAt>(EndsAt::What::offer)},
      {"ends-at-answer", lie<EndsAt>(EndsAt::What::answer)},
  };
}

}  // namespace pshare::hostile
