// What the user (or the program that runs us) is told: JSON events on standard output with --json, words on standard error otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "apps/pshare/progress_line.hpp"
#include "traversal/path.hpp"
#include "wire/error.hpp"
#include "wire/ids.hpp"
#include "wire/reason.hpp"
#include "wire/signal.hpp"

namespace pshare {

class Report {
 public:
  struct Manner {
    bool json = false, quiet = false;
    int verbosity = 0;
  };
  explicit Report(Manner manner);
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;
  ~Report();  // ends an unfinished progress line

  // --- events of the contract; `name`s are as the peer or the user wrote them and made printable here -------------------
  void identity(std::string_view name, const PeerId& id);
  /// Our own offer went out (`fate`: "delivered" or "waiting"), or somebody's came in.
  void offer_made(std::string_view to, const PeerId& id, const Summary& summary, std::string_view fate);
  void offer_came(std::string_view from, const PeerId& id, bool contact, const Summary& summary);
  void accepted(std::string_view peer);  // they said yes to us
  void agreed(std::string_view peer);    // we said yes to them; the same event
  void rejected(std::string_view peer, std::string_view why, std::string_view words);
  void attempt(Tier tier, Transport transport, Outcome outcome, Reason reason, Duration elapsed);
  void path(const Path& path);
  /// The path to them was lost, in the middle; `why` may be empty. And there is one again: an event like any other path.
  void path_lost(std::string_view peer, std::string_view why, std::string_view time_left);
  void path_again(std::string_view peer, const Path& path, Duration after);
  /// Called as often as one likes; shown a few times a second.
  void progress(const ProgressFacts& facts, TimePoint now);
  void last_progress(const ProgressFacts& facts);
  void done(std::string_view verb, const DoneFacts& facts);
  void text(std::string_view from, std::string_view text);
  void error(const Error& error);

  // --- words for people only; nothing of them with --json on standard output ---------------------------------------------
  void say(std::string_view words);     // not with -q
  void detail(std::string_view words);  // with -v
  void warn(std::string_view words);

  /// A line of a listing that was asked for (contacts, peers): standard output, one JSON object with --json.
  void listing(std::string_view event, std::string_view name, const PeerId& id, std::optional<bool> online);

  /// What was asked for and takes many lines: standard output, `json` (one object) with --json.
  void result(std::string_view json, std::string_view words);

  const Manner& manner() const { return manner_; }

 private:
  void line(std::string_view words);
  void clear_progress();

  Manner manner_;
  std::optional<TimePoint> last_progress_;
  bool progress_shown_ = false;
};

/// "film.mkv (1.2 GB)", "3 files, 1.2 GB: a.txt, b.txt and 1 more", "a stream of unknown length", "a text of 12 characters".
std::string summary_words(const Summary& summary);

/// An error in the words shown to people: what failed, why, and what to do about it.
std::string error_words(const Error& error);

}  // namespace pshare
