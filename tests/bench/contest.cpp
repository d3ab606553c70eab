#include "contest.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <system_error>

#include "transfer/checksum.hpp"

namespace pshare::bench {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t block = 1024 * 1024;

void touch_memory(const Course& course) {
  const auto path = course.destination / "touched";
  {
    std::ofstream file{path, std::ios::binary};
    const std::vector<char> some(block, 'x');
    for (std::uint64_t put = 0; put < course.size; put += block) file.write(some.data(), static_cast<std::streamsize>(some.size()));
  }
  fs::remove(path);
}

ChunkHash hash_of_file(const fs::path& path) {
  std::ifstream file{path, std::ios::binary};
  Hasher hasher;
  std::vector<char> some(block);
  while (file.read(some.data(), static_cast<std::streamsize>(some.size())) || file.gcount() > 0)
    hasher.add(std::as_bytes(std::span{some}.first(static_cast<std::size_t>(file.gcount()))));
  return hasher.digest();
}

pid_t in_child(const std::function<void()>& work) {
  std::fflush(stdout);
  const auto child = ::fork();
  if (child != 0) return child;
  try {
    work();
  } catch (const std::exception& trouble) {
    std::fprintf(stderr, "%s\n", trouble.what());
    ::_exit(1);
  }
  ::_exit(0);
}

struct Usage {
  double cpu = 0;
  long peak_kib = 0;
};

Usage wait_for(pid_t child) {
  int status = 0;
  rusage used{};
  ::wait4(child, &status, 0, &used);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error{"a side of the run failed"};
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
  return {seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss};
}

}  // namespace

Measured run_once(const Contestant& contestant, const Course& course) {
  if (!course.file.empty()) touch_memory(course);
  std::array<int, 2> told{};
  if (::pipe2(told.data(), O_CLOEXEC) != 0) throw std::system_error{errno, std::generic_category(), "pipe2"};
  const auto begun = std::chrono::steady_clock::now();
  const auto receiver = in_child([&] {
    contestant.receive(course, [&](std::uint16_t port) {
      if (::write(told[1], &port, sizeof port) != sizeof port) throw std::runtime_error{"cannot tell the port"};
    });
  });
  ::close(told[1]);
  std::uint16_t port = 0;
  const bool listening = ::read(told[0], &port, sizeof port) == sizeof port;
  ::close(told[0]);
  if (!listening) throw std::runtime_error{contestant.name + ": the receiver does not listen"};
  const auto sender = in_child([&] { contestant.send(course, port); });
  const auto sent = wait_for(sender), received = wait_for(receiver);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;

  const Measured measured{took.count(), sent.cpu, received.cpu, sent.peak_kib, received.peak_kib};
  if (course.file.empty()) return measured;
  const auto arrived = course.destination / course.file.filename();
  if (fs::file_size(arrived) != course.size || hash_of_file(arrived) != hash_of_file(course.file))
    throw std::runtime_error{contestant.name + ": what arrived is not what was sent"};
  fs::remove(arrived);
  return measured;
}

Measured median(std::vector<Measured> runs) {
  std::sort(runs.begin(), runs.end(), [](const Measured& a, const Measured& b) { return a.seconds < b.seconds; });
  return runs.at(runs.size() / 2);
}

std::string use_common_congestion_control(int socket) {
  for (const std::string_view name : {"cubic", "reno"})
    if (::setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, name.data(), static_cast<socklen_t>(name.size())) == 0) break;
  std::array<char, 16> in_use{};
  socklen_t length = in_use.size() - 1;
  ::getsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, in_use.data(), &length);
  return in_use.data();
}

}  // namespace pshare::bench
