#include "apps/pshare/correspondence.hpp"

namespace pshare {

namespace {

/// Letters kept for a slot that is slow to take them. A session has a handful.
constexpr std::size_t slot_capacity = 16;

UnixTime wall_clock() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

}  // namespace

Correspondence::Correspondence(asio::any_io_executor executor, const Identity& identity, RendezvousClient& server, Random& random)
    : executor_(executor), identity_(identity), server_(server), random_(random) {}

awaitable<void> Correspondence::run() {
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
  route(delivery, Letter{opened->from, opened->from_key, delivery.from_device, *std::move(signal)});
}

void Correspondence::route(const Delivery& delivery, Letter letter) {
  if (const auto waiting = slots_.find(session_of(letter.signal)); waiting != slots_.end()) {
    if (waiting->second.peer != letter.from) return drop("a signal for a session of somebody else's (" + letter.from.short_text() + ")");
    if (!waiting->second.channel->try_send(std::error_code{}, std::make_shared<Result<Letter>>(std::move(letter))))
      drop("more signals than one session may send (" + delivery.from.short_text() + ")");
    return;
  }
  if (std::holds_alternative<Offer>(letter.signal) && on_offer_) return on_offer_(std::move(letter));
  drop("a signal for a session that is over (" + letter.from.short_text() + ")");
}

void Correspondence::forged(const Delivery& delivery, const Error& trouble) {
  drop(trouble.message());
  for (const auto& [session, waiting] : slots_) {
    if (waiting.peer != delivery.from) continue;
    Error error{.code = Errc::identity_mismatch,
                .doing = "the server delivered an answer that " + waiting.peer.short_text() + " did not write (" + trouble.doing + ")",
                .hint = "Nothing was sent. The server may be lying, or a clock may be wrong by more than an hour: check both, or use another server."};
    waiting.channel->try_send(std::error_code{}, std::make_shared<Result<Letter>>(Unexpected{std::move(error)}));
  }
}

void Correspondence::drop(const std::string& why) {
  if (on_dropped_) on_dropped_(why);
}

awaitable<Fate> Correspondence::send(PublicKey to, DeviceId device, Signal signal, bool wait, TimePoint until) {
  const auto body = encode(signal);
  auto sealed = value_or_throw(seal(identity_, to, wall_clock(), random_, body));
  const auto session = session_of(signal);
  const auto peer = id_of(to);
  co_return co_await server_.signal(peer, device, std::move(sealed), wait, session, until);
}

Correspondence::Slot Correspondence::expect(SessionId session, PeerId peer) { return Slot{*this, session, peer}; }

Correspondence::Slot::Slot(Correspondence& owner, SessionId session, PeerId peer)
    : owner_(&owner, Unlist{session}), channel_(std::make_shared<Channel>(owner.executor_, slot_capacity)) {
  owner.slots_.insert_or_assign(session, Waiting{peer, channel_});
}

Correspondence::Slot::~Slot() = default;

void Correspondence::Slot::Unlist::operator()(Correspondence* owner) const { owner->slots_.erase(session); }

awaitable<Letter> Correspondence::Slot::next() {
  const auto letter = co_await channel_->async_receive(use_awaitable);
  if (!*letter) throw Failure{letter->error()};
  co_return **letter;
}

}  // namespace pshare
