#include <csignal>

#include "apps/process/plain_output.hpp"

namespace pshare {

PlainOutput::PlainOutput() { std::signal(SIGPIPE, SIG_IGN); }
PlainOutput::~PlainOutput() = default;

}  // namespace pshare
