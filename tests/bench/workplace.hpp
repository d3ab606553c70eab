// Where a benchmark puts its files.
#pragma once

#include <stdlib.h>

#include <cstdint>
#include <filesystem>
#include <system_error>

namespace pshare::bench {

namespace fs = std::filesystem;

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

void make_incompressible(const fs::path& path, std::uint64_t mebibytes);

}  // namespace pshare::bench
