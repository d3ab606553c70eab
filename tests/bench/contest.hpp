// One way of getting a file from one process to another over loopback, run again and again and measured: wall time from the start of
// both processes to the end of both, and the processor time of each.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace pshare::bench {

/// What is moved and where to.
struct Course {
  std::filesystem::path file;         // on the sending side; empty: `size` bytes of memory, which go nowhere
  std::filesystem::path destination;  // a folder; the file arrives in it under its own name
  std::uint64_t size = 0;
};

/// One contestant. Both functions run in a process of their own and return when that side is done.
struct Contestant {
  std::string name;
  /// Listens on 127.0.0.1, tells its port by the function, receives.
  std::function<void(const Course&, const std::function<void(std::uint16_t port)>& listening)> receive;
  std::function<void(const Course&, std::uint16_t port)> send;
};

struct Measured {
  double seconds = 0, sender_cpu = 0, receiver_cpu = 0;
  long sender_peak_kib = 0, receiver_peak_kib = 0;  // resident
};

/// One run. First touches as much memory as the run will write: on a virtual machine the first use of a page can cost several times
/// what filling it does, and would be charged to whoever happens to run first. Throws if what arrived is not what was sent.
Measured run_once(const Contestant& contestant, const Course& course);
/// The run with the median wall time.
Measured median(std::vector<Measured> runs);

/// Has this socket use the congestion control that nearly all users have (cubic), or the nearest the system allows. Gives its name.
std::string use_common_congestion_control(int socket);

}  // namespace pshare::bench
