#include "relay/io/splice.hpp"

#include <algorithm>
#include <utility>

#ifdef __linux__
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#endif

namespace pshare {

namespace {

constexpr int no_descriptor = -1;

bool would_block(const std::error_code& error) { return error == asio::error::would_block || error == asio::error::try_again; }

}  // namespace

// --- pipes ----------------------------------------------------------------------------------------------------------

Pipe::Pipe(Pipe&& other) noexcept : out_(std::exchange(other.out_, no_descriptor)), in_(std::exchange(other.in_, no_descriptor)) {}

Pipe& Pipe::operator=(Pipe&& other) noexcept {
  std::swap(out_, other.out_);
  std::swap(in_, other.in_);
  return *this;
}

Pipe::~Pipe() {
#ifdef __linux__
  if (out_ != no_descriptor) ::close(out_);
  if (in_ != no_descriptor) ::close(in_);
#endif
}

std::optional<Pipe> PipePool::lend() {
#ifdef __linux__
  if (lent_ >= max_pipes) return std::nullopt;
  if (!spare_.empty()) {
    auto pipe = std::move(spare_.back());
    spare_.pop_back();
    ++lent_;
    return pipe;
  }
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return std::nullopt;
  ::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(pipe_size));  // if not, it is smaller
  ++lent_;
  return Pipe{ends[0], ends[1]};
#else
  return std::nullopt;
#endif
}

void PipePool::give_back(Pipe pipe) {
  --lent_;
  if (spare_.size() < spare_pipes) spare_.push_back(std::move(pipe));
}

std::span<std::byte> PipePool::scratch() {
  scratch_.resize(memory_of_a_turn);
  return scratch_;
}

// --- one way --------------------------------------------------------------------------------------------------------

OneWay::OneWay(asio::ip::tcp::socket& from, asio::ip::tcp::socket& to, PipePool& pipes, Means means) : from_(from), to_(to), pipes_(pipes), means_(means) {}

OneWay::~OneWay() {
  if (pipe_) pipes_.lost();
}

void OneWay::give_pipe_back() {
  pipes_.give_back(*std::move(pipe_));
  pipe_.reset();
}

OneWay::Step OneWay::step(std::size_t most) {
  if (held() > 0) return give();
  // Looking costs two system calls for each turn. Where there are pipes enough, one may hold what did not find room.
  if (means_ == Means::memory ? slow_ : pipes_.scarce()) {
    const auto room = room_at_destination();
    if (room < worthwhile_room && !std::exchange(waited_, true)) return {.next = Next::destination};
    most = std::min(most, std::max(room, worthwhile_room));
    waited_ = false;
  }
  const auto taken = take(std::min(most, bytes_of_a_turn));
  if (taken.taken == 0) return taken;
  auto given = give();
  given.taken = taken.taken;
  return given;
}

OneWay::Step OneWay::end() {
  std::error_code ignored;  // reset already: who reads there learns of it
  to_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  return {.next = Next::ended};
}

OneWay::Step OneWay::take(std::size_t most) {
  if (means_ == Means::memory || !(pipe_ = pipes_.lend())) return take_by_memory(most);
  const auto step = take_by_pipe(most);
  if (in_pipe_ == 0) give_pipe_back();
  return means_ == Means::memory ? take_by_memory(most) : step;  // it may have found that there is no other way
}

OneWay::Step OneWay::take_by_memory(std::size_t most) {
  const auto scratch = pipes_.scratch();
  std::error_code error;
  const auto count = from_.read_some(asio::buffer(scratch.data(), std::min(most, scratch.size())), error);
  if (error == asio::error::eof) return end();
  if (would_block(error)) return {.next = Next::source};
  if (error) return {.next = Next::broken, .why = error};
  const auto given = to_.write_some(asio::buffer(scratch.data(), count), error);
  if (error && !would_block(error)) return {.taken = count, .next = Next::broken, .why = error};
  const auto rest = ByteView{scratch}.subspan(error ? 0 : given, error ? count : count - given);
  kept_.assign(rest.begin(), rest.end());
  kept_given_ = 0;
  return {.taken = count};
}

OneWay::Step OneWay::give() {
  auto step = in_pipe_ > 0 ? give_from_pipe() : give_from_memory();
  if (step.next != Next::destination) return step;
  slow_ = true;
  if (in_pipe_ > 0 && pipes_.scarce()) move_to_memory();
  return step;
}

OneWay::Step OneWay::give_from_memory() {
  while (kept_given_ < kept_.size()) {
    std::error_code error;
    const auto given = to_.write_some(asio::buffer(kept_.data() + kept_given_, kept_.size() - kept_given_), error);
    if (would_block(error)) return {.next = Next::destination};
    if (error) return {.next = Next::broken, .why = error};
    kept_given_ += given;
  }
  kept_ = {};
  kept_given_ = 0;
  return {};
}

#ifdef __linux__

namespace {

constexpr unsigned how = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

ssize_t splice_some(int from, int to, std::size_t most) {
  for (;;) {
    const auto count = ::splice(from, nullptr, to, nullptr, most, how);
    if (count >= 0 || errno != EINTR) return count;
  }
}

std::error_code last_error() { return {errno, asio::error::get_system_category()}; }

}  // namespace

OneWay::Step OneWay::take_by_pipe(std::size_t most) {
  const auto count = splice_some(from_.native_handle(), pipe_->in(), most);
  if (count > 0) {
    in_pipe_ = static_cast<std::size_t>(count);
    return {.taken = in_pipe_};
  }
  if (count == 0) return end();
  if (errno == EAGAIN) return {.next = Next::source};
  if (errno == EINVAL || errno == ENOSYS) means_ = Means::memory;
  return {.next = Next::broken, .why = last_error()};
}

OneWay::Step OneWay::give_from_pipe() {
  while (in_pipe_ > 0) {
    const auto count = splice_some(pipe_->out(), to_.native_handle(), in_pipe_);
    if (count > 0) {
      in_pipe_ -= static_cast<std::size_t>(count);
      continue;
    }
    if (count < 0 && errno == EAGAIN) return {.next = Next::destination};
    if (count < 0 && (errno == EINVAL || errno == ENOSYS)) {
      means_ = Means::memory;
      move_to_memory();
      return give_from_memory();
    }
    return {.next = Next::broken, .why = last_error()};
  }
  give_pipe_back();
  return {};
}

void OneWay::move_to_memory() {
  kept_.resize(in_pipe_);
  std::size_t read = 0;
  while (read < kept_.size()) {
    const auto count = ::read(pipe_->out(), kept_.data() + read, kept_.size() - read);
    if (count <= 0 && errno != EINTR) break;  // cannot be: it holds as much
    if (count > 0) read += static_cast<std::size_t>(count);
  }
  kept_.resize(read);
  kept_given_ = 0;
  in_pipe_ = 0;
  give_pipe_back();
}

std::size_t OneWay::room_at_destination() const {
  int size = 0, unsent = 0;
  socklen_t length = sizeof size;
  const int socket = to_.native_handle();
  if (::getsockopt(socket, SOL_SOCKET, SO_SNDBUF, &size, &length) != 0 || ::ioctl(socket, SIOCOUTQ, &unsent) != 0) return bytes_of_a_turn;
  return static_cast<std::size_t>(std::max(0, size - unsent)) / 4 * 3;  // the rest is the system's bookkeeping
}

#else

OneWay::Step OneWay::take_by_pipe(std::size_t most) { return take_by_memory(most); }
OneWay::Step OneWay::give_from_pipe() { return give_from_memory(); }
void OneWay::move_to_memory() {}
std::size_t OneWay::room_at_destination() const { return bytes_of_a_turn; }

#endif

}  // namespace pshare
