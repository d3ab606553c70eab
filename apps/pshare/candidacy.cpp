#include "apps/pshare/candidacy.hpp"

#include <algorithm>
#include <utility>

namespace pshare {

void Candidacy::reached_through(std::optional<Port> port, TimePoint now) {
  if (port == port_) return;
  port_ = port;
  pause_ = first_candidacy_pause;
  consider(now);
}

void Candidacy::server_is_there(TimePoint now) {
  there_ = true;
  consider(now);
}

void Candidacy::server_lost() {
  there_ = false;
  asking_.reset();
  out_.reset();
  said_.reset();
  said_at_.reset();
  again_at_.reset();
  pause_ = first_candidacy_pause;
  standing_ = withdrawing_ ? Standing{Withdrawn{}} : Standing{NotAsked{}};
}

void Candidacy::room(bool there_is, TimePoint now) {
  full_ = !there_is;
  consider(now);
}

void Candidacy::withdraw(TimePoint now) {
  withdrawing_ = true;
  if (!there_ || (!said_ && !asking_)) standing_ = Withdrawn{};
  consider(now);
}

Candidacy::Say Candidacy::wanted() const {
  if (withdrawing_ || !port_) return {};
  return {*port_, full_};
}

bool Candidacy::may_say() const { return there_ && !asking_ && !is_withdrawn() && (port_ || said_ || withdrawing_); }

/// Whether there is something new to say, now or a little later.
void Candidacy::consider(TimePoint now) {
  if (!may_say() || said_ == wanted()) return;
  const bool good_news = said_ && said_->full && !wanted().full && !withdrawing_;
  if (good_news && said_at_ && now < *said_at_ + least_candidacy_pause) {
    again_at_ = again_at_ ? std::min(*again_at_, *said_at_ + least_candidacy_pause) : *said_at_ + least_candidacy_pause;
    return;
  }
  asking_ = out_ = wanted();
  said_at_ = now;
  again_at_.reset();
}

void Candidacy::again_after(Duration pause, TimePoint now) {
  again_at_ = now + pause;
  consider(now);  // what has changed while we waited for the answer
}

void Candidacy::answered(const Volunteered& answer, TimePoint now) {
  if (!asking_) return;
  const auto asked = *std::exchange(asking_, std::nullopt);
  said_ = asked;
  if (asked.port.number == 0) {
    standing_ = withdrawing_ ? Standing{Withdrawn{}} : Standing{NotAsked{}};
    again_at_.reset();
    return consider(now);
  }
  if (answer.outcome == DialBackOutcome::reached) {
    standing_ = asked.full ? Standing{Full{}} : Standing{Listed{answer.endpoint}};
    pause_ = first_candidacy_pause;
    return again_after(between_candidacies, now);
  }
  standing_ = Unreached{asked.port, answer.outcome};
  again_after(std::exchange(pause_, std::min(2 * pause_, between_candidacies)), now);
}

void Candidacy::failed(const Error& why, TimePoint now) {
  if (!asking_) return;
  const auto asked = *std::exchange(asking_, std::nullopt);
  said_ = asked;
  if (withdrawing_ && asked == wanted()) {
    standing_ = Withdrawn{};
    again_at_.reset();
    return;
  }
  standing_ = TurnedDown{why};
  again_after(std::exchange(pause_, std::min(2 * pause_, between_candidacies)), now);
}

void Candidacy::expire(TimePoint now) {
  if (!again_at_ || now < *again_at_) return;
  again_at_.reset();
  if (!may_say()) return;
  said_.reset();
  consider(now);
}

std::optional<TimePoint> Candidacy::deadline() const { return again_at_; }

std::optional<Candidacy::Action> Candidacy::take() { return std::exchange(out_, std::nullopt); }

}  // namespace pshare
