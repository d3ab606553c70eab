#include "traversal/mapping/epoch.hpp"

namespace pshare {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool Epoch::has_begun_anew(seconds told, TimePoint now) {
  const bool fitting = !last_ || fits(told, now);
  last_ = Heard{told, now};
  return !fitting;
}

bool Epoch::fits(seconds told, TimePoint now) const {
  const auto ours = std::chrono::duration_cast<milliseconds>(now - last_->at);
  if (rule_ == Rule::nat_pmp) return told >= last_->told + ours * 7 / 8 - seconds{2};
  if (told + seconds{1} < last_->told) return false;
  const milliseconds theirs = told - last_->told;
  return ours + seconds{2} >= theirs - theirs / 16 && theirs + seconds{2} >= ours - ours / 16;
}

}  // namespace pshare
