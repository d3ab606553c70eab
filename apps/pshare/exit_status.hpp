// What the program ends with: the contract's numbers (design section 9).
#pragma once

#include <array>
#include <string_view>

#include "wire/error.hpp"

namespace pshare {

enum class ExitStatus : int {
  done = 0,
  failed = 1,
  usage = 2,
  declined = 3,
  unknown_or_offline = 4,
  no_path = 5,
  identity = 6,
  interrupted = 7,
  local = 8,
};

/// As people are told.
struct ExitStatusMeaning {
  ExitStatus status;
  std::string_view meaning;
};
inline constexpr std::array exit_meanings{
    ExitStatusMeaning{ExitStatus::done, "done"},
    ExitStatusMeaning{ExitStatus::failed, "failed, or nobody answered in time"},
    ExitStatusMeaning{ExitStatus::usage, "wrong usage"},
    ExitStatusMeaning{ExitStatus::declined, "the peer declined"},
    ExitStatusMeaning{ExitStatus::unknown_or_offline, "the peer is unknown or not online"},
    ExitStatusMeaning{ExitStatus::no_path, "no path to the peer"},
    ExitStatusMeaning{ExitStatus::identity, "an identity or a code did not match, or nobody has vouched for it"},
    ExitStatusMeaning{ExitStatus::interrupted, "interrupted: the same command goes on where it stopped"},
    ExitStatusMeaning{ExitStatus::local, "local file or disk trouble, or a source that changed while it was sent"},
};

inline ExitStatus exit_status_of(Errc code) {
  switch (code) {
    case Errc::usage: return ExitStatus::usage;
    case Errc::declined: return ExitStatus::declined;
    case Errc::unknown_peer:
    case Errc::offline: return ExitStatus::unknown_or_offline;
    case Errc::no_path: return ExitStatus::no_path;
    case Errc::identity_mismatch:
    case Errc::untrusted: return ExitStatus::identity;
    case Errc::interrupted:
    case Errc::cancelled: return ExitStatus::interrupted;
    case Errc::local_io:
    case Errc::source_changed: return ExitStatus::local;
    case Errc::failed:
    case Errc::malformed:
    case Errc::limit:
    case Errc::version:
    case Errc::refused:
    case Errc::timed_out:
    case Errc::unreachable:
    case Errc::closed:
    case Errc::no_answer:
    case Errc::busy:
    case Errc::unsupported: return ExitStatus::failed;
  }
  return ExitStatus::failed;
}

}  // namespace pshare
