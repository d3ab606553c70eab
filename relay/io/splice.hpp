// Copies bytes from one TCP socket to another, as they are. On Linux by splice(2): through a pipe, without entering this program. Elsewhere, where
// the system will not, and when there are no pipes to be had, through memory.
//
// A pipe is lent only while it holds bytes, so that a lane costs two descriptors and a pipe's pages are not tied up by who is silent
// (a user has but some 1000 pipes of the usual size: pipe-user-pages-soft in pipe(7)). While few are left, no more is taken from a source than its destination has
// room for; so slow lanes keep no pipe either, nor memory in its place.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include "io/asio.hpp"
#include "wire/bytes.hpp"
#include "wire/units.hpp"

namespace pshare {

/// Bytes of one flow until it is another's turn.
inline constexpr std::size_t bytes_of_a_turn = 256 * KiB;
/// What a pipe holds. Not all of it if the network's pieces are small: a pipe counts pieces.
inline constexpr std::size_t pipe_size = 256 * KiB;
/// Pipes at once; beyond, bytes go through memory. A quarter of what a user may have in pages.
inline constexpr std::size_t max_pipes = 64;
/// Pipes kept for the next who needs one.
inline constexpr std::size_t spare_pipes = 4;
/// What goes through memory at once.
inline constexpr std::size_t memory_of_a_turn = 64 * KiB;
/// Less room than this at a slow destination is waited for.
inline constexpr std::size_t worthwhile_room = 16 * KiB;

/// Both ends of a pipe. Empty, or about to be closed.
class Pipe {
 public:
  Pipe(int out, int in) : out_(out), in_(in) {}
  Pipe(Pipe&& other) noexcept;
  Pipe& operator=(Pipe&& other) noexcept;
  ~Pipe();
  int out() const { return out_; }  // read here
  int in() const { return in_; }    // write here

 private:
  int out_, in_;
};

class PipePool {
 public:
  /// Nothing if there are too many, or the system has none.
  std::optional<Pipe> lend();
  /// An empty one.
  void give_back(Pipe pipe);
  /// One that was lent is closed by its holder.
  void lost() { --lent_; }
  std::size_t lent() const { return lent_; }
  /// So few are left that nobody should keep one for a rest.
  bool scarce() const { return lent_ > max_pipes / 2; }
  /// Memory for bytes on their way, within one step.
  std::span<std::byte> scratch();

 private:
  std::vector<Pipe> spare_;
  std::size_t lent_ = 0;
  ByteBuffer scratch_;
};

/// One direction of a lane: from one socket to the other. Both are non-blocking, and live longer, as does the pool.
class OneWay {
 public:
  enum class Means { kernel, memory };
  static constexpr Means best_means() {
#ifdef __linux__
    return Means::kernel;
#else
    return Means::memory;
#endif
  }

  OneWay(asio::ip::tcp::socket& from, asio::ip::tcp::socket& to, PipePool& pipes, Means means = best_means());
  OneWay(const OneWay&) = delete;
  OneWay& operator=(const OneWay&) = delete;
  ~OneWay();

  enum class Next { turn, source, destination, ended, broken };
  struct Step {
    std::size_t taken = 0;  // bytes that came from the source
    Next next = Next::turn; // what to wait for: nothing, that one can be read or the other be written; or it is over
    std::error_code why = {};
  };
  /// Takes at most `most` bytes from the source if none are held, and gives the destination what it takes at once. Never blocks. After the
  /// source's end, and once nothing is held any more, the destination is told of it.
  Step step(std::size_t most);

  /// What was taken, and not given yet.
  std::size_t held() const { return in_pipe_ + (kept_.size() - kept_given_); }
  bool has_pipe() const { return pipe_.has_value(); }
  Means means() const { return means_; }

 private:
  Step take(std::size_t most);
  Step take_by_pipe(std::size_t most);
  Step take_by_memory(std::size_t most);
  Step end();
  Step give();
  Step give_from_pipe();
  Step give_from_memory();
  void move_to_memory();
  void give_pipe_back();
  std::size_t room_at_destination() const;

  asio::ip::tcp::socket& from_;
  asio::ip::tcp::socket& to_;
  PipePool& pipes_;
  Means means_;
  std::optional<Pipe> pipe_;
  std::size_t in_pipe_ = 0;
  ByteBuffer kept_;  // in memory
  std::size_t kept_given_ = 0;
  bool slow_ = false;    // the destination did not take all at once
  bool waited_ = false;  // for room there
};

}  // namespace pshare
