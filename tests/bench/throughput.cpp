// How fast one large incompressible file gets from one process to another on this machine, over loopback, beside a floor measured in
// the same run: a plain TCP copy of the same file.
//
//   bench_throughput [--size MIB] [--runs N] [--dir FOLDER]      defaults: 2048, 5, /dev/shm
//
// Contestants take turns, so that a busy minute hits all of them; the median run of each counts.
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "contest.hpp"
#include "plain_tcp.hpp"
#include "sessions.hpp"
#include "workplace.hpp"

namespace {

using namespace pshare::bench;
namespace fs = std::filesystem;

struct Options {
  std::uint64_t mebibytes = 2048;
  std::size_t runs = 5;
  fs::path folder = "/dev/shm";
};

template <typename Number>
Number number_from(std::string_view text) {
  Number number{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size() || number == 0) throw std::runtime_error{"not a number above 0: " + std::string{text}};
  return number;
}

Options options_from(int count, char** words) {
  Options options;
  for (int at = 1; at < count; at += 2) {
    const std::string_view option{words[at]};
    if (at + 1 == count) throw std::runtime_error{"what is " + std::string{option} + " to be?"};
    if (option == "--size")
      options.mebibytes = number_from<std::uint64_t>(words[at + 1]);
    else if (option == "--runs")
      options.runs = number_from<std::size_t>(words[at + 1]);
    else if (option == "--dir")
      options.folder = words[at + 1];
    else
      throw std::runtime_error{"usage: bench_throughput [--size MIB] [--runs N] [--dir FOLDER]"};
  }
  return options;
}

void print(const Contestant& contestant, const Measured& measured, const Course& course, double floor) {
  const auto rate = static_cast<double>(course.size) / 1e6 / measured.seconds;
  std::printf("%-28s %7.3f s %7.0f MB/s %6.2f %10.2f s %8.2f s %7ld %9ld MiB\n", contestant.name.c_str(), measured.seconds, rate,
              floor / measured.seconds, measured.sender_cpu, measured.receiver_cpu, measured.sender_peak_kib / 1024,
              measured.receiver_peak_kib / 1024);
}

void run(const Options& options) {
  const Workplace workplace{options.folder};
  const Course course{.file = workplace.path / "file", .destination = workplace.path / "to", .size = options.mebibytes * 1024 * 1024};
  make_incompressible(course.file, options.mebibytes);
  const int probe = ::socket(AF_INET, SOCK_STREAM, 0);
  std::printf("one file of %llu MiB, incompressible, in %s, over loopback with TCP %s; median of %zu\n\n",
              static_cast<unsigned long long>(options.mebibytes), options.folder.c_str(), use_common_congestion_control(probe).c_str(), options.runs);
  ::close(probe);

  const std::vector<Contestant> contestants{plain_tcp(), sessions(1), sessions(2)};
  std::vector<std::vector<Measured>> measured(contestants.size());
  for (std::size_t turn = 0; turn < options.runs; ++turn)
    for (std::size_t each = 0; each < contestants.size(); ++each) measured[each].push_back(run_once(contestants[each], course));

  std::printf("%-28s %9s %12s %6s %12s %10s %19s\n", "", "wall", "rate", "ratio", "CPU: sender", "receiver", "peak RSS: s, r");
  const auto floor = median(measured.front()).seconds;
  for (std::size_t each = 0; each < contestants.size(); ++each) print(contestants[each], median(measured[each]), course, floor);
}

}  // namespace

int main(int count, char** words) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    run(options_from(count, words));
    return 0;
  } catch (const std::exception& trouble) {
    std::fprintf(stderr, "bench_throughput: %s\n", trouble.what());
    return 1;
  }
}
