#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string>
#include <system_error>

#include "transfer/disk/posix/failure.hpp"
#include "transfer/io/standard_stream.hpp"

namespace pshare {

namespace {

constexpr int no_limit = -1;  // poll(2)

/// Readable once somebody has said stop.
class Stop {
 public:
  Stop() : event_(::eventfd(0, EFD_CLOEXEC)) {
    if (!event_) throw Failure{{.code = Errc::local_io, .doing = "making an eventfd", .cause = last_system_error()}};
  }

  void say() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto told = ::write(event_.native(), &one, sizeof one);
  }

  /// Until `descriptor` is ready.
  Result<void> or_ready(int descriptor, short events, const char* doing) const {
    for (;;) {
      std::array waiting{pollfd{descriptor, events, 0}, pollfd{event_.native(), POLLIN, 0}};
      if (::poll(waiting.data(), waiting.size(), no_limit) < 0) {
        if (errno == EINTR) continue;
        return disk_failure(doing);
      }
      if (waiting[1].revents != 0) return Unexpected{{.code = Errc::interrupted, .doing = doing}};
      if (waiting[0].revents != 0) return {};
    }
  }

 private:
  Handle event_;
};

/// A pipe may stay full for as long as its reader likes, and a thread that is stuck in write(2) cannot be called back. So a pipe is
/// opened anew, non-blocking, which leaves the caller's description as it is.
Handle own_description_of(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) return Handle{};
  return Handle{::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)};
}

}  // namespace

Handle::Native standard_input() { return STDIN_FILENO; }
Handle::Native standard_output() { return STDOUT_FILENO; }

struct InputStream::State {
  const int input;
  const Stop stop;
};

InputStream::InputStream(Handle::Native native) : state_(new State{native, {}}) {}

Result<std::size_t> InputStream::read(std::span<std::byte> out) {
  constexpr auto doing = "reading the input";
  for (;;) {
    if (auto ready = state_->stop.or_ready(state_->input, POLLIN, doing); !ready) return Unexpected{std::move(ready).error()};
    const auto count = ::read(state_->input, out.data(), out.size());
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno != EINTR && errno != EAGAIN) return disk_failure(doing);
  }
}

void InputStream::interrupt() { state_->stop.say(); }

InputStream::InputStream(InputStream&&) noexcept = default;
InputStream& InputStream::operator=(InputStream&&) noexcept = default;
InputStream::~InputStream() = default;

struct OutputStream::State {
  explicit State(int given) : own(own_description_of(given)), output(own ? own.native() : given) {}

  const Handle own;
  const int output;
  const Stop stop;
};

OutputStream::OutputStream(Handle::Native native) : state_(new State{native}) {}

Result<void> OutputStream::write(ByteView bytes) {
  constexpr auto doing = "writing the output";
  while (!bytes.empty()) {
    if (auto ready = state_->stop.or_ready(state_->output, POLLOUT, doing); !ready) return ready;
    const auto count = ::write(state_->output, bytes.data(), bytes.size());
    if (count >= 0) bytes = bytes.subspan(static_cast<std::size_t>(count));
    else if (errno != EINTR && errno != EAGAIN) return disk_failure(doing);
  }
  return {};
}

void OutputStream::interrupt() { state_->stop.say(); }

OutputStream::OutputStream(OutputStream&&) noexcept = default;
OutputStream& OutputStream::operator=(OutputStream&&) noexcept = default;
OutputStream::~OutputStream() = default;

}  // namespace pshare
