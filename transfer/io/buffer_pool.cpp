#include "transfer/io/buffer_pool.hpp"

namespace pshare {

namespace {

/// A place in the queue, given up whichever way the waiting ends.
class Place {
 public:
  Place(std::list<Wakeup>& queue, const asio::any_io_executor& executor) : queue_(queue), place_(queue.emplace(queue.end(), executor)) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() { queue_.erase(place_); }
  Wakeup& wakeup() { return *place_; }

 private:
  std::list<Wakeup>& queue_;
  std::list<Wakeup>::iterator place_;
};

}  // namespace

awaitable<BufferPool::Lease> BufferPool::take() {
  {
    Place place{waiting_, executor_};
    while (free_.empty() && made_ == most_) co_await place.wakeup().wait();
  }
  std::unique_ptr<ByteBuffer> buffer;
  if (free_.empty()) {
    buffer = std::make_unique<ByteBuffer>();
    ++made_;
  } else {
    buffer = std::move(free_.back());
    free_.pop_back();
  }
  // Rings do not add up, so the next in line is told if there is another.
  if (!free_.empty() && !waiting_.empty()) waiting_.front().ring();
  co_return Lease{this, std::move(buffer)};
}

void BufferPool::give_back(std::unique_ptr<ByteBuffer> buffer) {
  free_.push_back(std::move(buffer));
  if (!waiting_.empty()) waiting_.front().ring();
}

}  // namespace pshare
