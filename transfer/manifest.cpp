#include "transfer/manifest.hpp"

#include <algorithm>
#include <cassert>

namespace pshare {

namespace {

/// How many neighbours a name may be looked for among. A table that is at most half full needs a few dozen at five million names.
constexpr std::size_t longest_probe = 512;

Unexpected refused(Errc code, std::string what) {
  return Unexpected{{.code = code, .doing = "taking the list of what is to be transferred: " + std::move(what)}};
}

}  // namespace

Result<std::uint64_t> chunk_size_for(std::uint64_t bytes) {
  auto size = default_chunk_size;
  while (chunks_in(bytes, size) > max_chunks && size < max_chunk_size) size *= 2;
  if (bytes > max_run || chunks_in(bytes, size) > max_chunks)
    return Unexpected{{.code = Errc::limit,
                       .doing = "choosing a chunk size: " + std::to_string(bytes) + " bytes are more than one transfer can hold",
                       .hint = "send it in several transfers"}};
  return size;
}

Result<void> check_announcement(const ManifestBegin& announced) {
  if (announced.chunk_size < min_chunk_size || announced.chunk_size > max_chunk_size)
    return refused(Errc::limit, "a chunk size of " + std::to_string(announced.chunk_size) + " bytes");
  if (announced.entries > max_entries) return refused(Errc::limit, std::to_string(announced.entries) + " entries are too many");
  if (announced.bytes > max_run) return refused(Errc::limit, std::to_string(announced.bytes) + " bytes are too many");
  if (chunks_in(announced.bytes, announced.chunk_size) > max_chunks)
    return refused(Errc::limit, std::to_string(announced.bytes) + " bytes in chunks too small for so many");
  if (announced.stream && (announced.entries != 1 || announced.bytes != 0))
    return refused(Errc::malformed, "a stream that is not one file of unknown length");
  return {};
}

// --- building -------------------------------------------------------------------------------------------------------

Result<void> Manifest::check(const Entry& entry, std::size_t depth) const {
  if (nodes_.size() >= max_entries) return refused(Errc::limit, "more than " + std::to_string(max_entries) + " entries");
  if (depth > max_depth) return refused(Errc::limit, "directories nested deeper than " + std::to_string(max_depth));
  if (auto checked = entry.parent ? check_name(entry.name) : check_top_level_name(entry.name); !checked) return checked;
  if (entry.type == EntryType::symlink) {
    if (auto checked = check_link_target(entry.target, depth); !checked) return checked;
  }
  if (text_.size() + entry.name.size() + entry.target.size() > max_manifest_text)
    return refused(Errc::limit, "names and link targets of more than " + std::to_string(max_manifest_text) + " bytes");
  // bytes_ is at most max_run, so this cannot overflow.
  if (entry.type == EntryType::file && entry.size > max_run - bytes_)
    return refused(Errc::limit, "files of more than " + std::to_string(max_run) + " bytes together");
  return {};
}

Result<EntryIndex> Manifest::add(const Entry& entry) {
  const auto naming = [&](Error error) {
    error.doing += " (entry " + std::to_string(nodes_.size()) + ", \"" + std::string{entry.name.substr(0, max_name)} + "\")";
    return Unexpected{std::move(error)};
  };
  std::size_t depth = 0;
  if (entry.parent) {
    if (entry.parent->number >= nodes_.size())
      return naming(refused(Errc::malformed, "a parent that did not come before").error);
    const auto& parent = nodes_[entry.parent->number];
    if (type_of(parent) != EntryType::directory) return naming(refused(Errc::malformed, "a parent that is no directory").error);
    depth = parent.depth + std::size_t{1};
  }
  if (auto checked = check(entry, depth); !checked) return naming(std::move(checked).error());

  make_room_in_slots();
  const auto parent = entry.parent ? entry.parent->number + 1 : 0;
  const auto slot = slot_for(parent, entry.name);
  if (!slot) return naming(refused(Errc::limit, "names made to collide").error);
  if (slots_[*slot] != 0) return naming(refused(Errc::malformed, "two entries of one name").error);

  const bool is_file = entry.type == EntryType::file, is_link = entry.type == EntryType::symlink;
  Node node;
  node.text = text_.size();
  node.size = is_file ? entry.size : is_link ? entry.target.size() : 0;
  node.offset = bytes_;
  node.mtime = entry.mtime;
  node.version = is_file ? entry.version : 0;
  node.parent = parent;
  node.mode = entry.mode & 0777u;
  node.type = static_cast<std::uint8_t>(entry.type) & 3u;
  node.sparse = is_file && entry.sparse;
  node.name_length = static_cast<std::uint8_t>(entry.name.size());
  node.depth = depth & 0x7FFu;
  text_ += entry.name;
  if (is_link) text_ += entry.target;
  if (is_file) bytes_ += entry.size, ++files_;
  nodes_.push_back(node);
  slots_[*slot] = static_cast<std::uint32_t>(nodes_.size());
  return EntryIndex{static_cast<std::uint32_t>(nodes_.size() - 1)};
}

std::optional<std::size_t> Manifest::slot_for(std::uint32_t parent, std::string_view name) const {
  auto slot = short_hash_of(bytes_of(name), parent) % slots_.size();
  for (std::size_t probe = 0; probe < longest_probe; ++probe) {
    if (slots_[slot] == 0) return slot;
    const auto& node = nodes_[slots_[slot] - 1];
    if (node.parent == parent && name_of(node) == name) return slot;
    if (++slot == slots_.size()) slot = 0;
  }
  return std::nullopt;
}

void Manifest::make_room_in_slots() {
  if (slots_.size() / 2 > nodes_.size()) return;  // stays at most half full
  std::vector<std::uint32_t> larger(std::max<std::size_t>(64, slots_.size() * 2));
  slots_.swap(larger);
  larger = {};
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    auto slot = short_hash_of(bytes_of(name_of(nodes_[i])), nodes_[i].parent) % slots_.size();
    while (slots_[slot] != 0) slot = slot + 1 == slots_.size() ? 0 : slot + 1;
    slots_[slot] = i + 1;
  }
}

void Manifest::seal(std::uint64_t chunk_size) {
  assert(chunk_size >= min_chunk_size && chunk_size <= max_chunk_size);
  assert(chunks_in(bytes_, chunk_size) <= max_chunks);
  chunk_size_ = chunk_size;
  slots_ = {};
  nodes_.shrink_to_fit();
  text_.shrink_to_fit();
}

void Manifest::set_stream_size(std::uint64_t bytes) {
  assert(nodes_.size() == 1 && type_of(nodes_.front()) == EntryType::file && bytes <= max_run);
  nodes_.front().size = bytes_ = bytes;
}

// --- looking at it --------------------------------------------------------------------------------------------------

std::uint64_t Manifest::end_of(const Node& node) const {
  return type_of(node) == EntryType::file ? node.offset + node.size : node.offset;
}

Entry Manifest::entry(EntryIndex index) const {
  assert(index.number < nodes_.size());
  const auto& node = nodes_[index.number];
  Entry entry;
  entry.type = type_of(node);
  if (node.parent != 0) entry.parent = EntryIndex{node.parent - 1};
  entry.name = name_of(node);
  entry.size = entry.type == EntryType::file ? node.size : 0;
  entry.mtime = node.mtime;
  entry.mode = static_cast<std::uint16_t>(node.mode);
  entry.version = node.version;
  entry.sparse = node.sparse != 0;
  if (entry.type == EntryType::symlink)
    entry.target = std::string_view{text_}.substr(node.text + node.name_length, node.size);
  return entry;
}

std::uint64_t Manifest::offset(EntryIndex file) const {
  assert(file.number < nodes_.size());
  return nodes_[file.number].offset;
}

std::string Manifest::path(EntryIndex index) const {
  assert(index.number < nodes_.size());
  std::vector<std::string_view> components;
  for (auto at = index.number + 1; at != 0; at = nodes_[at - 1].parent) components.push_back(name_of(nodes_[at - 1]));
  std::string path;
  for (auto component = components.rbegin(); component != components.rend(); ++component) {
    if (!path.empty()) path += '/';
    path += *component;
  }
  return path;
}

std::uint64_t Manifest::length(ChunkIndex chunk) const {
  if (chunk.number >= chunks()) return 0;
  return std::min(chunk_size_, bytes_ - chunk.number * chunk_size_);
}

std::vector<Segment> Manifest::segments(ChunkIndex chunk) const {
  std::vector<Segment> out;
  const auto chunk_length = length(chunk);
  if (chunk_length == 0) return out;
  const auto begin = chunk.number * chunk_size_, end = begin + chunk_length;
  // Ends never decrease along the list, so the first entry that ends behind `begin` is the file that holds it.
  auto node = std::ranges::partition_point(nodes_, [&](const Node& each) { return end_of(each) <= begin; });
  for (; node != nodes_.end() && node->offset < end; ++node) {
    const auto from = std::max(begin, node->offset), to = std::min(end, end_of(*node));
    if (from < to) out.push_back({EntryIndex{static_cast<std::uint32_t>(node - nodes_.begin())}, from - node->offset, to - from});
  }
  return out;
}

Manifest::ChunkRange Manifest::chunks_of(EntryIndex file) const {
  assert(file.number < nodes_.size());
  const auto& node = nodes_[file.number];
  const auto first = node.offset / chunk_size_;
  if (end_of(node) == node.offset) return {ChunkIndex{first}, ChunkIndex{first}};
  return {ChunkIndex{first}, ChunkIndex{chunks_in(end_of(node), chunk_size_)}};
}

std::size_t Manifest::memory() const {
  return nodes_.capacity() * sizeof(Node) + text_.capacity() + slots_.capacity() * sizeof slots_[0];
}

}  // namespace pshare
