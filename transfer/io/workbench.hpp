// What one chunk's work needs besides the chunk: zstd's contexts and scratch memory. One set for each thread that works at the same
// time, lent out and taken back, so that each is made once.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "transfer/zstd.hpp"
#include "wire/bytes.hpp"

namespace pshare {

struct Tools {
  Compressor compressor;
  Decompressor decompressor;
  ByteBuffer other, scratch;
};

/// For calls from several threads.
class Workbench {
 public:
  class Loan {
   public:
    explicit Loan(Workbench& bench) : bench_(bench), tools_(bench.take()) {}
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan() { bench_.give_back(std::move(tools_)); }
    Tools* operator->() { return tools_.get(); }
    Tools& operator*() { return *tools_; }

   private:
    Workbench& bench_;
    std::unique_ptr<Tools> tools_;
  };

 private:
  std::unique_ptr<Tools> take() {
    const std::lock_guard lock{mutex_};
    if (free_.empty()) return std::make_unique<Tools>();
    auto tools = std::move(free_.back());
    free_.pop_back();
    return tools;
  }
  void give_back(std::unique_ptr<Tools> tools) {
    const std::lock_guard lock{mutex_};
    free_.push_back(std::move(tools));
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Tools>> free_;
};

}  // namespace pshare
