#include "relay/mailbox.hpp"

#include <algorithm>

namespace pshare {

void Mailbox::forget(const WaitingLetter& letter) {
  bytes_ -= letter.body.size();
  if (const auto count = from_.find(letter.from); --count->second == 0) from_.erase(count);
}

bool Mailbox::put(const PeerId& to, WaitingLetter letter) {
  withdraw(letter.from, to, letter.session);
  const auto box = waiting_.find(to);
  const auto sent = from_.find(letter.from);
  if (box != waiting_.end() && box->second.size() >= max_waiting_for_one) return false;
  if (sent != from_.end() && sent->second >= max_waiting_from_one) return false;
  if (bytes_ + letter.body.size() > max_waiting_bytes) return false;
  bytes_ += letter.body.size();
  ++from_[letter.from];
  waiting_[to].push_back(std::move(letter));
  return true;
}

std::vector<WaitingLetter> Mailbox::take(const PeerId& to) {
  const auto box = waiting_.find(to);
  if (box == waiting_.end()) return {};
  std::vector<WaitingLetter> letters{std::make_move_iterator(box->second.begin()), std::make_move_iterator(box->second.end())};
  waiting_.erase(box);
  for (const auto& letter : letters) forget(letter);
  return letters;
}

bool Mailbox::withdraw(const PeerId& from, const PeerId& to, const SessionId& session) {
  const auto box = waiting_.find(to);
  if (box == waiting_.end()) return false;
  const auto letter = std::ranges::find_if(box->second, [&](const auto& each) { return each.from == from && each.session == session; });
  if (letter == box->second.end()) return false;
  forget(*letter);
  box->second.erase(letter);
  if (box->second.empty()) waiting_.erase(box);
  return true;
}

void Mailbox::expire(TimePoint now) {
  for (auto box = waiting_.begin(); box != waiting_.end();) {
    std::erase_if(box->second, [&](const auto& letter) {
      if (letter.ends > now) return false;
      forget(letter);
      return true;
    });
    box = box->second.empty() ? waiting_.erase(box) : std::next(box);
  }
}

std::optional<TimePoint> Mailbox::deadline() const {
  std::optional<TimePoint> earliest;
  for (const auto& [to, letters] : waiting_)
    for (const auto& letter : letters)
      if (!earliest || letter.ends < *earliest) earliest = letter.ends;
  return earliest;
}

}  // namespace pshare
