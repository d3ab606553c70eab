#include "relay/mailbox.hpp"

#include <algorithm>
#include <iterator>

namespace pshare {

namespace {

template <typename Key>
std::size_t count_of(const std::map<Key, std::size_t>& counts, const Key& key) {
  const auto found = counts.find(key);
  return found == counts.end() ? 0 : found->second;
}

template <typename Key>
void count_down(std::map<Key, std::size_t>& counts, const Key& key) {
  if (const auto found = counts.find(key); --found->second == 0) counts.erase(found);
}

}  // namespace

bool Mailbox::has_room(const PeerId& to, const WaitingLetter& letter) const {
  if (count_of(from_key_, letter.from) >= max_waiting_from_one) return false;
  if (count_of(from_address_, letter.from_address) >= max_waiting_from_an_address) return false;
  if (bytes_ + letter.body.size() > max_waiting_bytes) return false;
  const auto box = boxes_.find(to);
  if (box == boxes_.end()) return letter.body.size() <= max_waiting_bytes_for_one;
  return box->second.letters.size() < max_waiting_for_one && box->second.bytes + letter.body.size() <= max_waiting_bytes_for_one;
}

bool Mailbox::put(const PeerId& to, WaitingLetter letter, TimePoint now) {
  withdraw(letter.from, to, letter.session);
  if (!has_room(to, letter)) return false;
  bytes_ += letter.body.size();
  ++from_key_[letter.from];
  ++from_address_[letter.from_address];
  auto& box = boxes_[to];
  box.bytes += letter.body.size();
  box.letters.push_back(letters_.insert(letters_.end(), Waiting{to, now + mailbox_patience, std::move(letter)}));
  return true;
}

WaitingLetter Mailbox::remove(Letters::iterator waiting) {
  const auto box = boxes_.find(waiting->to);
  std::erase(box->second.letters, waiting);
  box->second.bytes -= waiting->letter.body.size();
  if (box->second.letters.empty()) boxes_.erase(box);
  count_down(from_key_, waiting->letter.from);
  count_down(from_address_, waiting->letter.from_address);
  bytes_ -= waiting->letter.body.size();
  auto letter = std::move(waiting->letter);
  letters_.erase(waiting);
  return letter;
}

std::vector<WaitingLetter> Mailbox::take(const PeerId& to) {
  std::vector<WaitingLetter> taken;
  for (auto box = boxes_.find(to); box != boxes_.end(); box = boxes_.find(to)) taken.push_back(remove(box->second.letters.front()));
  return taken;
}

std::vector<WaitingLetter> Mailbox::take(const PeerId& to, const PeerId& from) {
  std::vector<WaitingLetter> taken;
  const auto box = boxes_.find(to);
  if (box == boxes_.end()) return taken;
  std::vector<Letters::iterator> theirs;
  std::ranges::copy_if(box->second.letters, std::back_inserter(theirs), [&](const auto& each) { return each->letter.from == from; });
  for (const auto each : theirs) taken.push_back(remove(each));
  return taken;
}

bool Mailbox::withdraw(const PeerId& from, const PeerId& to, const SessionId& session) {
  const auto box = boxes_.find(to);
  if (box == boxes_.end()) return false;
  const auto found = std::ranges::find_if(
      box->second.letters, [&](const auto& each) { return each->letter.from == from && each->letter.session == session; });
  if (found == box->second.letters.end()) return false;
  remove(*found);
  return true;
}

void Mailbox::expire(TimePoint now) {
  while (!letters_.empty() && letters_.front().ends <= now) remove(letters_.begin());
}

std::optional<TimePoint> Mailbox::deadline() const {
  return letters_.empty() ? std::nullopt : std::optional{letters_.front().ends};
}

}  // namespace pshare
