// The only way to Asio: whoever includes this has the io/ target among its dependencies, so the pure folders cannot.
#pragma once

// Asio looks at what the standard library has (_GLIBCXX_HAVE_ALIGNED_ALLOC) before it includes any of it. A standard header must come
// first, or translation units disagree on how coroutine frames are allocated, and the wrong function frees them.
#include <memory>

#include <asio.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/channel.hpp>

namespace pshare {

template <typename T = void>
using awaitable = asio::awaitable<T>;
using asio::use_awaitable;

}  // namespace pshare
