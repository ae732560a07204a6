// Which ids were returned, to any thread of this process and of those that it forks.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <new>

class ReturnedIds {
 public:
  ReturnedIds() {
    void *memory =
        mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    shared_ = new (memory) Shared;
  }
  ~ReturnedIds() { munmap(shared_, sizeof(Shared)); }
  ReturnedIds(const ReturnedIds &) = delete;
  ReturnedIds &operator=(const ReturnedIds &) = delete;

  void add(std::int64_t id) {
    const auto number = static_cast<std::uint64_t>(id);
    const std::uint64_t bit = std::uint64_t{1} << (number % 64);
    ++shared_->count;
    const bool strange = number >= kIds;
    if (strange || (shared_->bits[number / 64].fetch_or(bit) & bit) != 0) ++shared_->repeats;
  }
  std::uint64_t count() const { return shared_->count; }
  std::uint64_t repeats() const { return shared_->repeats; }  // or ids that nobody granted

 private:
  static constexpr std::uint64_t kIds = std::uint64_t{1} << 26;
  struct Shared {
    std::atomic<std::uint64_t> count, repeats;
    std::atomic<std::uint64_t> bits[kIds / 64];
  };
  Shared *shared_;
};
