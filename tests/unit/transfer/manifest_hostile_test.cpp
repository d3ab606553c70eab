// Manifests as a hostile sender would make them: built by hand, byte by byte, since Manifest::add() would refuse to.
#include <gtest/gtest.h>

#include "transfer/manifest.hpp"
#include "wire/units.hpp"

using namespace std::string_literals;

namespace pshare {
namespace {

/// An encoded entry; the form is pictured in transfer/manifest.hpp.
struct Raw {
  unsigned type = 0;
  std::optional<std::uint32_t> parent = {};
  std::string name = {};
  std::uint64_t size = 0;
  std::string target = {};
  unsigned mode = 0644;

  ByteBuffer encoded() const {
    ByteWriter out;
    out.u8(static_cast<std::uint8_t>(type | (parent ? 8 : 0)));
    if (parent) out.u32(*parent);
    out.u16(static_cast<std::uint16_t>(mode)).u64(0).u16(static_cast<std::uint16_t>(name.size())).bytes(bytes_of(name));
    if ((type & 3) == 0) out.u64(size).u64(0);
    if ((type & 3) == 2) out.u16(static_cast<std::uint16_t>(target.size())).bytes(bytes_of(target));
    return out.take();
  }
};

constexpr unsigned a_file = 0, a_directory = 1, a_link = 2;

ManifestBegin generous() {
  return {.transfer = {}, .entries = max_entries, .bytes = 1 * GiB, .chunk_size = default_chunk_size, .stream = false};
}

/// The error that the last of these entries meets; the others must be fine.
Error refusal(const std::vector<Raw>& entries, const ManifestBegin& announced = generous()) {
  ManifestReader reader{announced};
  for (std::size_t i = 0; i + 1 < entries.size(); ++i) {
    const auto taken = reader.part(entries[i].encoded());
    EXPECT_TRUE(taken) << taken.error().doing;
  }
  const auto refused = reader.part(entries.back().encoded());
  EXPECT_FALSE(refused) << "entry was taken: " << entries.back().name;
  return refused ? Error{} : refused.error();
}

TEST(HostileManifest, NamesThatLeadElsewhereAreRefused) {
  for (const auto& name : {""s, "."s, ".."s, "/etc/passwd"s, "a/../../b"s, "a/b"s, "nul\0nul"s, ".pshare-partial-x"s})
    EXPECT_EQ(refusal({{.name = name}}).code, Errc::malformed) << name;
  for (const auto& name : {".."s, "a/b"s})
    EXPECT_EQ(refusal({{.type = a_directory, .name = "d"}, {.parent = 0, .name = name}}).code, Errc::malformed) << name;
}

TEST(HostileManifest, ANameLongerThanNamesCanBeIsRefused) {
  EXPECT_EQ(refusal({{.name = std::string(256, 'x')}}).code, Errc::limit);
  // 70,000 bytes do not even fit the field: the length wraps, and what follows is no entry.
  EXPECT_TRUE(refusal({{.name = std::string(70'000, 'x')}}).code != Errc::failed);
}

TEST(HostileManifest, AFileThroughALinkIsRefused) {
  EXPECT_EQ(refusal({{.type = a_directory, .name = "d"}, {.type = a_link, .parent = 0, .name = "l", .target = "x"}, {.parent = 1, .name = "f"}}).code,
            Errc::malformed);
  EXPECT_EQ(refusal({{.name = "f"}, {.parent = 0, .name = "g"}}).code, Errc::malformed) << "nor one in a file";
}

TEST(HostileManifest, AParentThatDidNotComeBeforeIsRefused) {
  EXPECT_EQ(refusal({{.parent = 0, .name = "itself"}}).code, Errc::malformed);
  EXPECT_EQ(refusal({{.type = a_directory, .name = "d"}, {.parent = 2, .name = "forward"}}).code, Errc::malformed);
  EXPECT_EQ(refusal({{.type = a_directory, .name = "d"}, {.parent = ~0u, .name = "out of range"}}).code, Errc::malformed);
}

TEST(HostileManifest, LinksThatLeadOutsideAreRefused) {
  for (const auto& target : {"/etc"s, ".."s, "../d/x"s, "a/../../x"s, ""s, "a\0b"s})
    EXPECT_EQ(refusal({{.type = a_directory, .name = "d"}, {.type = a_link, .parent = 0, .name = "l", .target = target}}).code, Errc::malformed)
        << target;
  EXPECT_EQ(refusal({{.type = a_link, .name = "top", .target = "neighbour"}}).code, Errc::malformed);
}

TEST(HostileManifest, TwoEntriesOfOneNameInOneDirectoryAreRefused) {
  EXPECT_EQ(refusal({{.name = "f"}, {.name = "f"}}).code, Errc::malformed);
  EXPECT_EQ(refusal({{.type = a_directory, .name = "d"}, {.name = "d"}}).code, Errc::malformed);
  EXPECT_EQ(refusal({{.type = a_directory, .name = "d"}, {.parent = 0, .name = "f"}, {.name = "f"}, {.parent = 0, .name = "f"}}).code,
            Errc::malformed)
      << "the same name elsewhere is another";
}

TEST(HostileManifest, LengthsNearTwoToTheSixtyFourAreRefused) {
  for (const auto size : {~std::uint64_t{0}, std::uint64_t{1} << 63, 1 * GiB + 1})
    EXPECT_EQ(refusal({{.name = "f", .size = size}}).code, Errc::malformed) << size;
  EXPECT_EQ(refusal({{.name = "f", .size = 1 * GiB}, {.name = "g", .size = ~std::uint64_t{0}}}).code, Errc::malformed)
      << "a sum that would wrap";
}

TEST(HostileManifest, ARunLongerThanAnyIsRefusedEvenIfAnnounced) {
  auto announced = generous();
  announced.bytes = ~std::uint64_t{0};
  EXPECT_EQ(refusal({{.name = "f", .size = max_run + 1}}, announced).code, Errc::limit);
  EXPECT_EQ(refusal({{.name = "f", .size = max_run}, {.name = "g", .size = 1}}, announced).code, Errc::limit);
}

TEST(HostileManifest, MoreThanWasAnnouncedIsRefused) {
  auto announced = generous();
  announced.entries = 1;
  EXPECT_EQ(refusal({{.name = "f"}, {.name = "g"}}, announced).code, Errc::malformed);
  announced.bytes = 10;
  EXPECT_EQ(refusal({{.name = "f", .size = 11}}, announced).code, Errc::malformed);
}

TEST(HostileManifest, LessThanWasAnnouncedIsRefused) {
  ManifestReader reader{{.transfer = {}, .entries = 2, .bytes = 0, .chunk_size = default_chunk_size, .stream = false}};
  const auto only = Raw{.name = "f"}.encoded();
  ASSERT_TRUE(reader.part(only));
  const auto ended = std::move(reader).end({hash_of(only)});
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Errc::malformed);
}

TEST(HostileManifest, AnotherDigestIsRefused) {
  ManifestReader reader{{.transfer = {}, .entries = 1, .bytes = 0, .chunk_size = default_chunk_size, .stream = false}};
  ASSERT_TRUE(reader.part(Raw{.name = "f"}.encoded()));
  EXPECT_FALSE(std::move(reader).end({ChunkHash{}}));
}

TEST(HostileManifest, AnnouncementsBeyondTheLimitsAreRefusedBeforeAnyEntry) {
  struct Row { const char* what; ManifestBegin begin; bool taken; };
  const auto begin = [](std::uint64_t entries, std::uint64_t bytes, std::uint64_t chunk_size, bool stream = false) {
    return ManifestBegin{.transfer = {}, .entries = entries, .bytes = bytes, .chunk_size = chunk_size, .stream = stream};
  };
  for (const auto& [what, announced, taken] : {
           Row{"ordinary", begin(3, 100, default_chunk_size), true},
           Row{"as many entries as may be", begin(max_entries, 0, default_chunk_size), true},
           Row{"one more", begin(max_entries + 1, 0, default_chunk_size), false},
           Row{"a billion entries", begin(1'000'000'000, 0, default_chunk_size), false},
           Row{"as many chunks as may be", begin(1, max_chunks * min_chunk_size, min_chunk_size), true},
           Row{"one more", begin(1, max_chunks * min_chunk_size + 1, min_chunk_size), false},
           Row{"2^64 - 1 bytes", begin(1, ~std::uint64_t{0}, max_chunk_size), false},
           Row{"tiny chunks", begin(1, 1, 1), false},
           Row{"no chunk size", begin(1, 1, 0), false},
           Row{"huge chunks", begin(1, 1, max_chunk_size + 1), false},
           Row{"a stream", begin(1, 0, default_chunk_size, true), true},
           Row{"a stream of known length", begin(1, 1, default_chunk_size, true), false},
           Row{"a stream of two files", begin(2, 0, default_chunk_size, true), false}})
    EXPECT_EQ(check_announcement(announced).has_value(), taken) << what;
}

TEST(HostileManifest, AStreamThatIsADirectoryIsRefused) {
  ManifestReader reader{{.transfer = {}, .entries = 1, .bytes = 0, .chunk_size = default_chunk_size, .stream = true}};
  const auto only = Raw{.type = a_directory, .name = "d"}.encoded();
  ASSERT_TRUE(reader.part(only));
  EXPECT_FALSE(std::move(reader).end({hash_of(only)}));
}

TEST(HostileManifest, DirectoriesNestedTooDeepAreRefused) {
  std::vector<Raw> entries{{.type = a_directory, .name = "d"}};
  while (entries.size() < max_depth + 1)
    entries.push_back({.type = a_directory, .parent = static_cast<std::uint32_t>(entries.size() - 1), .name = "d"});
  entries.push_back({.parent = static_cast<std::uint32_t>(entries.size() - 1), .name = "f"});
  EXPECT_EQ(refusal(entries).code, Errc::limit);
}

TEST(HostileManifest, UnknownTypesAndFlagsAndModesAreRefused) {
  EXPECT_EQ(refusal({{.type = 3, .name = "device"}}).code, Errc::malformed);
  EXPECT_EQ(refusal({{.type = 16, .name = "flag"}}).code, Errc::malformed);
  EXPECT_EQ(refusal({{.type = a_directory | 4, .name = "sparse directory"}}).code, Errc::malformed);
  EXPECT_EQ(refusal({{.name = "setuid", .mode = 04755}}).code, Errc::malformed);
}

TEST(HostileManifest, TornAndEmptyPartsAreRefused) {
  for (const auto& raw : {Raw{.name = "file", .size = 1}, Raw{.type = a_directory, .name = "d"}}) {
    const auto whole = raw.encoded();
    for (std::size_t length = 0; length < whole.size(); ++length) {
      ManifestReader reader{generous()};
      EXPECT_FALSE(reader.part(ByteView{whole}.first(length))) << length;
    }
  }
}

}  // namespace
}  // namespace pshare
