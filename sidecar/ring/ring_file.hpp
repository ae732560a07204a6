// The writer's side of the two files in the runtime directory: making them, adopting them after a
// restart, retiring them, and appending sequences.
//
// The files are born complete: written under another name, allocated, filled, magic last, and then
// renamed, `tickets` before `ring`. A sidecar that finds files of this boot, this machine and these
// inodes adopts them and clients notice nothing. Anything else that is a ring is retired (its
// clients move over by themselves) and replaced.
//
// Thread rules: the event loop only, except the bell and the wanted bitmap (bell.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "shmclient/src/descriptor.hpp"
#include "shmclient/src/layout.hpp"

namespace essequence::sidecar {

// The runtime directory cannot be used as it is; what() says why and what to do. Exit status 78.
class RuntimeDirectoryError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Makes `directory` (0750) if it is absent, and checks that it is on tmpfs, ours, and not writable
// by others. Throws RuntimeDirectoryError.
void prepare_runtime_directory(const std::string &directory);

class RingFile {
 public:
  // Adopts the files in `directory`, or retires and replaces them. The caller holds the directory's
  // lock. Throws std::runtime_error with the file and the cause.
  explicit RingFile(const std::string &directory);

  // Whether the ring was found and goes on, and if not although there was one, why.
  bool adopted() const { return adopted_; }
  const std::string &replaced_because() const { return replaced_because_; }

  // 128 random bits as hex; another ring has another one.
  std::string uuid() const;

  shm::RingHeader &header() const;
  shm::TicketsHeader &tickets_header() const;
  shm::Atomic<std::uint64_t> *wanted() const;  // kWantedWords of them
  std::uint32_t sequences() const { return header().sequences.load(std::memory_order_relaxed); }
  shm::SequenceEntry &entry(std::uint32_t number) const;
  shm::CounterLine &counter(std::uint32_t number) const;

  std::optional<std::uint32_t> find(std::string_view name) const;

  // Appends a sequence with nothing in it, allocating its memory first. `ledger` is its account at
  // the start; filled_end and stretch_begin of it are set here. Throws std::runtime_error where the
  // tmpfs is full or the ring holds kMaxSequences.
  std::uint32_t append(std::string_view name, shm::Ledger ledger);

  // Gives back the mappings of pages that were touched once, so that this process is not told to
  // hold what it does not use. The memory, with all that is in it, lies in the file as before.
  void unmap_unused() const;

 private:
  bool adopt(const std::string &directory);
  void create(const std::string &directory);
  void map(const shm::Descriptor &ring, const shm::Descriptor &tickets);
  void allocate(const shm::Descriptor &file, std::size_t offset, std::size_t size);
  bool names_are_whole();
  std::uint32_t *hashes() const;

  std::string directory_;
  std::string replaced_because_;
  bool adopted_ = false;
  shm::Descriptor ring_file_;
  shm::Descriptor tickets_file_;
  boost::interprocess::mapped_region ring_;
  boost::interprocess::mapped_region tickets_;
};

// Tells the clients of the ring in `directory`, whatever its layout, that it is over: retire word,
// then a cut of every counter. Does nothing where there is no ring that can be understood.
void retire_ring(const std::string &directory);

}  // namespace essequence::sidecar
