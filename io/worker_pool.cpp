#include "io/worker_pool.hpp"

namespace pshare {

WorkerPool::WorkerPool(std::size_t threads) : threads_(threads), size_(threads) {}

WorkerPool::~WorkerPool() { threads_.join(); }

}  // namespace pshare
