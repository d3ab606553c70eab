// A stream of bytes that somebody else has opened for us, as standard input and standard output are: a pipe, a file, a terminal. Working with it keeps a thread
// waiting for as long as the other end likes, so another thread can call that one back. Bytes go through as they are: no end of line becomes another.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "transfer/disk/handle.hpp"
#include "wire/bytes.hpp"
#include "wire/result.hpp"

namespace pshare {

/// Those of this process. Not ours to close. On Windows there may be none.
Handle::Native standard_input();
Handle::Native standard_output();

class InputStream {
 public:
  /// `native` stays the caller's and lives longer.
  explicit InputStream(Handle::Native native);

  /// Waits until there are some, and gives how many; 0 only when the stream has ended. By one thread at a time. Of a Windows console: what is typed, in UTF-8.
  /// Errors: interrupted; local_io.
  Result<std::size_t> read(std::span<std::byte> out);
  /// From any thread: whoever reads returns, and so does at once whoever reads later.
  void interrupt();

  InputStream(InputStream&&) noexcept;
  InputStream& operator=(InputStream&&) noexcept;
  ~InputStream();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class OutputStream {
 public:
  /// `native` stays the caller's and lives longer.
  explicit OutputStream(Handle::Native native);

  /// All of them, by one thread at a time. Errors: interrupted; local_io, whose cause is std::errc::broken_pipe when nobody reads any more.
  Result<void> write(ByteView bytes);
  /// From any thread: whoever writes returns, and so does at once whoever writes later.
  void interrupt();

  OutputStream(OutputStream&&) noexcept;
  OutputStream& operator=(OutputStream&&) noexcept;
  ~OutputStream();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace pshare
