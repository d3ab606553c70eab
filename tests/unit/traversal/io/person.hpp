// A person with keys, and small things that tests of drivers need.
#pragma once

#include <exception>
#include <optional>
#include <utility>

#include "io/asio.hpp"
#include "io/tcp_stream.hpp"
#include "secure/identity.hpp"
#include "secure/io/tls_stream.hpp"
#include "secure/tls.hpp"
#include "wire/error.hpp"

namespace pshare::testing {

struct Person {
  Identity identity = value_or_throw(Identity::generate());
  TlsContext tls{identity};
  const PeerId& id() const { return identity.id(); }
};

inline IpAddress here() { return *IpAddress::parse("127.0.0.1"); }

/// Runs `story` to its end on a loop of its own; what it throws fails the test. A test that hangs is ended by ctest's time-out.
inline void run(asio::io_context& loop, awaitable<void> story) {
  std::exception_ptr trouble;
  bool ended = false;
  asio::co_spawn(loop, std::move(story), [&](std::exception_ptr thrown) {
    trouble = thrown;
    ended = true;
    loop.stop();
  });
  loop.run();
  if (trouble) std::rethrow_exception(trouble);
  if (!ended) throw std::logic_error{"the story did not come to its end"};
}

/// The error with which `work` fails.
template <typename T>
awaitable<std::optional<Error>> error_of(awaitable<T> work) {
  try {
    co_await std::move(work);
  } catch (const Failure& failure) {
    co_return failure.error();
  }
  co_return std::nullopt;
}

}  // namespace pshare::testing
