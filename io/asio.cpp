// The one translation unit that compiles Asio's implementation (ASIO_SEPARATE_COMPILATION).
#include "io/asio.hpp"  // first: it sees to it that Asio configures itself as everywhere else

#include <asio/impl/src.hpp>
