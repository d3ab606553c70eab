// pshare send: walks what is to be sent, finds the recipient, offers, and sends; when the other side is lost in the middle, offers again
// until it is back or patience ends.
#include <algorithm>
#include <utility>

#include "apps/pshare/addressee.hpp"
#include "apps/pshare/give_up.hpp"
#include "apps/pshare/meeting.hpp"
#include "apps/pshare/offering.hpp"
#include "apps/pshare/online.hpp"
#include "apps/pshare/partner.hpp"
#include "apps/pshare/progress_watch.hpp"
#include "apps/pshare/quantities.hpp"
#include "apps/pshare/receipt_wish.hpp"
#include "apps/pshare/reception.hpp"
#include "apps/pshare/standstill.hpp"
#include "apps/pshare/straight_hope.hpp"
#include "io/deadline.hpp"
#include "io/log.hpp"
#include "io/printable.hpp"
#include "secure/receipt.hpp"
#include "transfer/io/file_source.hpp"
#include "transfer/io/sender_session.hpp"
#include "transfer/io/standard_stream.hpp"
#include "transfer/io/stream_source.hpp"
#include "transfer/transfer_id.hpp"
#include "traversal/path_rank.hpp"
#include "traversal/quic/quic_settings.hpp"
#include "wire/native_path.hpp"

namespace pshare {

namespace {

/// How long a path is looked for, once the other side has agreed; --timeout may make it shorter. Less than what the session bears without
/// a lane, so that it ends with what the search found out.
constexpr Duration path_patience = laneless_patience - std::chrono::seconds{5};
/// How long new lanes are looked for directly before the offer is made anew through the server. The other side may notice the loss of a QUIC lane
/// a keep-alive after us, and then punching the known addresses takes well below a second. What is left of 15 s is for the offer.
constexpr Duration reconnect_patience = std::chrono::seconds{3};
static_assert(reconnect_patience > QuicSettings{}.keep_alive() && QuicSettings{}.silence + reconnect_patience < lane_silence);
/// Where the server is out of reach as well, new lanes are looked for for so long each time, and then there is a pause, so that nobody is called for hours
/// without rest. The receiver does likewise (reception.hpp): it pauses for less than we search, so that the two meet.
constexpr Duration search_patience = std::chrono::seconds{15}, search_pause = std::chrono::seconds{15};
static_assert(search_patience > Reception::search_pause);
/// After a lane on which nothing came to be durable before it was lost: whoever harms every lane is not given new ones without rest. Doubled each time.
constexpr Duration pause_after_vain_lane = std::chrono::milliseconds{500}, longest_pause_after_vain_lanes = std::chrono::seconds{15};
/// One lane more, for --lanes.
constexpr Duration further_lane_patience = std::chrono::seconds{5};
/// After an offer that led to no path, although there had been one: doubled each time, up to the longest.
constexpr Duration pause_between_offers = std::chrono::seconds{2}, longest_pause_between_offers = std::chrono::seconds{30};
/// How long one offer of a transfer that had begun waits for its answer. Then it is made anew: the server keeps none for ever.
constexpr Duration offer_patience = std::chrono::minutes{5};
/// How long the code waits for a look at what is sent.
constexpr Duration source_head_start = std::chrono::milliseconds{300};
/// What standard input is called on the other side.
constexpr const char* stream_name = "stdin";

const Error called_off{.code = Errc::interrupted, .doing = "interrupted", .hint = "Run the same command again to go on where it stopped."};

/// The peer went away; worth another offer.
bool lost(const Error& error) { return error.code == Errc::unreachable; }

/// What an offer may come to while the other side, the server or one of two networks is not back yet.
bool may_be_otherwise_later(const Error& error) {
  return error.code == Errc::unreachable || error.code == Errc::timed_out || error.code == Errc::offline || error.code == Errc::no_answer || error.code == Errc::limit ||
         error.code == Errc::busy;
}

class Sending {
 public:
  Sending(Program& program, Online& online, SendOptions options)
      : program_(program), online_(online), options_(std::move(options)), source_opened_(program.executor), give_up_(options_.give_up) {}

  awaitable<void> run() {
    const auto prepare = [this](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(until_interrupted());
      tasks.start(be_welcomed());
      if (!options_.to) co_return co_await meet_by_code(tasks);
      if (!options_.text) co_await open_source();
      // Asked for right behind our Hello, so that it comes with the welcome.
      to_ = co_await find_addressee(program_, online_.server(), *options_.to, options_.trust_new);
      co_await be_welcomed();
    };
    co_await with_tasks<void>(prepare);
    summary_ = summarize();
    if (options_.text) co_return co_await send_text();
    transfer_ = identify();

    patience_ = program_.patience();
    began_ = Clock::now();
    auto pause = pause_between_offers;
    for (;;) {
      const auto trouble = co_await one_session_or_trouble();
      if (!trouble) break;
      if (!lost(*trouble)) throw Failure{*trouble};
      if (source_->stream())
        throw Failure{{.code = Errc::interrupted, .doing = to_.name + " is gone, and standard input cannot be read again", .hint = "Run the whole pipeline again."}};
      program_.report.detail(printable(trouble->message()));
      note_loss("");
      if (give_up_.over(online_.awake())) throw gave_up(to_.name, give_up_.patience(), trouble->message());
      if (session_had_path_) {
        pause = pause_between_offers;
        program_.report.say(to_.name + " does not answer directly. Offering again through the server; giving up in " + time_left() + ". Ctrl-C stops, and nothing is lost.");
        continue;
      }
      if (auto words = printable(trouble->message()); words != said_) {
        program_.report.say("No way to " + to_.name + " at the moment: " + words + ". Looking again; giving up in " + time_left() + ".");
        said_ = std::move(words);
      }
      // There has been a path before, and may be again: a network that has just changed takes its time.
      co_await sleep_or_interrupted(pause);
      pause = std::min(2 * pause, longest_pause_between_offers);
    }
    report_done();
  }

 private:
  // --- when the path is lost -------------------------------------------------------------------------------------------

  bool underway() const { return last_path_.has_value(); }
  std::string time_left() { return duration_words(give_up_.left(online_.awake())); }

  /// Until when the other side is waited for now.
  TimePoint patience() { return underway() ? Clock::now() + give_up_.left(online_.awake()) : patience_; }

  /// Once for each loss; `why` is for people.
  void note_loss(const std::string& why) {
    give_up_.lost(online_.awake());
    if (lost_at_) return;
    lost_at_ = Clock::now();
    program_.report.path_lost(to_.name, why, time_left());
  }

  void report_path(const Path& path) {
    if (lost_at_) program_.report.path_again(to_.name, path, Clock::now() - *lost_at_);
    else program_.report.path(path);
    lost_at_.reset();
  }

  awaitable<void> sleep_or_interrupted(Duration pause) {
    const auto body = [&](TaskGroup& tasks) -> awaitable<void> {
      tasks.start(until_interrupted());
      co_await sleep_until(Clock::now() + pause);
    };
    co_await with_tasks<void>(body);
  }

  /// Once there has been a path, an offer that comes to nothing is as good as a path that is lost.
  awaitable<std::optional<Error>> one_session_or_trouble() {
    std::optional<Error> trouble;
    try {
      trouble = co_await one_session();
      co_return trouble;
    } catch (const Failure& failure) {
      if (!underway() || !may_be_otherwise_later(failure.error())) throw;
      trouble = failure.error();
    }
    trouble->code = Errc::unreachable;
    co_return trouble;
  }

  /// A server that is not there should be known sooner than a peer who is not.
  awaitable<void> be_welcomed() { co_await online_.server().welcome(program_.server_patience()); }

  /// The code is shown while what is sent is still being looked at, unless that is over in a moment: a mistyped path should be heard of first.
  awaitable<void> meet_by_code(TaskGroup& tasks) {
    if (!options_.text) {
      tasks.start(open_source());
      co_await source_opened_.wait(Clock::now() + source_head_start);
    }
    co_await be_welcomed();
    const Invitation invitation{.purpose = CodePurpose::send, .words = options_.code_words, .qr = options_.qr};
    const auto met = co_await invite(program_, online_.server(), invitation, program_.patience());
    to_ = {met.name, met.id, met.key, true};
    program_.report.say(to_.name + " knows the code.");
    while (!options_.text && !source_) co_await source_opened_.wait();
  }

  // --- what is sent ---------------------------------------------------------------------------------------------------

  awaitable<void> open_source() {
    if (options_.paths.size() == 1 && options_.paths.front() == "-") {
      auto stream = value_or_throw(StreamSource::from(standard_input(), stream_name, options_.chunk_size ? options_.chunk_size : default_chunk_size));
      source_ = std::make_unique<StreamSource>(std::move(stream));
      source_opened_.ring();
      co_return;
    }
    const FileSource::Settings settings{.paths = options_.paths, .excludes = options_.excludes, .chunk_size = options_.chunk_size};
    const auto walk = [&] { return FileSource::walk(settings); };
    auto files = value_or_throw(co_await program_.workers.run(walk));
    for (const auto& skipped : files.skipped()) program_.report.warn(printable(skipped.path) + " is left out: " + skipped.why + ".");
    source_ = std::make_unique<FileSource>(std::move(files));
    source_opened_.ring();
  }

  Summary summarize() const {
    Summary summary;
    if (options_.text) {
      summary.text = options_.text;
      return summary;
    }
    const auto& manifest = source_->manifest();
    summary.files = manifest.files();
    summary.entries = manifest.entries();
    if (!source_->stream()) summary.bytes = manifest.bytes();
    for (std::uint32_t i = 0; i < manifest.entries() && summary.names.size() < max_offered_names; ++i)
      if (const auto entry = manifest.entry(EntryIndex{i}); !entry.parent) summary.names.emplace_back(entry.name);
    return summary;
  }

  TransferId identify() const {
    std::vector<std::string> names, paths;
    const auto& manifest = source_->manifest();
    for (std::uint32_t i = 0; i < manifest.entries(); ++i)
      if (const auto entry = manifest.entry(EntryIndex{i}); !entry.parent) names.emplace_back(entry.name);
    for (const auto& path : options_.paths) paths.push_back(text_of(std::filesystem::absolute(path).lexically_normal()));
    const auto kind = source_->stream() ? TransferKind::stream : TransferKind::files;
    return transfer_id(program_.identity.id(), to_.id, kind, std::move(names), std::move(paths));
  }

  // --- offer and answer -----------------------------------------------------------------------------------------------

  Offer offer(SessionId session, std::vector<Candidate> candidates, const CheckKey& key) const {
    return {.session = session,
            .transfer = transfer_,
            .from_name = program_.options.settings.name.value_or(""),
            .summary = summary_,
            .candidates = std::move(candidates),
            .lanes = options_.lanes,
            .nat = online_.standpoint().facts(),
            .check_secret = key.bytes,
            .receipt = options_.text ? ReceiptWish::none : options_.receipt.value_or(receipt_wish())};
  }

  Error cancellation() const {
    // In the middle of a transfer they say so on a lane as well: whichever comes first.
    if (session_had_path_)
      return {.code = Errc::interrupted, .doing = to_.name + " stopped the transfer", .hint = "Run the same command again, on both sides, to go on where it stopped."};
    return {.code = Errc::cancelled, .doing = to_.name + " called it off", .hint = "Send again when they are ready."};
  }

  awaitable<void> send_text() {
    patience_ = program_.patience();
    began_ = Clock::now();
    const auto session = SessionId::random(program_.random);
    auto slot = online_.letters().expect(session, to_.id);
    auto made = offer(session, {}, {});
    Offering offering{program_, online_, to_, std::move(made), {.patience = patience_}};
    co_await offering.agree(slot);
    DoneFacts facts{.bytes = options_.text->size(), .seconds = seconds_since_beginning()};
    program_.report.done("Sent", facts);
  }

  // --- one session ----------------------------------------------------------------------------------------------------

  /// From an offer to the end of the transfer, or to the trouble that ended it. Throws when there was no session at all.
  awaitable<std::optional<Error>> one_session() {
    const auto id = SessionId::random(program_.random);
    session_had_path_ = false;
    auto slot = online_.letters().expect(id, to_.id);
    const auto key = CheckKey::random(program_.random);
    auto climber = online_.climber(id, to_.id, ClimbRole::sender, key);
    climber.set_on_attempt([&report = program_.report](const Attempt& each) { report.attempt(each.tier, each.transport, each.outcome, each.reason, each.elapsed); });
    co_await online_.standpoint().settled(Clock::now() + survey_patience);
    log(LogLevel::debug, "offer.made", {{"session", id.text()}});
    const auto candidates = online_.standpoint().candidates();
    auto made = offer(id, candidates, key);
    const auto facts = made.nat;
    Offering offering{program_, online_, to_, std::move(made), {.patience = underway() ? std::min(patience(), Clock::now() + offer_patience) : patience_, .underway = underway()}};
    const auto accepted = co_await offering.agree(slot);
    const auto* accept = std::get_if<Accept>(&accepted.signal);
    if (!accept) throw Failure{{.code = Errc::malformed, .doing = to_.name + " gave an answer that does not fit the offer"}};
    if (!underway()) began_ = Clock::now();  // how long they thought about it is not the line's fault
    program_.report.accepted(to_.name);
    log(LogLevel::debug, "offer.accepted", {{"session", id.text()}});

    climber.set_on_relayed([&report = program_.report](const Path& path, const RelayJoined& limits) { report.relayed(path, limits); });
    const PeerFacts peer{accept->candidates, accept->nat, accepted.seen_at};

    const auto networks = online_.standpoint().network_pair(to_.id, accept->candidates);
    const auto known = program_.home.pair_memory(program_.random).recall(networks);
    if (known && known->way == Way::measured) climber.search_first(known->transport);

    SenderSession::Settings settings;
    settings.level = options_.level;
    if (options_.limit > 0) settings.limit = BytesPerSecond{options_.limit};
    if (accept->receipt) settings.contents = &contents_;
    else if (options_.receipt == ReceiptWish::asked_for) program_.report.warn(to_.name + " gives no receipts: their pshare is an older one.");
    SenderSession* here = nullptr;
    settings.delivered = [this, &here] {
      note_progress(*here);
      wire_bytes_ += here->wire_bytes();
      report_done();
      program_.report.detail("Waiting for " + printable(to_.name) + "'s receipt.");
    };
    settings.lane_lost = [this, &report = program_.report, &climber](const Path& path, const Error& why) {
      report.detail("Lost " + path_words(path) + ": " + printable(why.message()));
      lost_because_ = printable(why.message());
      if (path_mtu_fell(why)) climber.avoid_large_datagrams();
    };
    settings.lanes_left = [&climber](const std::vector<Path>& lanes) { climber.lanes_left(lanes); };
    settings.lane_chosen = [this](const Path& path, const std::string& why) {
      program_.report.detail("Using " + path_words(path) + ": " + why);
      path_ = last_path_ = path;
      program_.report.path(path);
    };
    settings.lane_retired = [&report = program_.report](const Path& path, const std::string& why) { report.detail("Closed " + path_words(path) + ": " + why); };
    SenderSession session{program_.executor, program_.workers, *source_, transfer_, settings};
    here = &session;
    Partner partner{accepted.device, accept->candidates};
    climber.set_on_say([&](const Climber::Word& word) { online_.say(to_.key, partner.device(), word); });
    bool interrupted = false;
    const auto body = [&](TaskGroup& tasks) -> awaitable<SendOutcome> {
      tasks.start(climber.run());
      tasks.start(keep_lanes(tasks, session, climber, peer, networks, {id, partner}));
      tasks.start(add_rivals(session, climber));
      tasks.start(move_up(session, climber, peer.nat, networks));
      tasks.start(watch_letters(slot, session, climber, partner));
      tasks.start(online_.tell_more({id, to_.key, partner.device(), candidates, facts}, [&session] { session.doubt_lanes(); }));
      tasks.start(cancel_when_interrupted(session, interrupted));
      tasks.start(watch(session));
      if (!source_->stream()) tasks.start(go_through_server_again(session));
      co_return co_await session.run();
    };
    std::optional<SendOutcome> outcome;
    std::optional<Error> no_path;
    try {
      outcome.emplace(co_await with_tasks<SendOutcome>(body));
    } catch (const Failure& failure) {
      if (failure.error().code != Errc::no_path) throw;
      no_path = failure.error();
    }
    if (no_path) {
      co_await take_back(program_, online_, to_, id, Cancel::Why::no_path);
      if (!last_path_) throw Failure{online_.advised(*no_path, to_.name, peer.nat)};
      co_return Error{.code = Errc::unreachable, .doing = no_path->doing};
    }
    // The session has said so on its lanes; but a lane may be dead, and nobody know it yet.
    if (interrupted && !session.progress().verified) co_await take_back(program_, online_, to_, id, Cancel::Why::user);
    path_.reset();
    if (!reported_) wire_bytes_ += session.wire_bytes();
    note_progress(session);
    if (!outcome->trouble && accept->receipt) keep_receipt(outcome->receipt);
    if (interrupted && !session.progress().verified) co_return called_off;
    co_return outcome->trouble;
  }

  void note_progress(const SenderSession& session) {
    if (session.progress().have_known) {
      if (!resumed_) resumed_ = session.progress().resumed;
      there_ = session.progress().durable;
    }
    bytes_ = session.progress().total;
  }

  /// All has arrived. A receipt that says otherwise is an error, none at all is not.
  void keep_receipt(const std::optional<SendOutcome::Receipted>& came) {
    if (!came) return program_.report.warn("Everything has arrived, but no receipt came from " + printable(to_.name) + ".");
    if (!came->sent)
      return program_.report.warn("Everything has arrived, but the receipt cannot be compared with what was sent, and is not kept: " + printable(came->sent.error().message()) + ".");
    const ReceiptStatement expected{.transfer = transfer_, .sender = program_.identity.id(), .receiver = {}, .signed_at = {}, .held = *came->sent};
    const auto statement = judge_receipt(came->signed_receipt, expected, to_.id);
    if (!statement) {
      auto error = statement.error();
      error.doing = "the receipt from " + to_.name + " is not kept: " + error.doing;
      error.hint = error.code == Errc::identity_mismatch
                       ? "Whoever received the files has not signed for them as " + to_.name + ". Ask them what they have, by another way."
                       : "Their pshare says that it has everything, and signs for something else: a disk that errs, a file that was changed meanwhile, or a program that is no pshare. Compare the files by other means.";
      throw Failure{std::move(error)};
    }
    const auto number = program_.home.receipts().keep({came->signed_receipt, summary_.names}, statement->signed_at);
    if (!number) return program_.report.warn("The receipt could not be kept: " + printable(number.error().message()) + ".");
    program_.report.receipt(to_.name, *statement, *number);
  }

  /// A session, and who is at its other end.
  struct Agreed {
    SessionId session;
    const Partner& with;
  };

  /// The first lane, the further ones of --lanes, and new ones when all are lost. Throws no_path.
  awaitable<void> keep_lanes(TaskGroup& tasks, SenderSession& session, Climber& climber, PeerFacts peer, NetworkPair networks, Agreed agreed) {
    auto until = std::min(patience(), Clock::now() + path_patience), laneless_until = until;
    auto told = peer;
    auto vain_pause = pause_after_vain_lane;
    for (;; told = climber.peer()) {  // it may have moved meanwhile
      std::optional<Error> trouble;
      LanePtr first;
      try {
        first = co_await climber.first_lane(std::move(told), until);
      } catch (const Failure& failure) {
        trouble = failure.error();
      }
      if (trouble) {
        if (!last_path_) throw Failure{*trouble};
        // Without the server no offer can be made, either: then there is nothing but to go on.
        if (!online_.server().connected() && (source_->stream() ? Clock::now() < laneless_until : !give_up_.over(online_.awake()))) {
          if (Clock::now() >= laneless_until) co_await sleep_until(Clock::now() + search_pause);
          if (!source_->stream()) session.bear_without_lanes(Clock::now() + search_patience + laneless_patience);
          until = Clock::now() + (Clock::now() < laneless_until ? reconnect_patience : search_patience);
          online_.doubt();  // the server should be known to be back soon after it is
          continue;
        }
        session.fail({.code = Errc::unreachable, .doing = "lost every connection to " + to_.name + "; " + trouble->message()});
        co_return;
      }
      const auto path = first->path();
      const auto durable_before = session.progress().durable;
      path_ = last_path_ = path;
      session_had_path_ = true;
      report_path(path);
      session.add_lane(std::move(first));
      remember(path, peer.nat, networks);
      const bool can_be_dialled = path.transport == Transport::tcp && is_straight(path.tier) && path.tier != Tier::punched;
      if (options_.lanes > 1 && !can_be_dialled)
        program_.report.detail("One lane it is: where nobody can be dialled, over a relay, or over UDP, there are no further ones.");
      for (std::uint32_t ordinal = 1; can_be_dialled && ordinal < options_.lanes; ++ordinal) co_await add_another(session, climber, path, ordinal);
      co_await session.wait_until_laneless();
      if (session.progress().ended) co_return;
      online_.doubt();
      path_.reset();
      note_loss(lost_because_);
      laneless_until = Clock::now() + path_patience;
      // No further offer could go on with a stream.
      until = source_->stream() ? laneless_until : Clock::now() + reconnect_patience;
      if (!source_->stream()) tasks.start(see_whether_gone(session, agreed, until));
      if (session.progress().durable > durable_before) {
        vain_pause = pause_after_vain_lane;
        continue;
      }
      climber.lost_in_vain(path);
      if (give_up_.over(online_.awake())) session.fail({.code = Errc::unreachable, .doing = "every connection to " + to_.name + " was lost before anything had arrived on it"});
      co_await sleep_until(Clock::now() + vain_pause);
      until += vain_pause, laneless_until += vain_pause;
      vain_pause = std::min(2 * vain_pause, longest_pause_after_vain_lanes);
    }
  }

  /// There is nobody to look for directly when the program at the other end has gone: one that was killed and started again is another device
  /// of the server's, and knows nothing of our session. What we say it needs no answer: the server's word counts, whether it could be delivered.
  awaitable<void> see_whether_gone(SenderSession& session, Agreed agreed, TimePoint until) {
    const auto asked = agreed.with.device();
    Signal word = MoreCandidates{agreed.session, {}, online_.standpoint().facts()};
    std::optional<Fate> fate;
    try {
      fate = co_await online_.letters().send(to_.key, asked, std::move(word), false, until);
    } catch (const Failure& failure) {
      program_.report.detail("Whether " + to_.name + " is still there is not known: " + printable(failure.error().message()));
    }
    const bool lanes_back = path_.has_value(), somewhere_else = agreed.with.device() != asked;
    if (fate != Fate::offline || lanes_back || somewhere_else) co_return;
    log(LogLevel::debug, "peer.gone", {{"session", agreed.session.text()}});
    session.fail({.code = Errc::unreachable, .doing = to_.name + " was ended"});
  }

  /// While the server is away a lost peer is looked for where it was. Once it is back an offer is the quicker way: the peer, who may have had
  /// the server all along, has ended this session by then.
  awaitable<void> go_through_server_again(SenderSession& session) {
    for (;;) {
      co_await online_.reconnected();
      if (path_ || !session_had_path_) continue;
      co_await sleep_until(Clock::now() + reconnect_patience);
      if (path_ || !online_.server().connected()) continue;
      session.fail({.code = Errc::unreachable, .doing = "no way to " + to_.name + " was found without the server, which is back"});
      co_return;
    }
  }

  /// For the next time between these two networks. Of no consequence if it cannot be written.
  void remember(const Path& path, const NatFacts& theirs, const NetworkPair& networks) const {
    const auto ours = online_.standpoint().facts();
    const bool udp = path.transport == Transport::udp;
    const bool searched = path.tier == Tier::punched && (is_hard(udp ? ours.udp : ours.tcp) || is_hard(udp ? theirs.udp : theirs.tcp));
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const Remembered what{.tier = path.tier, .transport = path.transport, .way = searched ? Way::measured : Way::plain, .when = now};
    if (const auto kept = program_.home.remember(networks, what, program_.random); !kept) program_.report.detail("Not remembered: " + printable(kept.error().message()));
  }

  /// From a relay to a straight path, whenever there is one.
  awaitable<void> move_up(SenderSession& session, Climber& climber, NatFacts theirs, NetworkPair networks) {
    for (;;) {
      auto lane = co_await climber.better_lane();
      const auto path = lane->path();
      remember(path, theirs, networks);
      session.move_to(std::move(lane));  // lane_chosen follows
    }
  }

  awaitable<void> add_rivals(SenderSession& session, Climber& climber) {
    for (;;) {
      auto rival = co_await climber.rival();
      session.add_rival(std::move(rival));
    }
  }

  awaitable<void> add_another(SenderSession& session, Climber& climber, Path like, std::uint32_t ordinal) {
    try {
      session.add_lane(co_await climber.another_lane(like, ordinal, Clock::now() + further_lane_patience));
    } catch (const Failure& failure) {
      program_.report.detail("No lane number " + std::to_string(ordinal + 1) + ": " + printable(failure.error().message()));
    }
  }

  /// What the peer says through the server meanwhile.
  awaitable<void> watch_letters(Correspondence::Slot& slot, SenderSession& session, Climber& climber, Partner& partner) {
    for (;;) {
      const auto letter = co_await slot.next();
      const auto sorted = partner.sort(letter.device, letter.signal);
      if (sorted == Partner::Letter::too_late) {
        Signal taken = Cancel{session_of(letter.signal), Cancel::Why::taken_by_other_device};
        online_.letters().post(to_.key, letter.device, std::move(taken));
      }
      if (sorted != Partner::Letter::counts) continue;
      if (const auto* punch = std::get_if<Punch>(&letter.signal)) climber.heard(*punch);
      if (const auto* nearby = std::get_if<RelaysNear>(&letter.signal)) climber.heard(*nearby);
      if (const auto* more = std::get_if<MoreCandidates>(&letter.signal)) {
        climber.heard(*more, letter.seen_at);
        if (!more->candidates.empty()) session.doubt_lanes();
      }
      if (std::holds_alternative<Cancel>(letter.signal)) session.fail(cancellation());
    }
  }

  awaitable<void> cancel_when_interrupted(SenderSession& session, bool& interrupted) {
    try {
      co_await until_interrupted();
    } catch (const Failure&) {
      interrupted = true;
    }
    session.cancel();
  }

  /// Patience is for a standstill, never for a transfer that moves.
  awaitable<void> watch(SenderSession& session) {
    const auto total = source_->stream() ? std::nullopt : std::optional{source_->manifest().bytes()};
    Standstill standstill{Clock::now()};
    const auto look = [&](TimePoint now) {
      const auto progress = session.progress();
      if (standstill.began(progress.durable, now)) online_.doubt();
      if (hope_.is_due(path_, now)) online_.standpoint().doubt();
      if (path_ && progress.have_known) give_up_.moved(progress.durable);
    };
    const Undertaking whole{.total = total, .files = source_->manifest().files(), .there = there_};
    co_await watch_progress(session, program_.report, path_, whole, look);
  }

  // --- the end --------------------------------------------------------------------------------------------------------

  double seconds_since_beginning() const { return std::chrono::duration<double>{Clock::now() - began_}.count(); }

  void report_done() {
    if (std::exchange(reported_, true)) return;  // while the receipt was waited for
    const ProgressFacts all{.bytes = bytes_, .total = bytes_, .files_done = source_->manifest().files(), .files = source_->manifest().files(), .path = last_path_};
    program_.report.last_progress(all);
    program_.report.done("Sent", {.bytes = bytes_, .wire_bytes = wire_bytes_, .files = source_->manifest().files(), .resumed_bytes = resumed_.value_or(0),
                                  .seconds = seconds_since_beginning(), .path = last_path_});
  }

  Program& program_;
  Online& online_;
  SendOptions options_;
  std::unique_ptr<ChunkReader> source_;
  Wakeup source_opened_;
  Addressee to_;
  Summary summary_;
  TransferId transfer_;
  TimePoint patience_, began_;            // --timeout, until there is a path
  GiveUp give_up_;                       // and --give-up, from then on
  std::optional<TimePoint> lost_at_;     // while there is no path any more
  std::string lost_because_;             // the last lane that was lost, in words
  std::string said_;                     // why the last offer came to nothing
  std::optional<Path> path_, last_path_;
  StraightHope hope_;
  bool session_had_path_ = false;
  bool reported_ = false;
  ContentTree contents_;                 // digests of the source's chunks, if a receipt was agreed on
  std::optional<std::uint64_t> resumed_;  // what was there before our first session
  std::uint64_t wire_bytes_ = 0, bytes_ = 0;
  std::uint64_t there_ = 0;               // of them, what the other side had when it was last heard
};

}  // namespace

awaitable<void> send(Program& program, SendOptions options) {
  const auto servers = co_await pinned_servers(program);
  Online online{program, servers, RendezvousClient::Attendance::answers_only};
  Sending sending{program, online, std::move(options)};
  const auto body = [&](TaskGroup& tasks) -> awaitable<void> {
    online.begin(tasks);
    co_await sending.run();
  };
  std::exception_ptr trouble;
  try {
    co_await with_tasks<void>(body);
  } catch (...) {
    trouble = std::current_exception();
  }
  co_await online.farewell();
  if (trouble) std::rethrow_exception(trouble);
}

}  // namespace pshare
