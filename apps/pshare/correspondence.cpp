#include "apps/pshare/correspondence.hpp"

#include "io/task_group.hpp"

namespace pshare {

namespace {

/// Letters kept for a session that is slow to take them. A session has a handful.
constexpr std::size_t max_letters_of_a_session = 16;
/// Posted and not yet sent, and how long sending one may take: it is of use now or never.
constexpr std::size_t max_posted = 32;
constexpr Duration posting_patience = std::chrono::seconds{3};

UnixTime wall_clock() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

}  // namespace

Correspondence::Correspondence(asio::any_io_executor executor, const Identity& identity, RendezvousClient& server, Random& random)
    : executor_(executor), identity_(identity), server_(server), random_(random), posted_news_(executor) {}

awaitable<void> Correspondence::run() {
  const auto body = [this](TaskGroup& tasks) -> awaitable<void> {
    tasks.start(send_posted());
    co_await deliver_all();
  };
  co_await with_tasks<void>(body);
}

awaitable<void> Correspondence::deliver_all() {
  for (;;) {
    const auto delivery = co_await server_.next_delivery();
    deliver(delivery);
  }
}

void Correspondence::deliver(const Delivery& delivery) {
  auto opened = open_sealed(identity_, wall_clock(), delivery.body);
  if (!opened) return forged(delivery, opened.error());
  if (opened->from != delivery.from)
    return forged(delivery, {.code = Errc::identity_mismatch, .doing = "the server named another sender than the one who signed"});
  if (!replays_.first_time(opened->nonce, wall_clock())) return drop("a signal that had been delivered before (" + opened->from.short_text() + ")");
  auto signal = decode_signal(opened->body);
  if (!signal) return drop(signal.error().message());
  Letter letter{opened->from, opened->from_key, delivery.from_device, *std::move(signal)};
  for (const auto& address : {delivery.from_address, delivery.from_other})
    if (address) letter.seen_at.push_back(*address);
  route(std::move(letter));
}

void Correspondence::route(Letter letter) {
  if (const auto waiting = slots_.find(session_of(letter.signal)); waiting != slots_.end()) {
    if (waiting->second->peer_ != letter.from) return drop("a signal for a session of somebody else's (" + letter.from.short_text() + ")");
    return waiting->second->hand_over(std::move(letter));
  }
  if (std::holds_alternative<Offer>(letter.signal) && on_offer_) return on_offer_(std::move(letter));
  if (std::holds_alternative<Inquiry>(letter.signal) && on_inquiry_) return on_inquiry_(std::move(letter));
  drop("a signal for a session that is over (" + letter.from.short_text() + ")");
}

void Correspondence::forged(const Delivery& delivery, const Error& trouble) {
  drop(trouble.message());
  for (const auto& [session, slot] : slots_) {
    if (slot->peer_ != delivery.from) continue;
    Error error{.code = Errc::identity_mismatch,
                .doing = "the server delivered an answer that " + slot->peer_.short_text() + " did not write (" + trouble.doing + ")",
                .hint = "Nothing was sent. The server may be lying, or a clock may be wrong by more than an hour: check both, or use another server."};
    slot->hand_over(Unexpected{std::move(error)});
  }
}

void Correspondence::drop(const std::string& why) {
  if (on_dropped_) on_dropped_(why);
}

void Correspondence::post(const PublicKey& to, DeviceId device, Signal signal, RendezvousClient::OurAddress address) {
  if (posted_.size() >= max_posted) return drop("a signal of ours: too many wait to be sent");
  posted_.push_back({to, device, std::move(signal), address});
  posted_news_.ring();
}

awaitable<void> Correspondence::send_posted() {
  for (;;) {
    while (posted_.empty()) co_await posted_news_.wait();
    auto next = std::move(posted_.front());
    posted_.pop_front();
    try {
      co_await send(next.to, next.device, std::move(next.signal), false, Clock::now() + posting_patience, next.address);
    } catch (const Failure& failure) {
      drop("a signal of ours: " + failure.error().message());
    }
  }
}

awaitable<Fate> Correspondence::send(PublicKey to, DeviceId device, Signal signal, bool wait, TimePoint until, RendezvousClient::OurAddress address) {
  const auto body = encode(signal);
  auto sealed = value_or_throw(seal(identity_, to, wall_clock(), random_, body));
  const auto session = session_of(signal);
  const auto peer = id_of(to);
  co_return co_await server_.signal(peer, device, std::move(sealed), wait, session, until, address);
}

Correspondence::Slot Correspondence::expect(SessionId session, PeerId peer) { return Slot{*this, session, peer}; }

Correspondence::Slot::Slot(Correspondence& owner, SessionId session, PeerId peer)
    : owner_(owner), session_(session), peer_(peer), arrived_(owner.executor_) {
  owner_.slots_.insert_or_assign(session_, this);
}

Correspondence::Slot::~Slot() {
  if (const auto ours = owner_.slots_.find(session_); ours != owner_.slots_.end() && ours->second == this) owner_.slots_.erase(ours);
}

void Correspondence::Slot::hand_over(Result<Letter> letter) {
  if (letters_.size() >= max_letters_of_a_session) return owner_.drop("more signals than one session may send (" + peer_.short_text() + ")");
  letters_.push_back(std::move(letter));
  arrived_.ring();
}

awaitable<Letter> Correspondence::Slot::next() {
  while (letters_.empty()) co_await arrived_.wait();
  auto letter = std::move(letters_.front());
  letters_.pop_front();
  co_return value_or_throw(std::move(letter));
}

}  // namespace pshare
