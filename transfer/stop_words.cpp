#include "transfer/stop_words.hpp"

namespace pshare {

namespace {

constexpr const char* run_again = "run the same command again, on both sides, to go on where it stopped";

std::string sentence(Errc code) {
  switch (code) {
    case Errc::source_changed: return "a file changed while it was being sent";
    case Errc::local_io: return "a file or disk there could not be read or written";
    case Errc::cancelled:
    case Errc::interrupted: return "the user there called it off";
    case Errc::busy: return "another transfer there has it in use";
    default: return "it could not go on";
  }
}

std::string hint(Errc code) {
  switch (code) {
    case Errc::source_changed:
    case Errc::cancelled:
    case Errc::interrupted: return run_again;
    case Errc::local_io: return std::string{"once that is put right, "} + run_again;
    case Errc::version:
    case Errc::malformed:
    case Errc::limit: return "check that both sides run the same version of pshare";
    default: return {};
  }
}

/// Those that a peer may lay upon us.
Errc taken(Errc code) {
  switch (code) {
    case Errc::source_changed:
    case Errc::local_io:
    case Errc::cancelled:
    case Errc::interrupted:
    case Errc::malformed:
    case Errc::limit:
    case Errc::version:
    case Errc::busy: return code;
    default: return Errc::failed;
  }
}

}  // namespace

Stop stop_for(const Error& trouble) { return {.code = trouble.code, .words = sentence(trouble.code)}; }

Stop stop_for_protocol(const Error& trouble) { return {.code = trouble.code, .words = trouble.doing}; }

Error error_from(const Stop& stop) {
  const auto code = taken(stop.code);
  const auto words = stop.words.empty() ? sentence(code) : stop.words;
  return {.code = code, .doing = "the other side stopped the transfer: " + words, .hint = hint(code)};
}

Error lost_contact() {
  return {.code = Errc::interrupted, .doing = "lost every connection to the other side", .hint = run_again};
}

}  // namespace pshare
