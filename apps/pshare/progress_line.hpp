// The one line that shows how a transfer goes, and the closing summary: facts in, text out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "traversal/path.hpp"
#include "wire/relay_hello.hpp"
#include "wire/time.hpp"

namespace pshare {

/// What holds the transfer up, as far as the times spent waiting tell.
enum class Bottleneck { unknown, disk, cpu, network, other_side, limit };
std::string_view word(Bottleneck bottleneck);

struct ProgressFacts {
  std::uint64_t bytes = 0;                   // safe on the other side's disk
  std::optional<std::uint64_t> total = {};   // nothing: standard input
  std::uint64_t files_done = 0, files = 0;
  double bytes_per_second = 0;
  std::optional<Duration> remaining = {};
  std::optional<Path> path = {};             // nothing: looking for one
  Bottleneck bottleneck = Bottleneck::unknown;
  bool finishing = false;                    // every byte is there; names are being given
};

/// "[######------]  52 %  1.1 of 2.1 GB  840 MB/s  1 s left  direct tcp, limited by disk", cut to `width` columns.
std::string progress_line(const ProgressFacts& facts, std::size_t width);

struct DoneFacts {
  std::uint64_t bytes = 0, wire_bytes = 0, files = 0, resumed_bytes = 0;
  double seconds = 0;
  std::optional<Path> path = {};
};

/// "Sent 3 files, 1.2 GB in 4 s (300 MB/s) by direct tcp to 192.0.2.1:4701; 900 MB on the wire; 200 MB were there already."
std::string summary_line(std::string_view verb, const DoneFacts& facts);

/// "direct tcp to 192.0.2.1:4701"
std::string path_words(const Path& path);
/// What a relay allows on that path: "Through the supernode at 192.0.2.1:4700: at most 10 MB/s, shared with others; 1.2 GB left."
std::string relay_words(const Path& path, const RelayJoined& limits);

}  // namespace pshare
