#include "tests/protocol/schedule/memory.hpp"

#include <algorithm>
#include <cstring>

#include "tests/protocol/schedule/mapped_files.hpp"

namespace essequence::protocol {
namespace {

bool acquires(std::memory_order order) {
  return order != std::memory_order_relaxed && order != std::memory_order_release;
}
bool releases(std::memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

}  // namespace

void View::raise(std::size_t location, std::uint32_t index) {
  if (location >= oldest_.size()) oldest_.resize(location + 1);
  oldest_[location] = std::max(oldest_[location], index);
}

void View::join(const View &other) {
  if (oldest_.size() < other.oldest_.size()) oldest_.resize(other.oldest_.size());
  for (std::size_t i = 0; i < other.oldest_.size(); ++i) {
    oldest_[i] = std::max(oldest_[i], other.oldest_[i]);
  }
}

void Sight::join(const Sight &other) {
  now.join(other.now);
  released.join(other.released);
  loaded.join(other.loaded);
}

Memory::Location &Memory::location(const void *real, std::size_t size) {
  const auto [found, fresh] = locations_.try_emplace(place_of(real));
  if (fresh) {
    std::uint64_t value = 0;
    std::memcpy(&value, real, size);
    found->second.number = locations_.size() - 1;
    found->second.values.push_back({value, {}});
  }
  return found->second;
}

void Memory::see(Sight &sight, const Location &at, std::uint32_t index, std::memory_order order) {
  const View &carried = at.values[index].carried;
  sight.now.raise(at.number, index);
  (acquires(order) ? sight.now : sight.loaded).join(carried);
}

std::uint64_t Memory::load(Sight &sight, const void *real, std::size_t size,
                           std::memory_order order) {
  const Location &at = location(real, size);
  std::uint32_t oldest = sight.now[at.number];
  if (order == std::memory_order_seq_cst) oldest = std::max(oldest, at.ordered);
  const auto newest = static_cast<std::uint32_t>(at.values.size() - 1);
  const std::uint32_t index = oldest == newest ? newest : oldest + pick_(newest - oldest + 1);
  see(sight, at, index, order);
  return at.values[index].value;
}

void Memory::put(Sight &sight, Location &at, std::uint64_t value, std::memory_order order,
                 View carried) {
  const auto index = static_cast<std::uint32_t>(at.values.size());
  sight.now.raise(at.number, index);
  carried.join(releases(order) ? sight.now : sight.released);
  carried.raise(at.number, index);
  at.values.push_back({value, std::move(carried)});
  if (order == std::memory_order_seq_cst) at.ordered = index;
}

void Memory::store(Sight &sight, void *real, std::size_t size, std::uint64_t value,
                   std::memory_order order) {
  put(sight, location(real, size), value, order, {});
  std::memcpy(real, &value, size);
}

std::uint64_t Memory::modify(Sight &sight, void *real, std::size_t size, std::memory_order order,
                             const Change &change) {
  Location &at = location(real, size);
  const auto newest = static_cast<std::uint32_t>(at.values.size() - 1);
  const std::uint64_t before = at.values[newest].value;
  see(sight, at, newest, order);
  std::uint64_t value = before;
  if (!change(value)) return before;
  put(sight, at, value, order, at.values[newest].carried);  // it continues the release sequence
  std::memcpy(real, &value, size);
  return before;
}

void Memory::fence(Sight &sight, std::memory_order order) {
  if (acquires(order)) sight.now.join(sight.loaded);
  if (order == std::memory_order_seq_cst) {
    sight.now.join(ordered_);
    ordered_ = sight.now;
  }
  if (releases(order)) sight.released = sight.now;
}

}  // namespace essequence::protocol
