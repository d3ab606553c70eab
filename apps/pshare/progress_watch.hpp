// Looks at a session several times a second and reports how it goes. For both sides: their sessions answer the same questions.
#pragma once

#include <optional>

#include "apps/pshare/report.hpp"
#include "io/asio.hpp"
#include "io/deadline.hpp"
#include "transfer/meter.hpp"
#include "transfer/receiver.hpp"
#include "transfer/sender.hpp"
#include "traversal/path.hpp"

namespace pshare {

inline constexpr Duration between_looks = std::chrono::milliseconds{100};

inline Bottleneck shown(Meter::Bottleneck what) {
  switch (what) {
    case Meter::Bottleneck::disk: return Bottleneck::disk;
    case Meter::Bottleneck::cpu: return Bottleneck::cpu;
    case Meter::Bottleneck::network: return Bottleneck::network;
    case Meter::Bottleneck::other_side: return Bottleneck::other_side;
    case Meter::Bottleneck::limit: return Bottleneck::limit;
  }
  return Bottleneck::unknown;
}

/// Whether a session has heard or read by now what is at the destination already.
inline bool knows_what_is_there(const Sender::Progress& progress) { return progress.have_known; }
inline bool knows_what_is_there(const Receiver::Progress& progress) { return progress.manifest_known; }

/// Whether the end has been reported: then only a receipt is awaited.
inline bool has_been_told(const Sender::Progress& progress) { return progress.verified; }
inline bool has_been_told(const Receiver::Progress&) { return false; }

/// What does not change while a session lasts. `total`: nothing for a stream. `there`: bytes that an earlier session found or left at the destination, shown until
/// this one knows better.
struct Undertaking {
  std::optional<std::uint64_t> total;
  std::uint64_t files = 0, there = 0;
};

/// `path` is the one in use, nothing while there is none.
template <typename Session>
ProgressFacts progress_facts(const Session& session, const std::optional<Path>& path, const Undertaking& whole, TimePoint now) {
  const auto progress = session.progress();
  const auto& total = whole.total;
  const auto bytes = knows_what_is_there(progress) ? progress.durable : whole.there;
  ProgressFacts facts{.bytes = bytes, .total = total, .files_done = session.files_done(), .files = whole.files, .path = path};
  facts.bytes_per_second = static_cast<double>(session.meter().rate(now).count);
  if (total) facts.remaining = session.meter().remaining(*total, now);
  if (const auto what = session.meter().bottleneck(now)) facts.bottleneck = shown(*what);
  facts.finishing = total && *total > 0 && progress.durable == *total;
  return facts;
}

/// Until cancelled, or told. `look` is called each time before the report.
template <typename Session, typename Look>
awaitable<void> watch_progress(const Session& session, Report& report, const std::optional<Path>& path, Undertaking whole, Look look) {
  for (;;) {
    const auto now = Clock::now();
    look(now);
    if (has_been_told(session.progress())) co_return;
    report.progress(progress_facts(session, path, whole, now), now);
    co_await sleep_until(now + between_looks);
  }
}

}  // namespace pshare
