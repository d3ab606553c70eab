#include "traversal/server_order.hpp"

#include <cassert>

namespace pshare {

void ServerOrder::connected(TimePoint now) {
  connected_ = true;
  look_back_at_.reset();
  if (present_ > 0) look_back_at_ = now + look_back_every;
}

void ServerOrder::failed() {
  look_back_at_.reset();
  if (connected_) {
    connected_ = false;
    tries_left_ = tries_at_a_lost_server;
  } else if (--tries_left_ <= 0) {
    present_ = (present_ + 1) % servers_;
    tries_left_ = 1;
  }
}

void ServerOrder::looked_back_in_vain(TimePoint now) {
  if (look_back_at_) look_back_at_ = now + look_back_every;
}

void ServerOrder::go_back_to(std::size_t earlier) {
  assert(earlier < present_);
  present_ = earlier;
  connected_ = false;
  tries_left_ = 1;
  look_back_at_.reset();
}

}  // namespace pshare
