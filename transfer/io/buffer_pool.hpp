// Memory for chunks on their way, used over and over (a first touch of fresh memory costs more than filling it), and bounded: who
// finds none free waits. All on one loop; only what is in a buffer is touched by worker threads.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "io/asio.hpp"
#include "io/wakeup.hpp"
#include "wire/bytes.hpp"

namespace pshare {

class BufferPool {
 public:
  /// A buffer, given back when its holder goes. The pool lives longer.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)), buffer_(std::move(other.buffer_)) {}
    Lease& operator=(Lease&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(buffer_, other.buffer_);
      return *this;
    }
    ~Lease() {
      if (pool_) pool_->give_back(std::move(buffer_));
    }
    ByteBuffer& operator*() { return *buffer_; }
    const ByteBuffer& operator*() const { return *buffer_; }
    ByteBuffer* operator->() { return buffer_.get(); }
    explicit operator bool() const { return buffer_ != nullptr; }

   private:
    friend class BufferPool;
    Lease(BufferPool* pool, std::unique_ptr<ByteBuffer> buffer) : pool_(pool), buffer_(std::move(buffer)) {}
    BufferPool* pool_ = nullptr;
    std::unique_ptr<ByteBuffer> buffer_;
  };

  BufferPool(asio::any_io_executor executor, std::size_t most) : executor_(std::move(executor)), most_(most) {}
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// Waits its turn while all are in use.
  awaitable<Lease> take();

 private:
  void give_back(std::unique_ptr<ByteBuffer> buffer);

  asio::any_io_executor executor_;
  const std::size_t most_;
  std::size_t made_ = 0;
  std::vector<std::unique_ptr<ByteBuffer>> free_;
  std::list<Wakeup> waiting_;
};

}  // namespace pshare
