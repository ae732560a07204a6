// Memory as the C++ memory model has it, for threads that a scheduler runs one at a time.
//
// Each location keeps every value that was stored to it, in order. A thread has a view: for each
// location the oldest value that it may still read. A load picks any value from there on; a store
// with release carries the view of its thread, and a load with acquire that reads it takes the view
// over. Fences work on what is stored and loaded around them, as C++20 has it; a read-modify-write
// reads the newest value. So a load may return a stale value wherever the orders allow it: store
// buffers, reordered loads and reordered stores, on any hardware. (After the views of Kang et al.,
// "A promising semantics for relaxed-memory concurrency", POPL 2017, without its promises: a load
// never returns a value that is stored later.)
//
// A location is an address, or for a mapped file its inode and offset: two mappings of one file are
// one memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

namespace essequence::protocol {

// For each location, by its number, the index of a value.
class View {
 public:
  std::uint32_t operator[](std::size_t location) const {
    return location < oldest_.size() ? oldest_[location] : 0;
  }
  void raise(std::size_t location, std::uint32_t index);
  void join(const View &other);

 private:
  std::vector<std::uint32_t> oldest_;
};

// What a thread may still read, and what its fences are to carry.
struct Sight {
  View now;
  View released;  // at its last release fence: what its relaxed stores carry
  View loaded;    // by its relaxed loads: what its next acquire fence takes over
  void join(const Sight &other);
};

class Memory {
 public:
  // Which of `count` values a load returns, 0 being the oldest that it may.
  using Pick = std::function<std::uint32_t(std::uint32_t count)>;
  explicit Memory(Pick pick) : pick_(std::move(pick)) {}

  // `real` is where the value lies, of `size` bytes; it always holds the newest.
  std::uint64_t load(Sight &sight, const void *real, std::size_t size, std::memory_order order);
  void store(Sight &sight, void *real, std::size_t size, std::uint64_t value,
             std::memory_order order);
  // Stores change(newest) and returns the newest; where change returns nothing, it is a load.
  using Change = std::function<bool(std::uint64_t &value)>;
  std::uint64_t modify(Sight &sight, void *real, std::size_t size, std::memory_order order,
                       const Change &change);
  void fence(Sight &sight, std::memory_order order);

 private:
  struct Stored {
    std::uint64_t value;
    View carried;
  };
  struct Location {
    std::size_t number;
    std::vector<Stored> values;
    std::uint32_t ordered = 0;  // the last one that was stored with seq_cst
  };
  Location &location(const void *real, std::size_t size);
  void put(Sight &sight, Location &at, std::uint64_t value, std::memory_order order, View carried);
  static void see(Sight &sight, const Location &at, std::uint32_t index, std::memory_order order);

  Pick pick_;
  std::unordered_map<std::uint64_t, Location> locations_;
  View ordered_;  // by the fences with seq_cst
};

}  // namespace essequence::protocol
