#include "apps/pshare/progress_line.hpp"

#include <algorithm>
#include <cstdio>

#include "apps/pshare/quantities.hpp"
#include "traversal/path_rank.hpp"

namespace pshare {

namespace {

constexpr std::size_t bar_width = 24;
constexpr std::size_t bar_needs = 100;  // columns below which the bar is left out

double share(const ProgressFacts& facts) {
  if (!facts.total) return 0;
  if (*facts.total == 0) return 1;
  return std::min(1.0, static_cast<double>(facts.bytes) / static_cast<double>(*facts.total));
}

std::string bar(double part) {
  const auto filled = static_cast<std::size_t>(part * static_cast<double>(bar_width));
  return "[" + std::string(filled, '#') + std::string(bar_width - filled, '-') + "]  ";
}

}  // namespace

std::string_view word(Bottleneck bottleneck) {
  switch (bottleneck) {
    case Bottleneck::unknown: return "";
    case Bottleneck::disk: return "disk";
    case Bottleneck::cpu: return "CPU";
    case Bottleneck::network: return "network";
    case Bottleneck::other_side: return "the other side";
    case Bottleneck::limit: return "--limit";
  }
  return "";
}

std::string path_words(const Path& path) {
  return std::string{word(path.tier)} + " " + std::string{word(path.transport)} + (is_straight(path.tier) ? " to " : " through ") + path.remote.text();
}

std::string relay_words(const Path& path, const RelayJoined& limits) {
  std::string words = std::string{path.tier == Tier::relay ? "The server relays" : "A supernode relays"} + " at " + path.remote.text() + ": ";
  words += limits.rate ? "at most " + size_words(*limits.rate) + "/s, shared with others" : "as fast as it can";
  if (limits.bytes_left) words += "; " + size_words(*limits.bytes_left) + " are left, then it ends";
  return words + ".";
}

std::string progress_line(const ProgressFacts& facts, std::size_t width) {
  std::string line;
  if (facts.total) {
    const auto part = share(facts);
    if (width >= bar_needs) line += bar(part);
    char percent[16];
    // Rounded down: 100 % is said when it is true.
    std::snprintf(percent, sizeof percent, "%3d %%  ", static_cast<int>(part * 100));
    line += percent;
    line += size_words(facts.bytes) + " of " + size_words(*facts.total);
  } else {
    line += size_words(facts.bytes);
  }
  if (facts.files > 1) line += "  " + std::to_string(facts.files_done) + "/" + std::to_string(facts.files) + " files";
  if (!facts.path) {
    line += "  looking for a path";
  } else if (facts.finishing) {
    line += "  giving the files their names";
  } else {
    line += "  " + size_words(static_cast<std::uint64_t>(facts.bytes_per_second)) + "/s";
    if (facts.remaining) line += "  " + duration_words(*facts.remaining) + " left";
    line += "  " + std::string{word(facts.path->tier)} + " " + std::string{word(facts.path->transport)};
    if (facts.bottleneck != Bottleneck::unknown) line += ", limited by " + std::string{word(facts.bottleneck)};
  }
  if (line.size() > width) line.resize(width);
  return line;
}

std::string summary_line(std::string_view verb, const DoneFacts& facts) {
  const bool text = facts.files == 0 && !facts.path;  // it is part of an offer, and needs no path of its own
  auto line = std::string{verb} + " " + (text ? "a text of " : count_words(facts.files, "file", "files") + ", ") + size_words(facts.bytes);
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.1f s", facts.seconds);
  line += " in " + (facts.seconds < 10 ? std::string{seconds} : duration_words(std::chrono::duration_cast<Duration>(std::chrono::duration<double>{facts.seconds})));
  const auto moved = facts.bytes - std::min(facts.bytes, facts.resumed_bytes);
  if (moved > 0 && facts.seconds > 0.05)
    line += " (" + size_words(static_cast<std::uint64_t>(static_cast<double>(moved) / facts.seconds)) + "/s)";
  if (facts.path) line += " by " + path_words(*facts.path);
  if (facts.wire_bytes > 0) line += "; " + size_words(facts.wire_bytes) + " on the wire";
  if (facts.resumed_bytes > 0) line += "; " + size_words(facts.resumed_bytes) + " had been sent before";
  return line + ".";
}

}  // namespace pshare
