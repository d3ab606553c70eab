#include "apps/pshare/completing.hpp"

#include "apps/command_line/command.hpp"
#include "apps/command_line/completion.hpp"
#include "apps/process/environment.hpp"
#include "apps/pshare/home.hpp"
#include "apps/pshare/options.hpp"
#include "io/printable.hpp"
#include "secure/code.hpp"

namespace pshare {

namespace {

/// A shell hands over what was typed, and not yet what it makes of it.
std::string with_home_folder(const std::string& folder) {
  const auto home = environment("HOME");
  return home && (folder == "~" || folder.starts_with("~/")) ? *home + folder.substr(1) : folder;
}

std::vector<Suggestion> pins_of(const Result<PinFile>& file) {
  std::vector<Suggestion> suggestions;
  if (!file) return suggestions;
  for (const auto& each : file->pins()) suggestions.push_back({each.name});
  return suggestions;
}

std::vector<Suggestion> receipts_of(const Home& home) {
  std::vector<Suggestion> suggestions;
  const auto pages = home.receipts().pages();
  if (!pages) return suggestions;
  for (const auto& page : *pages) {
    const auto names = page.receipt && !page.receipt->names.empty() ? printable(page.receipt->names.front()) : std::string{};
    suggestions.push_back({page.number, names});
  }
  return suggestions;
}

std::vector<Suggestion> known(ValueKind kind, std::string_view begun, const std::string& folder) {
  std::vector<Suggestion> suggestions;
  if (kind == ValueKind::code) {
    for (auto& each : codes_begun(begun)) suggestions.push_back({std::move(each)});
    return suggestions;
  }
  CommonOptions options;
  if (!folder.empty()) options.home = with_home_folder(folder);
  const auto home = Home::existing(options);
  if (!home) return suggestions;
  if (kind == ValueKind::contact) return pins_of(home->contacts());
  if (kind == ValueKind::server) return pins_of(home->servers());
  if (kind == ValueKind::receipt) return receipts_of(*home);
  return suggestions;
}

}  // namespace

std::string completed(std::string_view line) {
  const auto words = typed_words(line);
  return complete(pshare_command(), words, Lookup{known}).text();
}

}  // namespace pshare
