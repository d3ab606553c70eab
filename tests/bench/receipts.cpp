// What a delivery receipt costs: one large incompressible file from one process to another over loopback, with and without, once as fast as it
// goes and once held to the rate of a line.
//
//   bench_receipts [--size MIB] [--runs N] [--line MB/s] [--dir FOLDER]      defaults: 1024, 7, 117 (1 Gbit/s), /dev/shm
//
// The two take turns, the first of a pair alternating, and each pair gives a ratio, so that a busy minute hits both; the median ratio counts.
// Unlimited over loopback there is no core to spare on any small machine: sender, receiver and both their workers want all there are. So that part
// says what a receipt costs where the processor is the limit, and the other what it costs where there is a core for it.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "contest.hpp"
#include "sessions.hpp"
#include "workplace.hpp"

namespace {

using namespace pshare::bench;

struct Options {
  std::uint64_t mebibytes = 1024, runs = 7, line = 117;
  fs::path folder = "/dev/shm";
};

std::uint64_t number_from(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc{} || end != text.data() + text.size() || number == 0) throw std::runtime_error{"not a number above 0: " + std::string{text}};
  return number;
}

Options options_from(int count, char** words) {
  Options options;
  for (int at = 1; at < count; at += 2) {
    const std::string_view option{words[at]};
    if (at + 1 == count) throw std::runtime_error{"what is " + std::string{option} + " to be?"};
    if (option == "--size") options.mebibytes = number_from(words[at + 1]);
    else if (option == "--runs") options.runs = number_from(words[at + 1]);
    else if (option == "--line") options.line = number_from(words[at + 1]);
    else if (option == "--dir") options.folder = words[at + 1];
    else throw std::runtime_error{"usage: bench_receipts [--size MIB] [--runs N] [--line MB/s] [--dir FOLDER]"};
  }
  return options;
}

double middle(std::vector<double> numbers) {
  std::ranges::sort(numbers);
  return numbers.at(numbers.size() / 2);
}

void compare(const char* title, const Course& course, std::uint64_t pairs, std::optional<pshare::BytesPerSecond> limit) {
  const Contestant without = sessions(1, {.receipt = false, .limit = limit}), with = sessions(1, {.receipt = true, .limit = limit});
  std::vector<double> ratios, rate_without, rate_with, cpu_without, cpu_with;
  for (std::uint64_t pair = 0; pair < pairs; ++pair) {
    Measured plain, receipted;
    if (pair % 2 == 0) plain = run_once(without, course);
    receipted = run_once(with, course);
    if (pair % 2 != 0) plain = run_once(without, course);
    const auto megabytes = static_cast<double>(course.size) / 1e6;
    ratios.push_back(plain.seconds / receipted.seconds);
    rate_without.push_back(megabytes / plain.seconds), rate_with.push_back(megabytes / receipted.seconds);
    cpu_without.push_back(plain.sender_cpu + plain.receiver_cpu), cpu_with.push_back(receipted.sender_cpu + receipted.receiver_cpu);
  }
  std::printf("%-24s %7.0f MB/s without, %7.0f MB/s with a receipt: %.3f (%.3f to %.3f); CPU of both %.2f s, %.2f s\n", title, middle(rate_without), middle(rate_with),
              middle(ratios), std::ranges::min(ratios), std::ranges::max(ratios), middle(cpu_without), middle(cpu_with));
  std::fflush(stdout);
}

void run(const Options& options) {
  const Workplace workplace{options.folder};
  const Course course{.file = workplace.path / "file", .destination = workplace.path / "to", .size = options.mebibytes * 1024 * 1024};
  make_incompressible(course.file, options.mebibytes);
  std::printf("one file of %llu MiB, incompressible, in %s, over loopback, on %u cores; medians of %llu pairs\n", static_cast<unsigned long long>(options.mebibytes),
              options.folder.c_str(), std::thread::hardware_concurrency(), static_cast<unsigned long long>(options.runs));
  compare("as fast as it goes", course, options.runs, std::nullopt);
  compare("held to the line's rate", course, options.runs, pshare::BytesPerSecond{options.line * 1'000'000});
}

}  // namespace

int main(int count, char** words) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    run(options_from(count, words));
    return 0;
  } catch (const std::exception& trouble) {
    std::fprintf(stderr, "bench_receipts: %s\n", trouble.what());
    return 1;
  }
}
