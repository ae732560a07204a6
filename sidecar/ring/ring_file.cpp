#include "sidecar/ring/ring_file.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "shmclient/src/machine.hpp"
#include "sidecar/ring/identity_of_host.hpp"

namespace essequence::sidecar {
namespace {

namespace ipc = boost::interprocess;
using shm::Descriptor;

[[noreturn]] void fail(const std::string &doing) {
  throw std::system_error(errno, std::generic_category(), doing);
}

template <std::size_t Size>
void copy_text(char (&to)[Size], const std::string &text) {
  std::memset(to, 0, Size);
  std::memcpy(to, text.data(), std::min(text.size(), Size - 1));
}

struct stat status_of(const Descriptor &file) {
  struct stat status {};
  if (fstat(file.get(), &status) != 0) fail("looking at a file of the ring");
  return status;
}

std::uint64_t size_of(const Descriptor &file) {
  return static_cast<std::uint64_t>(status_of(file).st_size);
}

template <class Header>
bool read_header(const Descriptor &file, Header &header) {
  return pread(file.get(), static_cast<void *>(&header), sizeof header, 0) ==
         static_cast<ssize_t>(sizeof header);
}

Descriptor open_existing(const std::string &path) {
  return Descriptor(open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
}

// Whether these are the very files that `header` was written for, not copies.
bool are_originals(const shm::RingHeader &header, const Descriptor &ring,
                   const Descriptor &tickets) {
  const struct stat ring_status = status_of(ring), tickets_status = status_of(tickets);
  return header.ring_inode == ring_status.st_ino && header.device == ring_status.st_dev &&
         header.tickets_inode == tickets_status.st_ino && header.device == tickets_status.st_dev;
}

bool are_a_pair(const shm::RingHeader &ring, const shm::TicketsHeader &tickets) {
  return std::memcmp(ring.uuid, tickets.uuid, sizeof ring.uuid) == 0;
}

}  // namespace

void prepare_runtime_directory(const std::string &directory) {
  if (mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST) {
    throw RuntimeDirectoryError("runtime_dir " + directory +
                                " cannot be made: " + std::generic_category().message(errno));
  }
  struct stat status {};
  if (lstat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    throw RuntimeDirectoryError("runtime_dir " + directory + " is not a directory");
  }
  if (status.st_uid != geteuid()) {
    throw RuntimeDirectoryError("runtime_dir " + directory + " belongs to uid " +
                                std::to_string(status.st_uid) + ", this sidecar runs as uid " +
                                std::to_string(geteuid()) + ": chown it, or name another one");
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    throw RuntimeDirectoryError("runtime_dir " + directory +
                                " is writable by others, who could replace the ring: chmod 0750");
  }
  struct statfs file_system {};
  if (statfs(directory.c_str(), &file_system) != 0 || file_system.f_type != TMPFS_MAGIC) {
    throw RuntimeDirectoryError("runtime_dir " + directory +
                                " is not on tmpfs; the ring lives in memory and must not outlive a "
                                "reboot: name a directory under /run or /dev/shm");
  }
}

RingFile::RingFile(const std::string &directory) : directory_(directory) {
  adopted_ = adopt(directory);
  if (adopted_) return;
  retire_ring(directory);
  create(directory);
}

bool RingFile::adopt(const std::string &directory) {
  Descriptor ring = open_existing(directory + "/ring");
  Descriptor tickets = open_existing(directory + "/tickets");
  if (ring.get() < 0 && tickets.get() < 0) return false;  // nothing there: no reason to tell
  shm::RingHeader header;
  shm::TicketsHeader tickets_header;
  const auto refuse = [&](const char *why) {
    replaced_because_ = why;
    return false;
  };
  if (ring.get() < 0 || tickets.get() < 0) return refuse("one of its two files is missing");
  if (!read_header(ring, header) || !read_header(tickets, tickets_header) ||
      header.magic != shm::kRingMagic || tickets_header.magic != shm::kTicketsMagic) {
    return refuse("it is not a ring, or cut short");
  }
  if (header.layout != shm::kLayout) return refuse("it has another layout version");
  if (header.checksum != shm::checksum_of(header)) return refuse("its header is damaged");
  if (header.retired.load(std::memory_order_relaxed) != 0) return refuse("it is retired");
  if (header.boot_id != boot_id()) return refuse("it is of another boot");
  if (header.machine_id != machine_id()) return refuse("it is of another machine");
  if (!are_originals(header, ring, tickets) || !are_a_pair(header, tickets_header)) {
    return refuse("its files are copies, or do not belong together");
  }
  if (header.ring_size != shm::kRingSize || header.tickets_size != shm::kTicketsSize ||
      size_of(ring) != shm::kRingSize || size_of(tickets) != shm::kTicketsSize ||
      header.sequences.load() > shm::kMaxSequences) {
    return refuse("its files have another size");
  }
  map(ring, tickets);
  if (!names_are_whole()) return refuse("the names of its sequences are damaged");
  ring_file_ = std::move(ring);
  tickets_file_ = std::move(tickets);
  return true;
}

void RingFile::create(const std::string &directory) {
  const std::string ring_path = directory + "/ring", tickets_path = directory + "/tickets";
  const auto create_file = [](const std::string &path, mode_t mode, std::size_t size) {
    unlink(path.c_str());  // left by a sidecar that was killed here
    Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (file.get() < 0) fail("creating " + path);
    if (fchmod(file.get(), mode) != 0) fail("setting the mode of " + path);  // whatever the umask
    if (ftruncate(file.get(), static_cast<off_t>(size)) != 0) fail("sizing " + path);
    return file;
  };
  ring_file_ = create_file(ring_path + ".new", 0640, shm::kRingSize);
  tickets_file_ = create_file(tickets_path + ".new", 0660, shm::kTicketsSize);
  allocate(ring_file_, 0, shm::kEntriesOffset);
  allocate(tickets_file_, 0, shm::kCountersOffset);
  map(ring_file_, tickets_file_);

  shm::RingHeader &ring = header();
  shm::TicketsHeader &tickets = tickets_header();
  ring.layout = tickets.layout = shm::kLayout;
  if (getrandom(ring.uuid, sizeof ring.uuid, 0) != sizeof ring.uuid) fail("drawing a random uuid");
  std::memcpy(tickets.uuid, ring.uuid, sizeof ring.uuid);
  ring.counters_offset = shm::kCountersOffset;
  ring.counters_stride = sizeof(shm::CounterLine);
  ring.ring_size = shm::kRingSize;
  ring.tickets_size = shm::kTicketsSize;
  ring.device = status_of(ring_file_).st_dev;
  ring.ring_inode = status_of(ring_file_).st_ino;
  ring.tickets_inode = status_of(tickets_file_).st_ino;
  copy_text(ring.boot_id, boot_id());
  copy_text(ring.machine_id, machine_id());
  ring.checksum = shm::checksum_of(ring);
  ring.magic = shm::kRingMagic;
  tickets.magic = shm::kTicketsMagic;

  if (rename((tickets_path + ".new").c_str(), tickets_path.c_str()) != 0) fail(tickets_path);
  if (rename((ring_path + ".new").c_str(), ring_path.c_str()) != 0) fail(ring_path);
}

void RingFile::map(const Descriptor &ring, const Descriptor &tickets) {
  ring_ = ipc::mapped_region(ring, ipc::read_write, 0, shm::kRingSize);
  tickets_ = ipc::mapped_region(tickets, ipc::read_write, 0, shm::kTicketsSize);
}

// Allocates memory for a part of a sparse file, so that a full tmpfs is an error here and not a
// SIGBUS later.
void RingFile::allocate(const Descriptor &file, std::size_t offset, std::size_t size) {
  const int error =
      posix_fallocate(file.get(), static_cast<off_t>(offset), static_cast<off_t>(size));
  if (error != 0) {
    throw std::system_error(error, std::generic_category(),
                            "allocating " + std::to_string(size) + " bytes for the ring in " +
                                directory_ + " (is its tmpfs full?)");
  }
}

std::uint32_t RingFile::append(std::string_view name, shm::Ledger ledger) {
  const std::uint32_t number = sequences();
  if (number >= shm::kMaxSequences)
    throw std::runtime_error("the ring holds 65536 sequences, its most");
  allocate(ring_file_, shm::kEntriesOffset + number * shm::kEntrySize, shm::kEntrySize);
  allocate(tickets_file_, shm::kCountersOffset + number * sizeof(shm::CounterLine),
           sizeof(shm::CounterLine));

  shm::SequenceEntry &added = entry(number);
  // A sidecar that was killed in the middle of an append may have left something here.
  std::memset(static_cast<void *>(&added), 0, sizeof added);
  added.name_length = static_cast<std::uint32_t>(name.size());
  added.number = number;
  std::memcpy(added.name, name.data(), name.size());
  ledger.filled_end = ledger.stretch_begin = shm::kFirstTicket;
  ledger.checksum = shm::checksum_of(ledger);
  added.ledgers[0] = ledger;
  constexpr auto relaxed = std::memory_order_relaxed;
  added.last_seen.store(shm::kFirstTicket, relaxed);
  added.low_water.store(shm::kFirstTicket, relaxed);
  added.cut.store(shm::kFirstTicket, relaxed);
  added.filled_end.store(shm::kFirstTicket, relaxed);
  counter(number).next.store(shm::kFirstTicket, relaxed);
  counter(number).dropped.store(0, relaxed);
  hashes()[number] = shm::hash_of(name);
  // Pairs with the acquire in Attachment::find: what is counted is complete.
  header().sequences.store(number + 1, std::memory_order_release);
  return number;
}

void RingFile::unmap_unused() const {
  madvise(ring_.get_address(), ring_.get_size(), MADV_DONTNEED);  // a page in use comes back
}

std::optional<std::uint32_t> RingFile::find(std::string_view name) const {
  const std::uint32_t wanted = shm::hash_of(name);
  for (std::uint32_t number = 0; number < sequences(); ++number) {
    if (hashes()[number] != wanted) continue;
    const shm::SequenceEntry &candidate = entry(number);
    if (std::string_view(candidate.name, std::min<std::size_t>(candidate.name_length,
                                                               sizeof candidate.name)) == name) {
      return number;
    }
  }
  return std::nullopt;
}

// Under a damaged name, number or count the ids of one sequence would be given to takers of
// another.
bool RingFile::names_are_whole() {
  const auto is_whole = [this](std::uint32_t number) {
    const shm::SequenceEntry &it = entry(number);
    return it.number == number && it.name_length >= 1 && it.name_length < sizeof it.name &&
           hashes()[number] == shm::hash_of(std::string_view(it.name, it.name_length));
  };
  std::uint32_t count = sequences();
  // An append that was killed before it was counted is complete but for that.
  if (count < shm::kMaxSequences && hashes()[count] != 0 && is_whole(count)) {
    header().sequences.store(++count, std::memory_order_release);
  }
  for (std::uint32_t number = 0; number < count; ++number) {
    // In this order: past the true count there is no memory behind an entry.
    if (hashes()[number] == 0 || !is_whole(number)) return false;
  }
  return std::all_of(hashes() + count, hashes() + shm::kMaxSequences,
                     [](std::uint32_t hash) { return hash == 0; });
}

std::string RingFile::uuid() const {
  std::string text;
  for (const std::uint8_t byte : header().uuid) {
    text += "0123456789abcdef"[byte >> 4];
    text += "0123456789abcdef"[byte & 15];
  }
  return text;
}

shm::RingHeader &RingFile::header() const {
  return *static_cast<shm::RingHeader *>(ring_.get_address());
}
shm::TicketsHeader &RingFile::tickets_header() const {
  return *static_cast<shm::TicketsHeader *>(tickets_.get_address());
}
shm::Atomic<std::uint64_t> *RingFile::wanted() const {
  return reinterpret_cast<shm::Atomic<std::uint64_t> *>(
      static_cast<char *>(tickets_.get_address()) + shm::kWantedOffset);
}
shm::SequenceEntry &RingFile::entry(std::uint32_t number) const {
  return *reinterpret_cast<shm::SequenceEntry *>(static_cast<char *>(ring_.get_address()) +
                                                 shm::kEntriesOffset + number * shm::kEntrySize);
}
shm::CounterLine &RingFile::counter(std::uint32_t number) const {
  return *reinterpret_cast<shm::CounterLine *>(static_cast<char *>(tickets_.get_address()) +
                                               shm::kCountersOffset +
                                               number * sizeof(shm::CounterLine));
}
std::uint32_t *RingFile::hashes() const {
  return reinterpret_cast<std::uint32_t *>(static_cast<char *>(ring_.get_address()) +
                                           shm::kHashesOffset);
}

namespace {

// Past every block: no fast path knows a ticket from there on, and its slow path sees the retire
// word, because of the release here and the acquire fence in the taker's is_absurd.
void retire_counter(void *counter) {
  static_cast<shm::Atomic<std::uint64_t> *>(counter)->store(shm::kNothingIsServed - shm::kCutGap,
                                                            std::memory_order_release);
}

// Of this layout. Does not rely on the header, which may be what is damaged.
void retire_entries(const Descriptor &ring, char *counters) {
  const ipc::mapped_region memory(ring, ipc::read_write, 0, shm::kRingSize);
  char *const start = static_cast<char *>(memory.get_address());
  const auto *const hashes = reinterpret_cast<std::uint32_t *>(start + shm::kHashesOffset);
  for (std::uint32_t number = 0; number < shm::kMaxSequences; ++number) {
    if (hashes[number] == 0) continue;  // there is no memory behind it
    retire_counter(counters + shm::kCountersOffset + number * sizeof(shm::CounterLine));
    // What leases hold is over too.
    reinterpret_cast<shm::SequenceEntry *>(start + shm::kEntriesOffset + number * shm::kEntrySize)
        ->cut.store(shm::kNothingIsServed, std::memory_order_relaxed);  // for Lease::valid
  }
}

// Of any layout, by what is frozen for all; all of it is checked against the files. (A lease of
// another layout runs out by itself.)
void retire_counters(const shm::RingHeader &header, char *counters, std::uint64_t size) {
  const std::uint64_t count = header.sequences.load();
  if (count > shm::kMaxSequences || header.counters_stride < sizeof(std::uint64_t) ||
      header.counters_stride > 4096 || header.counters_stride % 8 != 0 ||
      header.counters_offset > size || header.counters_offset % 8 != 0 ||
      count * header.counters_stride > size - header.counters_offset) {
    return;
  }
  for (std::uint64_t number = 0; number < count; ++number) {
    retire_counter(counters + header.counters_offset + number * header.counters_stride);
  }
}

}  // namespace

void retire_ring(const std::string &directory) {
  const Descriptor ring = open_existing(directory + "/ring");
  const Descriptor tickets = open_existing(directory + "/tickets");
  shm::RingHeader copy;
  shm::TicketsHeader tickets_copy;
  if (ring.get() < 0 || tickets.get() < 0 || !read_header(ring, copy) ||
      !read_header(tickets, tickets_copy)) {
    return;
  }
  const bool intact = copy.magic == shm::kRingMagic && copy.checksum == shm::checksum_of(copy);
  const bool ours = copy.layout == shm::kLayout && size_of(ring) == shm::kRingSize &&
                    size_of(tickets) == shm::kTicketsSize;
  // One of another instance, which lives on elsewhere, is left alone.
  const bool together = are_originals(copy, ring, tickets) || are_a_pair(copy, tickets_copy);
  if (!together || (!intact && !ours)) return;

  const ipc::mapped_region ring_memory(ring, ipc::read_write, 0, shm::kHeaderSize);
  const ipc::mapped_region tickets_memory(tickets, ipc::read_write, 0, size_of(tickets));
  char *const counters = static_cast<char *>(tickets_memory.get_address());
  static_cast<shm::RingHeader *>(ring_memory.get_address())
      ->retired.store(1, std::memory_order_relaxed);
  if (ours) {
    retire_entries(ring, counters);
  } else {
    retire_counters(copy, counters, size_of(tickets));
  }
}

}  // namespace essequence::sidecar
