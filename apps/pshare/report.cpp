#include "apps/pshare/report.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "apps/pshare/consent.hpp"
#include "apps/pshare/quantities.hpp"
#include "apps/pshare/terminal.hpp"
#include "io/printable.hpp"
#include "secure/identity.hpp"
#include "wire/native_path.hpp"

namespace pshare {

namespace {

using nlohmann::json;

constexpr std::size_t max_shown_text = 4 * max_text;  // every byte of it might need an escape
constexpr std::size_t max_shown_error = 4096;
constexpr Duration between_json_progress = std::chrono::milliseconds{500};
constexpr Duration between_shown_progress = std::chrono::milliseconds{100};

/// One object a line, at once: whoever reads us acts on it. Text that is no UTF-8 is made so, and what is no ASCII is written in JSON's
/// escapes: the names of others are in it as they are, and somebody may read it on a terminal.
void emit(const json& event) {
  const auto text = event.dump(-1, ' ', true, json::error_handler_t::replace) + "\n";
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

std::int64_t milliseconds(Duration duration) { return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count(); }

json summary_json(const Summary& summary) {
  json out{{"files", summary.files}, {"entries", summary.entries}, {"names", summary.names}};
  out["bytes"] = summary.bytes ? json(*summary.bytes) : json(nullptr);
  if (summary.text) out["text"] = true;
  return out;
}

json contact_json(std::string_view event, const Pin& contact) {
  return {{"event", event}, {"name", contact.name}, {"peer_id", contact.id.text()}, {"words", fingerprint_words(contact.id)}};
}

json rule_json(const AcceptRule& rule) {
  json out{{"accept", nullptr}, {"max_size", nullptr}, {"dir", nullptr}};
  if (rule.accept) out["accept"] = word(*rule.accept);
  if (rule.max_size) out["max_size"] = *rule.max_size;
  if (rule.directory) out["dir"] = text_of(*rule.directory);
  return out;
}

}  // namespace

std::string summary_words(const Summary& summary) {
  if (summary.text) return "a text of " + count_words(summary.text->size(), "byte", "bytes");
  if (!summary.bytes) return "a stream of unknown length";
  if (summary.names.size() == 1 && summary.entries == 1) return printable(summary.names.front()) + " (" + size_words(*summary.bytes) + ")";
  auto words = count_words(summary.files, "file", "files") + ", " + size_words(*summary.bytes);
  std::string separator = ": ";
  for (const auto& name : summary.names) words += separator + printable(name), separator = ", ";
  if (summary.names.size() == max_offered_names && summary.entries > summary.names.size()) words += ", ...";
  return words;
}

std::string error_words(const Error& error) {
  auto words = printable(error.message(), Newlines::kept, max_shown_error);
  if (!words.ends_with('.')) words += '.';
  if (!error.hint.empty()) words += "\n  " + printable(error.hint, Newlines::kept);
  return words;
}

Report::Report(Manner manner) : manner_(manner) {}
Report::~Report() { clear_progress(); }

void Report::clear_progress() {
  if (lines_shown_ == 0) return;
  std::fputs("\r", stderr);
  for (; lines_shown_ > 1; --lines_shown_) std::fputs("\x1b[A", stderr);
  std::fputs("\x1b[J", stderr);
  std::fflush(stderr);
  lines_shown_ = 0;
}

void Report::line(std::string_view words) {
  clear_progress();
  const auto length = static_cast<int>(words.size());
  if (question_.empty()) std::fprintf(stderr, "%.*s\n", length, words.data());
  else std::fprintf(stderr, "\n%.*s\n%s", length, words.data(), question_.c_str());
  std::fflush(stderr);
}

void Report::question(std::string_view asked) {
  clear_progress();
  question_ = asked;
}

void Report::say(std::string_view words) {
  if (!manner_.quiet) line(words);
}

void Report::detail(std::string_view words) {
  if (manner_.verbosity > 0) line(words);
}

void Report::warn(std::string_view words) { line("Note: " + std::string{words}); }

void Report::code(const std::string& code, const std::string& link, std::string_view there, const std::vector<std::string>& qr) {
  if (manner_.json) emit({{"event", "code"}, {"code", code}, {"link", link}});
  // Also with -q: without it nothing can come of this.
  line("Code, good for one try:  " + code);
  if (manner_.quiet || manner_.json) return;
  line("On the other machine run " + std::string{there} + (qr.empty() ? "." : ", or scan:"));
  for (const auto& each : qr) line(each);
  line("Where no server is set up, the same with the server:\n  " + link);
}

void Report::identity(std::string_view name, const PeerId& id) {
  const auto words = fingerprint_words(id);
  if (manner_.json) return emit({{"event", "identity"}, {"name", name}, {"peer_id", id.text()}, {"words", words}});
  std::printf("name    %s\npeer ID %s\nwords   %s\n", name.empty() ? "(none yet: pshare init --name NAME)" : printable(name).c_str(),
              id.text().c_str(), words.c_str());
}

void Report::offer_made(std::string_view to, const PeerId& id, const Summary& summary, std::string_view fate) {
  if (manner_.json) {
    auto event = summary_json(summary);
    event.update({{"event", "offer"}, {"to", to}, {"peer_id", id.text()}, {"fate", fate}});
    return emit(event);
  }
  say("Offered " + summary_words(summary) + " to " + printable(to) +
      (fate == "waiting" ? ", who is not online; the offer waits for them." : "; waiting for the answer."));
}

void Report::offer_came(std::string_view from, const PeerId& id, bool contact, const Summary& summary) {
  if (manner_.json) {
    auto event = summary_json(summary);
    event.update({{"event", "offer"}, {"from", from}, {"peer_id", id.text()}, {"contact", contact}});
    return emit(event);
  }
  say(printable(from) + " offers " + summary_words(summary) + ".");
  if (!contact) say("  Not among your contacts. Their fingerprint: " + fingerprint_words(id));
}

void Report::accepted(std::string_view peer) {
  if (manner_.json) return emit({{"event", "accepted"}, {"peer", peer}});
  say(printable(peer) + " accepted.");
}

void Report::agreed(std::string_view peer) {
  if (manner_.json) return accepted(peer);
  say("Accepted; looking for a path to " + printable(peer) + ".");
}

void Report::rejected(std::string_view peer, std::string_view why, std::string_view words) {
  if (manner_.json) return emit({{"event", "rejected"}, {"peer", peer}, {"why", why}, {"message", words}});
  say(printable(words));
}

void Report::attempt(Tier tier, Transport transport, Outcome outcome, Reason reason, Duration elapsed) {
  if (manner_.json)
    return emit({{"event", "attempt"}, {"tier", word(tier)}, {"transport", word(transport)}, {"outcome", word(outcome)},
                 {"reason", word(reason)}, {"elapsed_ms", milliseconds(elapsed)}});
  auto words = "  " + std::string{word(tier)} + " " + std::string{word(transport)} + ": " + std::string{word(outcome)};
  if (reason != Reason::none) words += " (" + std::string{word(reason)} + ")";
  detail(words + " after " + std::to_string(milliseconds(elapsed)) + " ms");
}

void Report::path(const Path& path) {
  if (manner_.json)
    return emit({{"event", "path"}, {"tier", word(path.tier)}, {"transport", word(path.transport)}, {"local", path.local.text()},
                 {"remote", path.remote.text()}, {"elapsed_ms", milliseconds(path.elapsed)}});
  say("Connected: " + path_words(path) + ".");
}

void Report::path_lost(std::string_view peer, std::string_view why, std::string_view time_left) {
  const auto because = why.empty() ? std::string{} : " (" + std::string{why} + ")";
  say("The path to " + printable(peer) + " was lost" + because + ". Looking for another one; giving up in " + std::string{time_left} + ".");
}

void Report::relayed(const Path& path, const RelayJoined& limits) {
  const auto words = relay_words(path, limits);
  if (limits.rate || limits.bytes_left) say(words);
  else detail(words);
}

void Report::path_again(std::string_view peer, const Path& path, Duration after) {
  if (manner_.json) Report::path(path);
  say("Going on with " + printable(peer) + ", " + duration_words(after) + " after the path was lost: " + path_words(path) + ".");
}

void Report::progress(const ProgressFacts& facts, TimePoint now) {
  const auto pause = manner_.json ? between_json_progress : between_shown_progress;
  if (last_progress_ && now - *last_progress_ < pause) return;
  last_progress_ = now;
  if (manner_.json) {
    return emit({{"event", "progress"}, {"bytes", facts.bytes}, {"total", facts.total ? json(*facts.total) : json(nullptr)},
                 {"files_done", facts.files_done}, {"bottleneck", word(facts.bottleneck)}});
  }
  const auto width = screen_width();
  if (!width || manner_.quiet || !question_.empty()) return;
  const auto text = progress_line(facts, *width - 1);
  std::fprintf(stderr, "\r%s\x1b[K", text.c_str());
  std::fflush(stderr);
  lines_shown_ = 1;
}

void Report::last_progress(const ProgressFacts& facts) {
  last_progress_.reset();
  progress(facts, Clock::now());
}

void Report::done(std::string_view verb, const DoneFacts& facts) {
  if (manner_.json)
    return emit({{"event", "done"}, {"bytes", facts.bytes}, {"wire_bytes", facts.wire_bytes}, {"files", facts.files},
                 {"resumed_bytes", facts.resumed_bytes}, {"seconds", facts.seconds},
                 {"tier", facts.path ? json(word(facts.path->tier)) : json(nullptr)}});
  say(summary_line(verb, facts));
}

void Report::receipt(std::string_view peer, const ReceiptStatement& statement, std::string_view number) {
  if (manner_.json)
    return emit({{"event", "receipt"}, {"peer", peer}, {"peer_id", id_of(statement.receiver).text()}, {"number", number},
                 {"transfer", statement.transfer.text()}, {"files", statement.held.files}, {"bytes", statement.held.bytes},
                 {"contents", hex(statement.held.contents)}, {"signed_at", statement.signed_at.time_since_epoch().count()}});
  say(printable(peer) + " has signed for it: receipt " + std::string{number} + ". `pshare receipts` shows it, now and later.");
}

void Report::text(std::string_view from, std::string_view text) {
  if (manner_.json) return emit({{"event", "text"}, {"from", from}, {"text", text}});
  clear_progress();
  std::printf("%s: %s\n", printable(from).c_str(), printable(text, Newlines::kept, max_shown_text).c_str());
  std::fflush(stdout);
}

void Report::error(const Error& error) {
  if (manner_.json)
    emit({{"event", "error"}, {"code", word(error.code)}, {"message", error.message()}, {"hint", error.hint}});
  line("pshare: " + error_words(error));
}

void Report::supernode(const SupernodeStanding& standing, std::string_view words, std::string_view hint) {
  if (manner_.json) {
    const auto or_null = [](const std::optional<std::uint64_t>& number) { return number ? json(*number) : json(nullptr); };
    emit({{"event", "supernode"}, {"state", standing.state}, {"endpoint", standing.endpoint ? json(standing.endpoint->text()) : json(nullptr)},
          {"reason", standing.reason}, {"for", standing.for_whom}, {"sessions", standing.sessions}, {"max_sessions", standing.max_sessions},
          {"rate", or_null(standing.rate)}, {"month_bytes", standing.month_bytes}, {"month_left", or_null(standing.month_left)}, {"hint", hint}});
  }
  if (!words.empty()) say(words);
  if (!hint.empty()) say("  " + std::string{hint});
}

void Report::relaying(const LaneNews& lane) {
  if (manner_.json) {
    const auto peer = [](const LaneNews::Peer& each) { return json{{"name", each.name}, {"peer_id", each.id.text()}}; };
    json event{{"event", "relaying"}, {"state", lane.over ? "over" : "begun"}, {"lane", lane.number}, {"peers", {peer(lane.one), peer(lane.other)}}};
    if (lane.over) event.update({{"bytes", lane.over->bytes}, {"seconds", std::chrono::duration<double>{lane.over->age}.count()}, {"why", lane.over->why}});
    emit(event);
  }
  const auto who = printable(lane.one.shown()) + " <-> " + printable(lane.other.shown());
  if (!lane.over) return say(who + ": carrying.");
  say(who + ": " + size_words(lane.over->bytes) + " in " + duration_words(lane.over->age) + (lane.over->why.empty() ? "" : "; " + printable(lane.over->why)) + ".");
}

void Report::block(const std::vector<std::string>& lines) {
  if (manner_.json || manner_.quiet || !question_.empty()) return;
  std::string text;
  for (const auto& each : lines) text += (text.empty() ? "" : "\x1b[K\n") + each;
  clear_progress();
  std::fputs((text + "\x1b[K").c_str(), stderr);
  std::fflush(stderr);
  lines_shown_ = lines.size();
}

void Report::peer(const Pin& contact, bool online) {
  if (manner_.json) {
    auto event = contact_json("peer", contact);
    event["online"] = online;
    return emit(event);
  }
  std::printf("%-20s %s%s\n", printable(contact.name).c_str(), online ? "online   " : "offline  ", contact.id.text().c_str());
}

void Report::contact(const Pin& contact, const std::optional<AcceptRule>& rule) {
  if (manner_.json) {
    auto event = contact_json("contact", contact);
    event["verified"] = contact.verified;
    event["rule"] = rule ? rule_json(*rule) : json(nullptr);
    return emit(event);
  }
  std::printf("%-20s %s%s\n", printable(contact.name).c_str(), contact.id.text().c_str(), contact.verified ? "  verified" : "");
  if (rule) std::printf("%-20s accept: %s\n", "", rule_words(*rule).c_str());
}

void Report::comparison(const Pin& contact, std::string_view words) {
  if (!manner_.json) return;
  auto event = contact_json("contact", contact);
  event["verified"] = contact.verified;
  event["compare"] = words;
  emit(event);
}

void Report::rule(std::string_view name, const AcceptRule& rule) {
  if (manner_.json) {
    auto event = rule_json(rule);
    event["event"] = "rule";
    event["name"] = name.empty() ? json(nullptr) : json(name);
    return emit(event);
  }
  std::printf("%-20s accept: %s\n", name.empty() ? "(other contacts)" : printable(name).c_str(), rule_words(rule).c_str());
}

void Report::result(std::string_view json, std::string_view words) {
  clear_progress();
  const auto text = manner_.json ? std::string{json} + '\n' : std::string{words};
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace pshare
