// Fuzzes the text of the rules for what is accepted: what is accepted keeps its limits, and reads the same when written out again.
#include <cstdint>
#include <cstdlib>

#include "apps/pshare/accept_rules.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto rules = AcceptRules::parse({reinterpret_cast<const char*>(data), size});
  if (!rules) return 0;
  if (rules->by_name().size() > AcceptRules::max_rules) std::abort();
  for (const auto& [name, rule] : rules->by_name())
    if (rule.says_nothing() || (rule.directory && !rule.directory->is_absolute())) std::abort();
  const auto text = rules->text();
  if (!text) {
    if (text.error().code != Errc::limit) std::abort();
    return 0;
  }
  const auto again = AcceptRules::parse(*text);
  if (!again || *again != *rules) std::abort();
  return 0;
}
