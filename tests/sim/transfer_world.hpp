// A sender and a receiver of one transfer in the simulated world, with their sessions' cores, lanes between them, a source and a
// disk. Either may be killed at any moment and run again; lanes may be cut and come anew.
//
// Lanes are streams here; messages travel in their real, encoded form, and of chunks see transfer_sides.hpp.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "transfer_sides.hpp"
#include "world.hpp"

namespace pshare::sim {

struct Plan {
  std::vector<std::uint64_t> files{30 * MiB};  // their sizes
  std::uint64_t chunk_size = max_chunk_size;
  std::size_t lanes = 1;
  Duration delay = std::chrono::milliseconds{20};
  BytesPerSecond rate{100 * MiB};              // of each lane
  ReceivingSide::Times disk{};
  bool reconnect = true;                       // a lane that was cut comes anew after a second
  std::optional<BytesPerSecond> rival{};       // one more lane at the beginning, of this rate, challenges the first; with one lane only
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
  void challenge(BytesPerSecond rate);    // one more lane of this rate is up, to replace the only one
  void slow_down(std::size_t which, BytesPerSecond rate);  // of those that are up; for what is sent from now on
  const std::vector<LaneNumber>& chosen() const { return sender_->chosen(); }    // by the latest session's sender, in order
  const std::vector<LaneNumber>& retired() const { return sender_->retired(); }  // likewise
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
  class SendersLanes;
  class ReceiversLanes;
  LaneNumber add_lane(BytesPerSecond rate);
  void join_lane();
  void make_manifest();
  void lane_down(Lane& lane);
  Lane* lane_at(LaneNumber number);

  World world_;
  Plan plan_;
  Host& alice_;   // sends
  Host& bob_;     // receives
  Disk disk_;
  std::vector<Content> source_;  // by chunk
  std::vector<std::uint64_t> versions_;  // by file
  std::unique_ptr<Manifest> manifest_;
  std::unique_ptr<LanesOut> senders_lanes_, receivers_lanes_;
  std::unique_ptr<SendingSide> sender_;
  std::unique_ptr<ReceivingSide> receiver_;
  std::deque<std::unique_ptr<Lane>> lanes_;
  std::uint32_t next_lane_ = 0;
  std::uint64_t sent_ = 0;
};

}  // namespace pshare::sim
