// A sender and a receiver of one transfer in the simulated world, with their sessions' cores, lanes between them, a source and a
// disk. Either may be killed at any moment and run again; lanes may be cut and come anew.
//
// A chunk's bytes are not simulated, only its length and a number that stands for its content; everything else (messages, journal)
// is in its real, encoded form.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
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
};

struct Plan {
  std::vector<std::uint64_t> files{30 * MiB};  // their sizes
  std::uint64_t chunk_size = max_chunk_size;
  std::size_t lanes = 1;
  Duration delay = std::chrono::milliseconds{20};
  BytesPerSecond rate{100 * MiB};              // of each lane
  Duration write_time = std::chrono::milliseconds{3}, sync_time = std::chrono::milliseconds{15};
  bool reconnect = true;                       // a lane that was cut comes anew after a second
};

class TransferWorld {
 public:
  TransferWorld(Seed seed, Plan plan);
  ~TransferWorld();

  /// Both commands are run (again): a session begins. Nobody may be running.
  void begin_session();
  /// Until both sides have ended or were killed. False if that takes longer than any patience.
  bool run_session();
  bool step() { return world_.events().step(); }
  bool idle() const;  // nobody is running

  void cut_lane(std::size_t which);       // of those that are up, in order of joining
  void mute_lane(std::size_t which);      // likewise; nothing gets through any more, and nobody is told
  std::size_t lanes_up() const;
  void kill_sender();
  void kill_receiver();
  void change_source(ChunkIndex chunk);   // between two sessions: the file changes its content and version

  World& world() { return world_; }
  Disk& disk() { return disk_; }
  bool delivered_right() const;           // the files on the disk are those of the source
  std::uint64_t run() const;              // bytes in the transfer
  std::uint64_t sent() const { return sent_; }  // payload handed to lanes, in all sessions
  std::optional<Sender::Ended> sender_end;       // of the latest session; nothing: killed or still running
  std::optional<Receiver::Ended> receiver_end;
  std::uint64_t resumed = 0;                     // as the sender of the latest session counted it

 private:
  struct Lane;
  void join_lane();
  void make_manifest();
  void lane_down(Lane& lane);
  void perform_for_sender(Sender::Action action);
  void perform_for_receiver(Receiver::Action action);
  void send(StreamLink& link, const LaneMessage& message, std::function<void(const LaneMessage&)> heard, std::function<void()> written = {});
  void send_chunk(Lane& lane, ChunkIndex chunk);
  void chunk_arrived(Lane& lane, ChunkIndex chunk, Content content, const ChunkHash& hash);
  void plan_sync();
  Receiver::Found open_disk(const Manifest& manifest);
  void journal(const ByteBuffer& record);
  Lane* lane_at(LaneNumber number);

  World world_;
  Plan plan_;
  Host& alice_;   // sends
  Host& bob_;     // receives
  Disk disk_;
  std::vector<Content> source_;  // by chunk
  std::vector<std::uint64_t> versions_;  // by file
  std::unique_ptr<Manifest> manifest_;
  std::unique_ptr<Driver<Sender>> sender_;
  std::unique_ptr<Driver<Receiver>> receiver_;
  std::shared_ptr<const Manifest> received_manifest_;
  std::deque<std::unique_ptr<Lane>> lanes_;
  std::uint32_t next_lane_ = 0;
  std::uint64_t sent_ = 0;
  bool sync_planned_ = false;
  std::set<ChunkIndex> unsynced_;
};

}  // namespace pshare::sim
