// The only way to Asio: whoever includes this has the io/ target among its dependencies, so the pure folders cannot.
#pragma once

#include <asio.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/experimental/channel.hpp>

namespace pshare {

template <typename T = void>
using awaitable = asio::awaitable<T>;
using asio::use_awaitable;

}  // namespace pshare
