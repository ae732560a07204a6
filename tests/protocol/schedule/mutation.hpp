// Breaking the protocol on purpose, one place at a time, chosen at run time.
//
// Every operation on shared memory tells where it stands in the source. What is met there in a run
// without a fault gives the list of all faults that can be tried: an order weakened, a fence or a
// condition left out, a read-modify-write torn into a load and a store.
#pragma once

#include <atomic>
#include <cstdint>
#include <source_location>
#include <string>
#include <vector>

namespace essequence::protocol {

enum class Operation { load, store, modify, fence, condition, wait, wake };

enum class Fault {
  none,
  relaxed,   // any order → relaxed
  acq_rel,   // seq_cst → the strongest order below it
  left_out,  // a fence, a condition, a wake-up, the comparison of a wait
  torn       // a read-modify-write → load, store
};

struct Mutant {
  std::string file;  // without its folders
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  Operation operation = Operation::load;
  Fault fault = Fault::none;
  std::string text;  // the line

  std::string place() const { return file + ":" + std::to_string(line); }
  std::string fault_text() const;
};

// Notes that `operation` was met, and says what is to be done to it now.
Fault fault_at(const std::source_location &where, Operation operation, std::memory_order order);
std::memory_order weakened(std::memory_order order, Operation operation, Fault fault);

// Every mutant of what was met so far.
std::vector<Mutant> all_mutants();
// In force until the next call; nullptr: none.
void choose(const Mutant *mutant);

// A record is guarded twice, by its sequence number and by its checksum, so that neither alone can
// be seen to be needed. A run may do without one of them, and then the other must do.
enum class Blind { no, to_checksum, to_sequence_number };
void blind(Blind to);

}  // namespace essequence::protocol
