// The two sides of one transfer in a simulated world, each with its session's core: a sender with its source, a receiver with its disk. What
// carries their lanes is for others: transfer_world.hpp has streams, pshare/ TCP connections.
//
// A chunk's bytes are not simulated, only its length and a number that stands for its content; the journal is in its real, encoded form.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "transfer/journal.hpp"
#include "transfer/receiver.hpp"
#include "transfer/sender.hpp"
#include "world.hpp"

namespace pshare::sim {

using Content = std::uint64_t;  // stands for the bytes of one chunk
ChunkHash hash_of_content(Content content);

/// What outlives the receiver's process: written chunks, the journal, delivered files.
struct Disk {
  ByteBuffer journal;                    // empty: no partial folder
  ChunkHash manifest_digest{};           // of the manifest stored beside it
  std::map<ChunkIndex, Content> written;
  std::map<ChunkIndex, Content> delivered;
  int deliveries = 0;                    // how often files were given their final names

  /// A power cut, besides the process: only what was synced is left.
  void lose_power();
  /// The files on it are those of a source with these chunks.
  bool has_all_of(const std::vector<Content>& source) const;
};

/// How a side speaks on its lanes. What is said on a lane that is gone is lost.
class LanesOut {
 public:
  virtual ~LanesOut() = default;
  /// `written`, if there is one: what is called when all of it has left.
  virtual void say(LaneNumber lane, const LaneMessage& message, std::function<void()> written) = 0;
  virtual void send_chunk(LaneNumber lane, const ChunkHeader& header, Content content, std::function<void()> written) = 0;
  virtual void drop(LaneNumber lane) = 0;
  /// It ends in order.
  virtual void retire(LaneNumber lane) { drop(lane); }
};

class SendingSide {
 public:
  /// `manifest`, `source` (by chunk) and `lanes` live longer.
  SendingSide(Host& host, const Manifest& manifest, const std::vector<Content>& source, TransferId transfer, LanesOut& lanes,
              std::function<void(Sender::Ended)> on_ended);

  void join(LaneNumber lane);
  /// To replace the only lane there is, which wins a near tie.
  void challenge(LaneNumber lane);
  void lost(LaneNumber lane);
  void heard(LaneNumber lane);
  void received(LaneNumber lane, const LaneMessage& message);
  /// The session is given up.
  void fail(Error why);

  Sender::Progress progress() const { return core_.core().progress(); }
  const std::vector<LaneNumber>& chosen() const { return chosen_; }
  const std::vector<LaneNumber>& retired() const { return retired_; }

 private:
  void perform(Sender::Action action);
  void send_chunk(LaneNumber lane, ChunkIndex chunk);
  std::function<void()> free_again(LaneNumber lane);

  Host& host_;
  const Manifest& manifest_;
  const std::vector<Content>& source_;
  LanesOut& lanes_;
  std::function<void(Sender::Ended)> on_ended_;
  std::vector<LaneNumber> chosen_, retired_;
  Driver<Sender> core_;
};

class ReceivingSide {
 public:
  struct Times { Duration write = std::chrono::milliseconds{3}, sync = std::chrono::milliseconds{15}; };

  /// `disk` and `lanes` live longer.
  ReceivingSide(Host& host, Disk& disk, Times times, TransferId transfer, const Summary& summary, LanesOut& lanes,
                std::function<void(Receiver::Ended)> on_ended);

  void join(LaneNumber lane);
  void lost(LaneNumber lane);
  void heard(LaneNumber lane);
  void received(LaneNumber lane, const LaneMessage& message);  // all but ChunkHeader
  /// False if it broke the protocol; the session has then ended.
  bool chunk_begins(LaneNumber lane, const ChunkHeader& header);
  /// The payload of the chunk that began last on this lane.
  void chunk_arrived(LaneNumber lane, const ChunkHeader& header, Content content);

  Receiver::Progress progress() const { return core_.core().progress(); }

 private:
  void perform(Receiver::Action action);
  void open();
  Receiver::Found open_disk();
  void confirm(const std::vector<ChunkIndex>& same);
  void finish();
  void plan_sync();
  std::vector<std::string> names() const;
  void journal(const ByteBuffer& record);

  Host& host_;
  Disk& disk_;
  const Times times_;
  TransferId transfer_;
  LanesOut& lanes_;
  std::function<void(Receiver::Ended)> on_ended_;
  Driver<Receiver> core_;
  std::shared_ptr<const Manifest> manifest_;
  std::map<LaneNumber, ChunkIndex> arriving_;  // the header has come, and it is wanted
  std::set<ChunkIndex> unsynced_;
  bool sync_planned_ = false;
};

}  // namespace pshare::sim
