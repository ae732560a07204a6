// Included before everything else: turns the compiler's atomics, which the public header of the
// fast path is written with, into those of the machine, so that the shipped header itself is what
// runs.
#pragma once

// What uses them for itself must not see the macros.
#include <boost/interprocess/mapped_region.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "tests/protocol/schedule/machine.hpp"

#define ESSEQUENCE_ORDER(order) static_cast<std::memory_order>(order)
#define __atomic_load_n(object, order) ::essequence::protocol::load(object, ESSEQUENCE_ORDER(order))
#define __atomic_store_n(object, value, order) \
  ::essequence::protocol::store(object, value, ESSEQUENCE_ORDER(order))
#define __atomic_fetch_add(object, by, order)                                                      \
  ::essequence::protocol::modify(object, ESSEQUENCE_ORDER(order), std::source_location::current(), \
                                 [](auto before) { return std::optional(before + by); })
#define __atomic_compare_exchange_n(object, expected, desired, weak, order, failed) \
  ::essequence::protocol::compare_exchange(                                         \
      object, expected, desired, weak, ESSEQUENCE_ORDER(order), std::source_location::current())
#define __atomic_thread_fence(order) ::essequence::protocol::fence(ESSEQUENCE_ORDER(order))
// An unlikely condition in the fast path is one that it must not go on under.
#define __builtin_expect(condition, value) (!::essequence::protocol::checked(!(condition)))
