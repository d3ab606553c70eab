// What lies between two hosts, one direction at a time: a datagram link that delays, loses and drops, and a stream (a TCP
// connection as its users see it) that delivers all in order until it is cut.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "event_queue.hpp"
#include "wire/random.hpp"
#include "wire/units.hpp"

namespace pshare::sim {

/// How long `bytes` occupy a line of this rate; no time at all for a rate of 0, which means unlimited.
Duration time_on_line(std::uint64_t bytes, BytesPerSecond rate);

class DatagramLink {
 public:
  struct Settings {
    Duration delay{0};
    Duration jitter{0};         // each datagram is late by up to so much more; so they may overtake
    BytesPerSecond rate{0};     // 0: unlimited
    std::uint64_t queue = 0;    // bytes that may wait for the line, the one being sent included; 0: unlimited
    double loss = 0;            // probability
    Duration bursts_every{0};   // mean time from the end of a burst, in which everything is lost, to the next; 0: there are none
    Duration burst_lasts{0};    // its mean length (Gilbert's model in continuous time)
    bool keeps_order = false;   // jitter delays, but nothing overtakes
  };
  DatagramLink(EventQueue& events, Random& random, Settings settings) : events_(events), random_(random), settings_(settings) {}

  void send(std::uint64_t bytes, std::function<void()> arrived);
  /// From now on; what is under way arrives as planned.
  void change(Settings settings);
  std::uint64_t dropped() const { return dropped_; }  // by loss or a full queue
  void forget_dropped() { dropped_ = 0; }

 private:
  EventQueue& events_;
  Random& random_;
  Settings settings_;
  bool lost();
  Duration drawn_around(Duration mean);

  TimePoint line_free_{}, last_arrival_{};
  std::uint64_t queued_ = 0, dropped_ = 0;
  bool in_burst_ = false;
  std::optional<TimePoint> burst_changes_;  // begins or ends
};

class StreamLink {
 public:
  struct Settings {
    Duration delay{0};
    BytesPerSecond rate{0};     // 0: unlimited
  };
  StreamLink(EventQueue& events, Settings settings) : events_(events), settings_(settings) {}
  StreamLink(const StreamLink&) = delete;

  /// For what is sent from now on.
  void change_rate(BytesPerSecond rate) { settings_.rate = rate; }

  /// `written`: the last byte is on the line. `arrived`: it is there. Neither happens after cut().
  void send(std::uint64_t bytes, std::function<void()> arrived, std::function<void()> written = {});
  void cut() { cut_ = true; }
  bool is_cut() const { return cut_; }

 private:
  EventQueue& events_;
  Settings settings_;
  TimePoint line_free_{};
  bool cut_ = false;
};

}  // namespace pshare::sim
