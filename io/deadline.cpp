#include "io/deadline.hpp"

namespace pshare {

awaitable<void> sleep_until(TimePoint until) {
  asio::steady_timer timer{co_await asio::this_coro::executor, until};
  co_await timer.async_wait(use_awaitable);
}

namespace deadline_detail {

awaitable<void> alarm(TimePoint until, std::string doing) {
  co_await sleep_until(until);
  throw Failure{{.code = Errc::timed_out, .doing = std::move(doing)}};
}

}  // namespace deadline_detail

}  // namespace pshare
