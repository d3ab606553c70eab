#include "wire/error.hpp"

#include <utility>

namespace pshare {

std::string_view word(Errc code) {
  switch (code) {
    case Errc::failed: return "failed";
    case Errc::usage: return "usage";
    case Errc::malformed: return "malformed";
    case Errc::limit: return "limit";
    case Errc::version: return "version";
    case Errc::refused: return "refused";
    case Errc::timed_out: return "timeout";
    case Errc::unreachable: return "unreachable";
    case Errc::closed: return "closed";
    case Errc::declined: return "declined";
    case Errc::unknown_peer: return "unknown-peer";
    case Errc::offline: return "offline";
    case Errc::no_answer: return "no-answer";
    case Errc::no_path: return "no-path";
    case Errc::identity_mismatch: return "identity-mismatch";
    case Errc::untrusted: return "untrusted";
    case Errc::interrupted: return "interrupted";
    case Errc::cancelled: return "cancelled";
    case Errc::local_io: return "local-io";
    case Errc::source_changed: return "source-changed";
    case Errc::busy: return "busy";
    case Errc::unsupported: return "unsupported";
  }
  return "failed";
}

std::string Error::message() const {
  if (!cause) return doing;
  return doing + ": " + cause.message();
}

Failure::Failure(Error error) : error_(std::move(error)), message_(error_.message()) {}

}  // namespace pshare
