// The machine of shmclient/src/machine.hpp under the scheduler. Outside a run, and so while a test
// prepares one, everything works as it does for real.
#pragma once

#include <atomic>
#include <chrono>
#include <climits>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>

#include "tests/protocol/schedule/mapped_files.hpp"
#include "tests/protocol/schedule/mutation.hpp"
#include "tests/protocol/schedule/scheduler.hpp"

namespace essequence::protocol {

using Order = std::memory_order;
using Where = std::source_location;

template <class T>
std::uint64_t to_word(T value) {
  std::uint64_t word = 0;
  std::memcpy(&word, &value, sizeof value);
  return word;
}
template <class T>
T from_word(std::uint64_t word) {
  T value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

template <class T>
T load(const T *object, Order order, const Where &where = Where::current()) {
  Scheduler *const scheduler = Scheduler::active();
  if (scheduler == nullptr) return *const_cast<const volatile T *>(object);
  scheduler->step();
  order = weakened(order, Operation::load, fault_at(where, Operation::load, order));
  return from_word<T>(scheduler->memory().load(scheduler->sight(), object, sizeof *object, order));
}

template <class T>
void store(T *object, T value, Order order, const Where &where = Where::current()) {
  Scheduler *const scheduler = Scheduler::active();
  if (scheduler == nullptr) {
    *const_cast<volatile T *>(object) = value;
    return;
  }
  scheduler->step();
  order = weakened(order, Operation::store, fault_at(where, Operation::store, order));
  scheduler->memory().store(scheduler->sight(), object, sizeof *object, to_word(value), order);
}

// `change` returns what to store for what it is given, or nothing. Returns what was there.
template <class T, class Change>
T modify(T *object, Order order, const Where &where, Change change) {
  Scheduler *const scheduler = Scheduler::active();
  const auto on_words = [&change](std::uint64_t &word) {
    const std::optional<T> changed = change(from_word<T>(word));
    if (changed) word = to_word(*changed);
    return changed.has_value();
  };
  if (scheduler == nullptr) {
    std::uint64_t word = to_word(*object);
    const T before = *object;
    if (on_words(word)) *object = from_word<T>(word);
    return before;
  }
  scheduler->step();
  const Fault fault = fault_at(where, Operation::modify, order);
  order = weakened(order, Operation::modify, fault);
  Memory &memory = scheduler->memory();
  if (fault == Fault::torn) {
    std::uint64_t word = memory.load(scheduler->sight(), object, sizeof *object, order);
    const T before = from_word<T>(word);
    scheduler->step();
    if (on_words(word)) memory.store(scheduler->sight(), object, sizeof *object, word, order);
    return before;
  }
  return from_word<T>(memory.modify(scheduler->sight(), object, sizeof *object, order, on_words));
}

template <class T>
bool compare_exchange(T *object, T *expected, T desired, bool weak, Order order,
                      const Where &where) {
  Scheduler *const scheduler = Scheduler::active();
  const bool fails = weak && scheduler != nullptr && scheduler->random().one_in(8);
  bool same = false;
  *expected = modify(object, order, where, [&, wanted = *expected](T found) {
    same = found == wanted && !fails;
    return same ? std::optional<T>(desired) : std::nullopt;
  });
  return same;
}

inline void fence(Order order, const Where &where = Where::current()) {
  Scheduler *const scheduler = Scheduler::active();
  if (scheduler == nullptr) return;
  scheduler->step();
  const Fault fault = fault_at(where, Operation::fence, order);
  if (fault == Fault::left_out) return;
  scheduler->memory().fence(scheduler->sight(), weakened(order, Operation::fence, fault));
}

inline bool checked(bool condition, const Where &where = Where::current()) {
  if (Scheduler::active() == nullptr) return condition;
  return fault_at(where, Operation::condition, Order::relaxed) == Fault::left_out || condition;
}

}  // namespace essequence::protocol

namespace essequence::shm {

using protocol::checked;
using protocol::fence;

template <class T>
class Atomic {
  using Order = std::memory_order;
  using Where = std::source_location;
  static constexpr Order seq_cst = Order::seq_cst;

 public:
  static constexpr bool is_always_lock_free = true;

  Atomic() = default;
  constexpr Atomic(T value) : value_(value) {}

  T load(Order order = seq_cst, Where where = Where::current()) const {
    return protocol::load(&value_, order, where);
  }
  void store(T value, Order order = seq_cst, Where where = Where::current()) {
    protocol::store(&value_, value, order, where);
  }
  T exchange(T value, Order order = seq_cst, Where where = Where::current()) {
    return protocol::modify(&value_, order, where, [=](T) { return std::optional<T>(value); });
  }
  T fetch_add(T by, Order order = seq_cst, Where where = Where::current()) {
    return protocol::modify(&value_, order, where,
                            [=](T before) { return std::optional<T>(before + by); });
  }
  T fetch_or(T bits, Order order = seq_cst, Where where = Where::current()) {
    return protocol::modify(&value_, order, where,
                            [=](T before) { return std::optional<T>(before | bits); });
  }
  bool compare_exchange_strong(T &expected, T desired, Order order = seq_cst,
                               Where where = Where::current()) {
    return protocol::compare_exchange(&value_, &expected, desired, false, order, where);
  }
  bool compare_exchange_weak(T &expected, T desired, Order order = seq_cst,
                             Where where = Where::current()) {
    return protocol::compare_exchange(&value_, &expected, desired, true, order, where);
  }

 private:
  T value_;
};

struct Clock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr bool is_steady = true;
  static time_point now() {
    const protocol::Scheduler *const scheduler = protocol::Scheduler::active();
    return time_point(duration(scheduler == nullptr ? 0 : scheduler->now()));
  }
};

inline void sleep_for(std::chrono::nanoseconds pause) {
  protocol::Scheduler *const scheduler = protocol::Scheduler::active();
  if (scheduler != nullptr) scheduler->sleep_until(scheduler->now() + pause.count());
}

// The kernel compares and sleeps in one; it orders nothing else.
inline void futex_wait(const Atomic<std::uint32_t> &word, std::uint32_t expected,
                       std::chrono::nanoseconds limit,
                       std::source_location where = std::source_location::current()) {
  using namespace protocol;
  Scheduler *const scheduler = Scheduler::active();
  if (scheduler == nullptr) return;
  scheduler->step();
  const bool compares =
      fault_at(where, Operation::wait, std::memory_order_relaxed) != Fault::left_out;
  std::uint32_t newest = 0;
  std::memcpy(&newest, static_cast<const void *>(&word), sizeof newest);
  if (compares && newest != expected) return;
  scheduler->wait(place_of(&word), scheduler->now() + limit.count());
}

inline void futex_wake(const Atomic<std::uint32_t> &word, int waiters = INT_MAX,
                       std::source_location where = std::source_location::current()) {
  using namespace protocol;
  Scheduler *const scheduler = Scheduler::active();
  if (scheduler == nullptr) return;
  scheduler->step();
  if (fault_at(where, Operation::wake, std::memory_order_relaxed) == Fault::left_out) return;
  scheduler->wake(place_of(&word), waiters);
}

}  // namespace essequence::shm
