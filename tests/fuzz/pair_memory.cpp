// Fuzzes the file of what worked between networks: what is read is within bounds and is written as it was, and can be added to.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "traversal/pair_memory.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pshare;
  const auto file = std::as_bytes(std::span{data, size});
  auto memory = PairMemory::decode(file);
  if (!memory) return 0;
  if (memory->size() > PairMemory::max_pairs) std::abort();
  const auto again = memory->encode();
  if (!std::ranges::equal(again, file)) std::abort();
  const NetworkPair pair{.own_external = {}, .own_default = {}, .peer = {}, .peer_external = {}};
  memory->remember(pair, {.tier = Tier::punched});
  if (!memory->recall(pair) || memory->size() > PairMemory::max_pairs || !PairMemory::decode(memory->encode())) std::abort();
  return 0;
}
