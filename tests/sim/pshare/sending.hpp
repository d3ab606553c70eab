// `pshare send` on a simulated machine: finds the recipient, offers, climbs, and sends; looks for a new lane when all are lost. As
// apps/pshare/send, up to the end of one session: the next offer is for whoever runs it again.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pshare/online.hpp"
#include "pshare/session_lanes.hpp"

namespace pshare::sim {

class Sending {
 public:
  /// Begins at once. `world`, `person` and `chronicle` live longer. `files`: their sizes, each at least 8 bytes in its last chunk.
  Sending(World& world, const Person& person, Chronicle& chronicle, Server server, std::string to, const std::vector<std::uint64_t>& files);

  const Account& account() const { return online_.account; }
  const std::vector<Content>& source() const { return source_; }
  std::uint64_t run() const { return manifest_.bytes(); }
  std::uint64_t sent() const { return lanes_.sent(); }
  std::uint64_t durable() const { return side_ ? side_->progress().durable : 0; }
  bool online() { return online_.server().online(); }

 private:
  void offer();
  void answered(const Letter& letter);
  void begin_session();
  void look_for_lane(Duration patience);
  void no_path(const Error& why);

  Online online_;
  std::string to_name_;
  Manifest manifest_;
  std::vector<Content> source_;  // by chunk
  Summary summary_;
  PeerId to_;
  SessionId session_;
  std::optional<Letter> accepted_;
  SessionLanes lanes_;
  std::unique_ptr<SendingSide> side_;
  bool session_over_ = false;
};

}  // namespace pshare::sim
