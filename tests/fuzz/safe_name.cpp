// Fuzzes names and link targets that a sender chose: an accepted name is one component; an accepted target, followed step by step, never leaves the
// directory at the top; and the names to take where one is taken are names again, each another. The first byte: how deep the link lies, and the number.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "transfer/safe_name.hpp"

namespace {

void demand(bool fact) {
  if (!fact) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  if (size == 0) return 0;
  const std::string_view text{reinterpret_cast<const char*>(data + 1), size - 1};
  const std::size_t depth = data[0] % 8;
  if (check_name(text)) {
    demand(!text.empty() && text.size() <= max_name && text != "." && text != ".." && text.find_first_of(std::string_view{"/\0", 2}) == text.npos);
    // A long name that ends in such a number already may come out as itself, but for no two numbers does the same come out: so a free one is found.
    const unsigned number = data[0];
    for (const auto other : {number + 1, 4'294'967'295u}) {
      const auto one = numbered(text, number), another = numbered(text, other);
      demand(check_name(one).has_value() && check_name(another).has_value() && one != another);
    }
  }
  if (check_top_level_name(text)) demand(check_name(text) && !text.starts_with(partial_prefix));
  if (check_link_target(text, depth)) {
    demand(depth > 0 && text.size() <= max_link_target && text.front() != '/' && text.find('\0') == text.npos);
    // Where it leads if no component is a link itself; the directories below the top-level one number depth - 1.
    std::size_t level = depth - 1;
    bool descended = false;
    for (std::string_view rest = text; !rest.empty();) {
      const auto component = rest.substr(0, rest.find('/'));
      rest.remove_prefix(std::min(component.size() + 1, rest.size()));
      if (component.empty() || component == ".") continue;
      if (component == "..") {
        demand(level > 0 && !descended);
        --level;
      } else {
        descended = true;
      }
    }
  }
  return 0;
}
