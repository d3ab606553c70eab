// The encoded form of a manifest; its picture is in transfer/manifest.hpp.
#include <algorithm>
#include <cassert>

#include "transfer/manifest.hpp"

namespace pshare {

namespace {

constexpr std::uint8_t type_bits = 3, sparse_flag = 4, parent_flag = 8, known_bits = 15;

/// The longest encoded entry: fixed fields, longest name, longest target.
constexpr std::size_t longest_entry = 1 + 4 + 2 + 8 + 2 + max_name + 2 + max_link_target;
static_assert(longest_entry < max_lane_body);

Unexpected malformed(std::string what) {
  return Unexpected{{.code = Errc::malformed, .doing = "reading the list of what is to be transferred: " + std::move(what)}};
}

void put(ByteWriter& out, const Entry& entry) {
  auto first = static_cast<std::uint8_t>(entry.type);
  if (entry.sparse) first |= sparse_flag;
  if (entry.parent) first |= parent_flag;
  out.u8(first);
  if (entry.parent) out.u32(entry.parent->number);
  out.u16(entry.mode).u64(static_cast<std::uint64_t>(entry.mtime));
  out.u16(static_cast<std::uint16_t>(entry.name.size())).bytes(bytes_of(entry.name));
  if (entry.type == EntryType::file) out.u64(entry.size).u64(entry.version);
  if (entry.type == EntryType::symlink)
    out.u16(static_cast<std::uint16_t>(entry.target.size())).bytes(bytes_of(entry.target));
}

std::optional<std::string_view> text_in(ByteReader& in) {
  const auto length = in.u16();
  const auto text = length ? in.bytes(*length) : std::nullopt;
  if (!text) return std::nullopt;
  return text_of(*text);
}

/// One entry off the front. Its text lies in the part it was read from.
Result<Entry> entry_in(ByteReader& in) {
  const auto first = in.u8();
  if (!first) return malformed("an entry without a type");
  if ((*first & ~known_bits) != 0 || (*first & type_bits) > static_cast<std::uint8_t>(EntryType::symlink))
    return malformed("an entry of an unknown type; the other side's pshare may be newer than ours");
  Entry entry;
  entry.type = static_cast<EntryType>(*first & type_bits);
  entry.sparse = (*first & sparse_flag) != 0;
  if ((*first & parent_flag) != 0) {
    const auto parent = in.u32();
    if (!parent) return malformed("a torn entry");
    entry.parent = EntryIndex{*parent};
  }
  const auto mode = in.u16();
  const auto mtime = in.u64();
  const auto name = text_in(in);
  if (!mode || !mtime || !name) return malformed("a torn entry");
  if (*mode > 0777) return malformed("a mode with more than permission bits");
  entry.mode = *mode;
  entry.mtime = static_cast<std::int64_t>(*mtime);
  entry.name = *name;
  if (entry.type == EntryType::file) {
    const auto size = in.u64(), version = in.u64();
    if (!size || !version) return malformed("a torn entry");
    entry.size = *size, entry.version = *version;
  } else if (entry.sparse) {
    return malformed("holes in something that is no file");
  }
  if (entry.type == EntryType::symlink) {
    const auto target = text_in(in);
    if (!target) return malformed("a torn entry");
    entry.target = *target;
  }
  return entry;
}

}  // namespace

std::optional<ByteBuffer> ManifestWriter::next() {
  if (done()) return std::nullopt;
  ByteWriter out;
  while (next_entry_ < manifest_->entries() && out.view().size() + longest_entry <= max_lane_body)
    put(out, manifest_->entry(EntryIndex{next_entry_++}));
  hasher_.add(out.view());
  return out.take();
}

ChunkHash Manifest::encode(const std::function<void(ByteView part)>& emit) const {
  ManifestWriter writer{*this};
  while (const auto part = writer.next()) emit(*part);
  return writer.digest();
}

Result<void> ManifestReader::part(ByteView encoded) {
  if (encoded.empty()) return malformed("an empty part");  // or it could go on for ever
  ByteReader in{encoded};
  while (!in.empty()) {
    auto entry = entry_in(in);
    if (!entry) return Unexpected{std::move(entry).error()};
    if (manifest_.entries() == announced_.entries) return malformed("more entries than announced");
    if (entry->type == EntryType::file && entry->size > announced_.bytes - manifest_.bytes())
      return malformed("more bytes than announced");
    if (auto added = manifest_.add(*entry); !added) return Unexpected{std::move(added).error()};
  }
  hasher_.add(encoded);
  return {};
}

Result<Manifest> ManifestReader::end(const ManifestEnd& end) && {
  if (auto checked = check_announcement(announced_); !checked) return Unexpected{std::move(checked).error()};
  if (manifest_.entries() != announced_.entries) return malformed("fewer entries than announced");
  if (manifest_.bytes() != announced_.bytes) return malformed("fewer bytes than announced");
  if (hasher_.digest() != end.digest) return malformed("its checksum differs from what arrived");
  if (announced_.stream && manifest_.files() != 1) return malformed("a stream that is no file");
  manifest_.seal(announced_.chunk_size);
  return std::move(manifest_);
}

}  // namespace pshare
