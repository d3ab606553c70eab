// A machine on which one process runs, that can be killed and started again. What a killed process had planned does not happen.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "event_queue.hpp"

namespace pshare::sim {

class Host {
 public:
  Host(EventQueue& events, std::string name) : events_(events), name_(std::move(name)) {}
  Host(const Host&) = delete;

  const std::string& name() const { return name_; }
  bool runs() const { return runs_; }
  void start() { runs_ = true; }
  /// At once and without a last word. Does not touch what stands outside the process (a disk, a link).
  void kill() {
    runs_ = false;
    ++process_;
  }

  /// An event of the process that runs now; it dies with it.
  std::function<void()> mine(std::function<void()> event) {
    return [this, process = process_, event = std::move(event)] {
      if (runs_ && process == process_) event();
    };
  }
  void at(TimePoint when, std::function<void()> event) { events_.at(when, mine(std::move(event))); }
  void in(Duration delay, std::function<void()> event) { events_.in(delay, mine(std::move(event))); }
  TimePoint now() const { return events_.now(); }

 private:
  EventQueue& events_;
  std::string name_;
  bool runs_ = true;
  std::uint64_t process_ = 0;
};

}  // namespace pshare::sim
