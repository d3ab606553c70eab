// pshare receipts: what others have signed that they received from us, and whether it is true of the files that lie here.
#include <ctime>
#include <nlohmann/json.hpp>

#include "apps/pshare/program.hpp"
#include "apps/pshare/quantities.hpp"
#include "io/printable.hpp"
#include "secure/receipt.hpp"
#include "transfer/content_facts.hpp"
#include "transfer/io/file_source.hpp"
#include "wire/native_path.hpp"
#include "wire/units.hpp"

namespace pshare {

namespace {

using nlohmann::json;

/// "2026-03-01 14:05", by this machine's time zone.
std::string time_words(UnixTime time) {
  const std::time_t seconds = time.time_since_epoch().count();
  const std::tm* const local = std::localtime(&seconds);  // the only thread that asks
  if (!local) return "at an unknown time";
  std::array<char, 32> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M", local)};
}

std::string names_words(const KeptReceipt& kept, const ContentFacts& held) {
  std::string words;
  for (const auto& name : kept.names) words += (words.empty() ? "" : ", ") + printable(name);
  return (held.files == 1 ? "1 file" : std::to_string(held.files) + " files") + ", " + size_words(held.bytes) + (words.empty() ? "" : ": " + words);
}

/// What a page says, once its signature holds and was meant for us.
Result<ReceiptStatement> checked(const Program& program, const ReceiptBook::Page& page) {
  if (!page.receipt) return Unexpected{page.receipt.error()};
  auto statement = open_receipt(page.receipt->signed_receipt);
  if (!statement) return statement;
  if (receipt_number(page.receipt->signed_receipt) != page.number)
    return Unexpected{{.code = Errc::identity_mismatch, .doing = "checking a receipt: it is not the one that was kept under this number"}};
  if (statement->sender != program.identity.id())
    return Unexpected{{.code = Errc::identity_mismatch, .doing = "checking a receipt: it is for what another identity sent"}};
  return statement;
}

/// Who signed, as far as we know them: the key counts, whatever they were called then.
std::string signer_words(const PinFile& contacts, const PeerId& id) {
  const auto pin = contacts.find(id);
  return pin ? printable(pin->name) : id.short_text() + " (no contact of yours)";
}

json facts_of(const PinFile& contacts, const ReceiptBook::Page& page, const ReceiptStatement& statement) {
  const auto id = id_of(statement.receiver);
  const auto pin = contacts.find(id);
  json names = json::array();
  for (const auto& name : page.receipt->names) names.push_back(name);
  return {{"event", "receipt"}, {"number", page.number}, {"peer", pin ? json(pin->name) : json(nullptr)}, {"peer_id", id.text()},
          {"signed_at", statement.signed_at.time_since_epoch().count()}, {"transfer", statement.transfer.text()}, {"stream", statement.held.stream},
          {"files", statement.held.files}, {"bytes", statement.held.bytes}, {"contents", hex(statement.held.contents)}, {"names", names}, {"holds", true}};
}

/// Tells of one receipt; gives what it says if it holds.
Result<ReceiptStatement> tell(Program& program, const PinFile& contacts, const ReceiptBook::Page& page) {
  auto statement = checked(program, page);
  json facts = statement ? facts_of(contacts, page, *statement)
                         : json{{"event", "receipt"}, {"number", page.number}, {"holds", false}, {"why", printable(statement.error().message())}};
  auto words = page.number + "  ";
  if (statement)
    words += time_words(statement->signed_at) + "  " + signer_words(contacts, id_of(statement->receiver)) + "  " + names_words(*page.receipt, statement->held);
  else
    words += "DOES NOT HOLD: " + printable(statement.error().message());
  program.report.result(facts.dump(-1, ' ', true, json::error_handler_t::replace), words + "\n");
  return statement;
}

/// Reads the files as they are now, in the order in which they were sent.
awaitable<ContentFacts> facts_now(Program& program, const ReceiptsOptions::Check& check, std::uint64_t chunk_size) {
  const auto reading = [&]() -> Result<ContentFacts> {
    const FileSource::Settings settings{.paths = check.paths, .excludes = check.excludes, .chunk_size = chunk_size};
    auto files = FileSource::walk(settings);
    if (!files) return Unexpected{std::move(files).error()};
    const auto& manifest = files->manifest();
    ContentTree contents;
    ByteBuffer raw;
    for (ChunkIndex chunk; chunk.number < manifest.chunks(); ++chunk.number) {
      raw.resize(manifest.length(chunk));
      if (auto read = files->read(chunk, raw); !read) return Unexpected{std::move(read).error()};
      contents.add(chunk, content_leaf(raw));
    }
    return content_facts(manifest, contents, false, manifest.bytes());
  };
  auto facts = co_await program.workers.run(reading);
  co_return value_or_throw(std::move(facts));
}

std::string not_holding_words(std::size_t bad, std::size_t all) {
  if (all == 1) return "this receipt does not hold";
  return std::to_string(bad) + " of " + std::to_string(all) + " receipts " + (bad == 1 ? "does" : "do") + " not hold";
}

/// A stream has no names to compare.
std::optional<std::string> difference(const ContentFacts& now, const ContentFacts& held) {
  if (now.bytes != held.bytes) return "other contents, " + count_words(now.bytes, "byte", "bytes") + " instead of " + count_words(held.bytes, "byte", "bytes");
  if (now.contents != held.contents) return "other contents of the same size";
  if (!held.stream && now.names != held.names) return "the same contents under other names, or in another order";
  return std::nullopt;
}

awaitable<void> check(Program& program, const PinFile& contacts, ReceiptsOptions::Check wanted) {
  const auto book = program.home.receipts();
  std::vector<ReceiptBook::Page> pages;
  if (wanted.number) pages.push_back(value_or_throw(book.find(*wanted.number)));
  else pages = value_or_throw(book.pages());
  std::size_t bad = 0;
  std::optional<ReceiptStatement> last;
  for (const auto& page : pages) {
    auto statement = tell(program, contacts, page);
    if (statement) last = *std::move(statement);
    else ++bad;
  }
  if (bad != 0)
    throw Failure{{.code = Errc::identity_mismatch, .doing = not_holding_words(bad, pages.size()),
                   .hint = "What does not hold proves nothing. It lies in " + text_of(program.home.folder() / "receipts") + "."}};
  if (pages.empty()) program.report.say("No receipts yet. `pshare send --receipt` asks for one.");
  if (!last) co_return;
  if (wanted.paths.empty()) {
    const auto it = pages.size() == 1 ? std::string{"It holds: signed by whom it names"} : "All " + std::to_string(pages.size()) + " hold: signed by whom they name";
    program.report.say(it + ", and not altered since. With a number and files, `pshare receipts check` compares these as well.");
    co_return;
  }
  auto now = co_await facts_now(program, wanted, last->held.chunk_size);
  if (const auto what = difference(now, last->held))
    throw Failure{{.code = Errc::failed, .doing = "these are not the files that were received: " + *what,
                   .hint = "Name what was sent as it was named then, in the same order. What was changed since cannot be proven any more."}};
  // The answer that was asked for, so it is no remark: -q leaves it, and scripts get it as an event.
  const json same{{"event", "same_files"}, {"number", pages.front().number}, {"peer_id", id_of(last->receiver).text()}, {"bytes", now.bytes}};
  program.report.result(same.dump(), "These are the very files that " + signer_words(contacts, id_of(last->receiver)) + " signed for.\n");
}

}  // namespace

awaitable<void> receipts(Program& program, ReceiptsOptions options) {
  const auto contacts = value_or_throw(program.home.contacts());
  if (const auto* wanted = std::get_if<ReceiptsOptions::Check>(&options.action)) {
    co_await check(program, contacts, *wanted);
    co_return;
  }
  const auto pages = value_or_throw(program.home.receipts().pages());
  if (pages.empty()) program.report.say("No receipts yet. `pshare send --receipt` asks for one.");
  for (const auto& page : pages) (void)tell(program, contacts, page);
}

}  // namespace pshare
