#include "transfer/io/carry_over.hpp"

#include <algorithm>
#include <tuple>

namespace pshare {

namespace {

std::uint64_t key_of(std::optional<EntryIndex> parent) { return parent ? std::uint64_t{parent->number} + 1 : 0; }

/// For each entry of `now` the one at the same path in `before`.
std::vector<std::optional<EntryIndex>> counterparts(const Manifest& before, const Manifest& now) {
  const Children old{before};
  std::vector<std::optional<EntryIndex>> found(now.entries());
  for (std::uint32_t number = 0; number < now.entries(); ++number) {
    const auto entry = now.entry({number});
    if (!entry.parent) {
      found[number] = old.find(std::nullopt, entry.name);
    } else if (const auto parent = found[entry.parent->number]) {
      found[number] = old.find(parent, entry.name);
    }
  }
  return found;
}

enum class Standing { missing, maybe, unchanged };

class Judge {
 public:
  Judge(const Manifest& before, const ChunkMap& durable, const Manifest& now)
      : before_(before), durable_(durable), now_(now), counterparts_(counterparts(before, now)) {}

  Standing judge(const Segment& segment) const {
    const auto old = counterparts_[segment.entry.number];
    if (!old) return Standing::missing;
    const auto was = before_.entry(*old), is = now_.entry(segment.entry);
    if (was.type != EntryType::file || segment.offset + segment.length > was.size) return Standing::missing;
    const auto first = (before_.offset(*old) + segment.offset) / before_.chunk_size();
    const auto last = (before_.offset(*old) + segment.offset + segment.length - 1) / before_.chunk_size();
    for (auto chunk = first; chunk <= last; ++chunk)
      if (!durable_.has(ChunkIndex{chunk})) return Standing::missing;
    return was.size == is.size && was.version == is.version ? Standing::unchanged : Standing::maybe;
  }

 private:
  const Manifest& before_;
  const ChunkMap& durable_;
  const Manifest& now_;
  const std::vector<std::optional<EntryIndex>> counterparts_;
};

}  // namespace

Children::Children(const Manifest& manifest) : manifest_(manifest), sorted_(manifest.entries()) {
  for (std::uint32_t number = 0; number < sorted_.size(); ++number) sorted_[number].number = number;
  std::sort(sorted_.begin(), sorted_.end(), [&](EntryIndex a, EntryIndex b) {
    const auto left = manifest.entry(a), right = manifest.entry(b);
    return std::tuple{key_of(left.parent), left.name} < std::tuple{key_of(right.parent), right.name};
  });
}

std::optional<EntryIndex> Children::find(std::optional<EntryIndex> parent, std::string_view name) const {
  const auto wanted = std::tuple{key_of(parent), name};
  const auto key = [&](EntryIndex index) {
    const auto entry = manifest_.entry(index);
    return std::tuple{key_of(entry.parent), entry.name};
  };
  const auto found = std::lower_bound(sorted_.begin(), sorted_.end(), wanted, [&](EntryIndex index, const auto& other) { return key(index) < other; });
  if (found == sorted_.end() || key(*found) != wanted) return std::nullopt;
  return *found;
}

CarriedOver carry_over(const Manifest& before, const ChunkMap& durable_before, const Manifest& now) {
  const Judge judge{before, durable_before, now};
  CarriedOver carried{.durable = ChunkMap{now.chunks()}, .to_check = {}};
  for (ChunkIndex chunk; chunk.number < now.chunks(); ++chunk.number) {
    auto standing = Standing::unchanged;
    for (const auto& segment : now.segments(chunk)) standing = std::min(standing, judge.judge(segment));
    if (standing == Standing::unchanged) carried.durable.set(chunk);
    if (standing == Standing::maybe) carried.to_check.push_back(chunk);
  }
  return carried;
}

}  // namespace pshare
