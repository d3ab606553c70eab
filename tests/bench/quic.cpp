// How fast bare lanes carry bytes from one process to another over loopback, each beside a floor measured in the same run: from memory to memory
// (floor: raw UDP), then from file to file (floor: a plain TCP copy).
//
//   bench_quic [--size MIB] [--runs N] [--dir FOLDER]      defaults: 1024, 5, /dev/shm
//
// Contestants take turns, so that a busy minute hits all of them; the median run of each counts, and the slowest and fastest are told.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <random>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "contest.hpp"
#include "lanes.hpp"
#include "plain_tcp.hpp"
#include "raw_udp.hpp"

namespace {

using namespace pshare::bench;
using pshare::CongestionControl;
namespace fs = std::filesystem;

struct Options {
  std::uint64_t mebibytes = 1024;
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
      throw std::runtime_error{"usage: bench_quic [--size MIB] [--runs N] [--dir FOLDER]"};
  }
  return options;
}

/// A folder for the run, removed with all in it.
struct Workplace {
  explicit Workplace(const fs::path& in) {
    std::string name = (in / "pshare-bench-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::system_error{errno, std::generic_category(), "making a folder in " + in.string()};
    path = name;
    fs::create_directory(path / "to");
  }
  ~Workplace() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

void make_incompressible(const fs::path& path, std::uint64_t mebibytes) {
  std::mt19937_64 engine{20};
  std::vector<std::uint64_t> block(1024 * 1024 / sizeof(std::uint64_t));
  std::ofstream file{path, std::ios::binary};
  for (std::uint64_t done = 0; done < mebibytes; ++done) {
    for (auto& word : block) word = engine();
    file.write(reinterpret_cast<const char*>(block.data()), static_cast<std::streamsize>(block.size() * sizeof block[0]));
  }
  if (!file.flush()) throw std::runtime_error{"no room for " + path.string()};
}

void contest(const char* title, const std::vector<Contestant>& contestants, const Course& course, std::size_t runs) {
  std::vector<std::vector<Measured>> measured(contestants.size());
  for (std::size_t turn = 0; turn < runs; ++turn)
    for (std::size_t each = 0; each < contestants.size(); ++each) measured[each].push_back(run_once(contestants[each], course));
  const auto floor = median(measured.front()).seconds;
  const auto rate = [&](double seconds) { return static_cast<double>(course.size) / 1e6 / seconds; };
  std::printf("%-28s %12s %15s %6s %12s %10s %19s\n", title, "median", "slowest-fastest", "ratio", "CPU: sender", "receiver", "peak RSS: s, r");
  for (std::size_t each = 0; each < contestants.size(); ++each) {
    const auto middle = median(measured[each]);
    const auto [fastest, slowest] =
        std::minmax_element(measured[each].begin(), measured[each].end(), [](const Measured& a, const Measured& b) { return a.seconds < b.seconds; });
    std::printf("%-28s %7.0f MB/s %9.0f-%-5.0f %6.2f %10.2f s %8.2f s %7ld %9ld MiB\n", contestants[each].name.c_str(), rate(middle.seconds),
                rate(slowest->seconds), rate(fastest->seconds), floor / middle.seconds, middle.sender_cpu, middle.receiver_cpu, middle.sender_peak_kib / 1024,
                middle.receiver_peak_kib / 1024);
  }
  std::printf("\n");
}

void run(const Options& options) {
  const Workplace workplace{options.folder};
  const auto size = options.mebibytes * 1024 * 1024;
  const std::vector<Contestant> lanes{tcp_lane(), quic_lane(CongestionControl::bbr), quic_lane(CongestionControl::cubic)};
  const auto with_floor = [&](Contestant floor) {
    std::vector<Contestant> all{std::move(floor)};
    all.insert(all.end(), lanes.begin(), lanes.end());
    return all;
  };
  std::printf("%llu MiB over loopback in datagrams of 1444 bytes, process start to exit; %zu runs each, in turns\n\n",
              static_cast<unsigned long long>(options.mebibytes), options.runs);
  contest("memory to memory", with_floor(raw_udp()), {.file = {}, .destination = {}, .size = size}, options.runs);
  const Course files{.file = workplace.path / "file", .destination = workplace.path / "to", .size = size};
  make_incompressible(files.file, options.mebibytes);
  contest("file to file", with_floor(plain_tcp()), files, options.runs);
}

}  // namespace

int main(int count, char** words) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    run(options_from(count, words));
    return 0;
  } catch (const std::exception& trouble) {
    std::fprintf(stderr, "bench_quic: %s\n", trouble.what());
    return 1;
  }
}
