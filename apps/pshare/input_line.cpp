#include "apps/pshare/input_line.hpp"

#include <optional>
#include <span>
#include <thread>

#include "io/wakeup.hpp"
#include "transfer/io/standard_stream.hpp"
#include "wire/error.hpp"

namespace pshare {

namespace {

/// In a thread of its own, since not every system can wait for input in any other way; it is called back when nobody wants the line any more.
class LineReader {
 public:
  LineReader(const asio::any_io_executor& executor, std::size_t longest) : over_(executor), thread_([this, longest] { read(longest); }) {}
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader() {
    input_.interrupt();
    if (thread_.joinable()) thread_.join();
  }

  awaitable<std::string> line() {
    co_await over_.wait();
    thread_.join();
    if (trouble_) throw Failure{*trouble_};
    co_return line_;
  }

 private:
  void read(std::size_t longest) {
    while (line_.size() < longest) {
      char next = 0;  // byte by byte: what comes behind the line is not ours
      const auto count = input_.read(std::as_writable_bytes(std::span{&next, 1}));
      if (!count) trouble_ = count.error();
      if (!count || *count == 0 || next == '\n') break;
      line_ += next;
    }
    over_.ring();
  }

  InputStream input_{standard_input()};
  std::string line_;
  std::optional<Error> trouble_;
  RemoteWakeup over_;
  std::thread thread_;  // last: it works with all of the above
};

}  // namespace

awaitable<std::string> first_line_of_input(std::size_t longest) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  LineReader reader{executor, longest};
  co_return co_await reader.line();
}

}  // namespace pshare
