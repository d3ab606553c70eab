// The C library's signals are no help: they know nothing of a console that goes away, and end the program as soon as their handler has returned.
#include "apps/process/stop_request.hpp"

#include <windows.h>

#include <mutex>
#include <utility>

#include "io/wakeup.hpp"

namespace pshare {

namespace {

/// The system calls us in a thread of its own.
class Desk {
 public:
  virtual void come(const char* name) = 0;

 protected:
  ~Desk() = default;
};

std::mutex desk_mutex;
Desk* desk = nullptr;  // the one in this process

BOOL WINAPI told(DWORD event) {
  const char* name = event == CTRL_C_EVENT          ? "CTRL_C"
                     : event == CTRL_BREAK_EVENT    ? "CTRL_BREAK"
                     : event == CTRL_CLOSE_EVENT    ? "CTRL_CLOSE"
                     : event == CTRL_LOGOFF_EVENT   ? "CTRL_LOGOFF"
                     : event == CTRL_SHUTDOWN_EVENT ? "CTRL_SHUTDOWN"
                                                    : nullptr;
  if (name == nullptr) return FALSE;
  {
    const std::lock_guard lock{desk_mutex};
    if (desk == nullptr) return FALSE;  // the default: the program ends
    desk->come(name);
  }
  // Of these the program is over as soon as we return. We stay until it has ended by itself, or the system loses patience.
  if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT) ::Sleep(INFINITE);
  return TRUE;
}

}  // namespace

struct StopRequests::State final : Desk {
  explicit State(const asio::any_io_executor& given) : executor(given), news(std::make_shared<News>(given)) {}
  void come(const char* name) override {
    asio::post(executor, [to = news, name] {
      to->last = name;
      to->kept = to->waiting == 0;
      to->wakeups.ring();
    });
  }

  struct News {
    explicit News(const asio::any_io_executor& on) : wakeups(on) {}
    std::string last;
    bool kept = false;  // nobody waited
    std::size_t waiting = 0;
    Wakeups wakeups;
  };
  const asio::any_io_executor executor;
  const std::shared_ptr<News> news;  // shared with what has been posted and comes to its turn when this is gone
};

/// One who waits, also when that is cancelled.
class Waiter {
 public:
  explicit Waiter(std::size_t& waiting) : waiting_(waiting) { ++waiting_; }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() { --waiting_; }

 private:
  std::size_t& waiting_;
};

StopRequests::StopRequests(const asio::any_io_executor& executor) : state_(std::make_unique<State>(executor)) {
  {
    const std::lock_guard lock{desk_mutex};
    desk = state_.get();
  }
  // For good: taking it out would wait until told() has returned, which it does not while a window closes.
  [[maybe_unused]] static const BOOL installed = ::SetConsoleCtrlHandler(told, TRUE);
}

StopRequests::~StopRequests() { let_through(); }

void StopRequests::let_through() {
  const std::lock_guard lock{desk_mutex};
  desk = nullptr;
}

awaitable<std::string> StopRequests::next() {
  const auto news = state_->news;
  if (!std::exchange(news->kept, false)) {
    const Waiter waiter{news->waiting};
    co_await news->wakeups.wait();
  }
  co_return news->last;
}

}  // namespace pshare
