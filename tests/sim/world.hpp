// A simulated world: one clock, one source of randomness with a seed that tests print, hosts and the streams between them.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "event_queue.hpp"
#include "host.hpp"
#include "link.hpp"
#include "wire/random.hpp"

namespace pshare::sim {

struct Seed {
  std::uint64_t number = 0;
};

class World {
 public:
  explicit World(Seed seed, std::uint64_t step_limit = 1'000'000) : events_(step_limit), random_(seed.number) {}
  World(const World&) = delete;

  EventQueue& events() { return events_; }
  Random& random() { return random_; }
  TimePoint now() const { return events_.now(); }

  /// They live as long as the world.
  Host& add_host(std::string name) { return hosts_.emplace_back(events_, std::move(name)); }
  StreamLink& add_stream(StreamLink::Settings settings) { return streams_.emplace_back(events_, settings); }
  DatagramLink& add_datagrams(DatagramLink::Settings settings) { return datagrams_.emplace_back(events_, random_, settings); }

 private:
  EventQueue events_;
  SeededRandom random_;
  std::deque<Host> hosts_;
  std::deque<StreamLink> streams_;
  std::deque<DatagramLink> datagrams_;
};

/// Runs a core: performs its actions after every input, and calls expire() when its deadline comes. `perform` is called with
/// each action and may feed the core again.
template <typename C>
class Driver {
 public:
  Driver(Host& host, C core, std::function<void(typename C::Action)> perform)
      : host_(host), core_(std::move(core)), perform_(std::move(perform)) {}
  Driver(const Driver&) = delete;

  template <typename Input>
  auto feed(Input input) {
    if constexpr (std::is_void_v<decltype(input(core_))>) {
      input(core_);
      drain();
    } else {
      auto result = input(core_);
      drain();
      return result;
    }
  }
  const C& core() const { return core_; }

 private:
  void drain() {
    if (draining_) return;  // the outer call goes on with it
    draining_ = true;
    while (auto action = core_.take()) perform_(*std::move(action));
    draining_ = false;
    const auto deadline = core_.deadline();
    if (!deadline || deadline == planned_) return;
    planned_ = deadline;
    // A plan that was overtaken by another finds that out when its time comes.
    host_.at(*deadline, [this, when = *deadline] {
      if (planned_ != when) return;
      planned_.reset();
      feed([&](C& core) { core.expire(host_.now()); });
    });
  }

  Host& host_;
  C core_;
  std::function<void(typename C::Action)> perform_;
  std::optional<TimePoint> planned_;
  bool draining_ = false;
};

}  // namespace pshare::sim
