// What the user (or the program that runs us) is told: JSON events on standard output with --json, words on standard error otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/pshare/accept_rules.hpp"
#include "apps/pshare/progress_line.hpp"
#include "secure/contacts.hpp"
#include "traversal/path.hpp"
#include "wire/error.hpp"
#include "wire/ids.hpp"
#include "wire/reason.hpp"
#include "wire/receipt.hpp"
#include "wire/signal.hpp"

namespace pshare {

/// For the `supernode` event.
struct SupernodeStanding {
  std::string_view state;                // state_word(), or "draining"
  std::optional<Endpoint> endpoint = {};  // where it is listed
  std::string reason = {};                // why it is not
  std::string_view for_whom;
  std::uint64_t sessions = 0, max_sessions = 0;
  std::optional<std::uint64_t> rate = {};
  std::uint64_t month_bytes = 0;
  std::optional<std::uint64_t> month_left = {};
};

/// For the `relaying` event.
struct LaneNews {
  struct Peer {
    std::string name;  // a contact's; empty: none
    PeerId id;
    std::string shown() const { return name.empty() ? id.short_text() : name; }
  };
  std::uint64_t number = 0;
  Peer one, other;
  struct Over {
    std::uint64_t bytes = 0;
    Duration age{};
    std::string why;
  };
  std::optional<Over> over = {};  // nothing: it begins
};

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
  /// A one-time code to be told to the other side; `there`: what to run there, in words; `qr`: the lines of a QR code of the link, or nothing.
  void code(const std::string& code, const std::string& link, std::string_view there, const std::vector<std::string>& qr);
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
  /// What the relay of a lane allows: limits for everybody to see, that there are none for who wants details.
  void relayed(const Path& path, const RelayJoined& limits);
  /// Called as often as one likes; shown a few times a second.
  void progress(const ProgressFacts& facts, TimePoint now);
  void last_progress(const ProgressFacts& facts);
  void done(std::string_view verb, const DoneFacts& facts);
  void text(std::string_view from, std::string_view text);
  /// A receipt of theirs has come and is kept.
  void receipt(std::string_view peer, const ReceiptStatement& statement, std::string_view number);
  void error(const Error& error);

  /// How a supernode stands with the server; `words` and `hint` for people, the rest for programs.
  void supernode(const SupernodeStanding& standing, std::string_view words, std::string_view hint);
  /// It began to carry a lane, or carries it no more.
  void relaying(const LaneNews& lane);
  /// The last lines of a terminal, as they are now; several calls overwrite each other. Not with -q or --json.
  void block(const std::vector<std::string>& lines);
  /// The terminal has just been asked this, and waits for an answer; empty: it is over. Lines that come meanwhile are set apart from it and show it again.
  void question(std::string_view asked);

  // --- words for people only; nothing of them with --json on standard output ---------------------------------------------
  void say(std::string_view words);     // not with -q
  void detail(std::string_view words);  // with -v
  void warn(std::string_view words);

  /// A line of a listing that was asked for: standard output, one JSON object with --json.
  void peer(const Pin& contact, bool online);
  void contact(const Pin& contact, const std::optional<AcceptRule>& rule);
  /// The words that `contact` and we compare. With --json an object of its own; the words for people are said by whoever asks.
  void comparison(const Pin& contact, std::string_view words);
  /// `name`: a contact's; empty: the rule for those that have none.
  void rule(std::string_view name, const AcceptRule& rule);

  /// What was asked for and takes many lines: standard output, `json` (one object) with --json.
  void result(std::string_view json, std::string_view words);

  const Manner& manner() const { return manner_; }

 private:
  void line(std::string_view words);
  void clear_progress();

  Manner manner_;
  std::optional<TimePoint> last_progress_;
  std::size_t lines_shown_ = 0;  // of a terminal: a progress line, or a block
  std::string question_;         // that waits for an answer
};

/// "film.mkv (1.2 GB)", "3 files, 1.2 GB: a.txt, b.txt and 1 more", "a stream of unknown length", "a text of 12 characters".
std::string summary_words(const Summary& summary);

/// An error in the words shown to people: what failed, why, and what to do about it.
std::string error_words(const Error& error);

}  // namespace pshare
