// One offer on the receiving side, from its arrival to its end: who asks, does the user agree, and then the transfer.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "apps/pshare/addressee.hpp"
#include "apps/pshare/give_up.hpp"
#include "apps/pshare/online.hpp"
#include "apps/pshare/options.hpp"
#include "apps/pshare/program.hpp"
#include "apps/pshare/straight_hope.hpp"
#include "io/wakeup.hpp"
#include "transfer/io/receiver_session.hpp"
#include "transfer/io/sink.hpp"

namespace pshare {

/// A transfer is a sender's: the ID that two senders choose may be the same, and must not lead into each other's partial folder.
using TransferKey = std::pair<PeerId, TransferId>;

class Reception {
 public:
  /// Between two searches for the sender where the server is out of reach as well; each takes laneless_patience.
  static constexpr Duration search_pause = std::chrono::seconds{10};

  /// How it ended.
  struct NotWanted {};                 // declined, withdrawn, or taken by another device
  struct Shown {};                     // a text
  struct Done {};
  struct Lost { Error error; };        // the sender is gone; it may come back and go on
  struct Failed { Error error; };
  using End = std::variant<NotWanted, Shown, Done, Lost, Failed>;

  /// All references live longer.
  /// `met_as`: what somebody calls themselves whom we have met by a code; nothing: we have not.
  Reception(Program& program, Online& online, const ReceiveOptions& options, Letter letter, std::optional<std::string> met_as);

  /// `agreed`: what of this very transfer was agreed to before, if it was; nobody is asked again about no more than that.
  awaitable<bool> consent(std::optional<Summary> agreed);
  /// After consent. `give_up`: what an earlier session of the same transfer has left of it.
  awaitable<End> receive(GiveUp give_up);
  /// Ctrl-C. What is only asked about yet stays where it is, for the next program that receives; but what came by a code comes to no other.
  void cancel();
  /// There is a newer offer of the same transfer, so the sender need not be told.
  void give_way();

  TransferKey key() const { return {letter_.from, offer_.transfer}; }
  const Summary& offered() const { return offer_.summary; }
  const std::string& caller() const { return caller_.name; }
  bool receiving() const { return session_ != nullptr; }
  /// After cancel(), the sender is still to be told.
  bool has_last_words() const { return receiving() || (asking_ && met_as_); }
  /// What is left of it by now; nothing before receive().
  const std::optional<GiveUp>& give_up() const { return give_up_; }
  /// In an earlier session, to the same transfer.
  bool agreed_before() const { return agreed_before_; }

 private:
  awaitable<bool> ask(std::string because);
  awaitable<void> watch_for_leaving();
  awaitable<void> call_off();
  awaitable<void> reject(Reject::Why why, std::string words);
  awaitable<void> answer(Signal signal);
  void answer_again();
  awaitable<void> agree(ReceiverSession& session);
  void pin();
  Result<std::unique_ptr<Sink>> open_sink() const;
  awaitable<End> show_text();
  awaitable<End> run_session(Sink& sink);
  awaitable<void> keep_lanes(ReceiverSession& session, Climber& climber);
  awaitable<void> dial_further_lanes(ReceiverSession& session, Climber& climber, Path like);
  awaitable<void> watch_for_cancel();
  awaitable<void> watch(ReceiverSession& session, Climber& climber, TaskGroup& tasks);
  void use(const Path& path);
  void look_for_sender(ReceiverSession& session, Climber& climber, TimePoint now);
  void search(Climber& climber, TimePoint now);
  bool goes_on_without_server() const;
  Lost lost(Error error);
  End end_of(const ReceiveOutcome& outcome, const ReceiverSession& session);

  Program& program_;
  Online& online_;
  const ReceiveOptions& options_;
  const Letter letter_;
  const Offer offer_;
  DeviceId sender_device_;               // the one that wrote last: a sender that had lost the server writes by another
  Correspondence::Slot slot_;
  const std::optional<std::string> met_as_;
  Caller caller_;
  std::filesystem::path destination_;    // known with the caller, whose rule may name a folder
  ReceiverSession* session_ = nullptr;   // while it runs
  Climber* climber_ = nullptr;           // beside it
  std::optional<Accept> accepted_;
  bool cancelled_ = false, gives_way_ = false;
  bool asking_ = false;                  // the user
  Wakeup left_;                          // instead of answering
  bool withdrawn_ = false, further_dialled_ = false;
  std::vector<Path> lanes_;              // those that are up
  StraightHope hope_;
  std::optional<Path> path_, last_path_; // on which the sender speaks
  std::optional<GiveUp> give_up_;        // once it receives
  std::optional<TimePoint> lost_at_;     // while there is no path any more
  TimePoint search_at_;                  // the next search for the sender, while the server does not tell of it
  std::string lost_because_;             // the last lane that was lost, in words
  bool agreed_before_ = false;           // to this transfer, in an earlier session
  bool had_lane_ = false;                // since the last climb began
  TimePoint began_;
};

}  // namespace pshare
