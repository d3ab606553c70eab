// What went wrong, for programs (Errc), for people (what we were doing, what they can change) and for the log (the cause).
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <system_error>

namespace pshare {

/// Kinds of trouble that somebody decides upon: the ladder's reason, the exit status, the `code` of an error event.
enum class Errc {
  failed,               // none of the others: see the words
  usage,                // the command line or a configuration file is wrong
  malformed,            // bytes from the network or the disk break their format
  limit,                // a named limit would be exceeded
  version,              // the other side speaks a protocol version that we do not
  refused,              // asked, and the other side said no
  timed_out,            // no answer in the time that was allowed
  unreachable,          // no route, connection refused or reset
  closed,               // the other side ended an orderly conversation
  declined,             // the peer's user (or rule) said no to an offer
  unknown_peer,         // neither a contact nor a name the server knows
  offline,              // known, but not connected to the server
  no_answer,            // online, but nobody answered the offer in time
  no_path,              // every tier ended without a lane
  identity_mismatch,    // a key is not the pinned one, or a signature does not hold
  untrusted,            // a name seen for the first time that nobody has vouched for
  interrupted,          // ended by a signal or by the loss of the other side; can be resumed
  cancelled,            // the other side's user called it off
  local_io,             // a local file, disk or permission
  source_changed,       // a file changed while it was being sent
  busy,                 // another process holds it, or the limit of simultaneous work is reached
  unsupported,          // asked for something this build or platform has not got
};

/// The stable word for `code` that programs see in `error` events ("no-path", "local-io", ...).
std::string_view word(Errc code);

struct Error {
  Errc code = Errc::failed;
  std::string doing;           // what we were doing, and with whom: "connecting to 192.0.2.1:4700"
  std::error_code cause = {};  // what the system or a library said, if anything
  std::string hint = {};       // what the user can do about it; empty when there is nothing to add

  /// One sentence for people: `doing`, and the cause's words if there is one.
  std::string message() const;
};

/// An Error on its way up through a driver to whoever can decide about it. Never thrown by cores.
class Failure : public std::exception {
 public:
  explicit Failure(Error error);
  const Error& error() const { return error_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  Error error_;
  std::string message_;
};

}  // namespace pshare
