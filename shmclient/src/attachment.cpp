#include "shmclient/src/attachment.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "shmclient/src/failure.hpp"
#include "shmclient/src/machine.hpp"

namespace essequence::shm {
namespace {

namespace ipc = boost::interprocess;

Descriptor open_file(const std::string &path, int flags) {
  Descriptor file(open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.get() < 0) throw system_failure("opening " + path, errno);
  return file;
}

// Reads the start of a file. With pread, because reading a hole of a tmpfs file through a mapping
// allocates it, and reading past the end is a SIGBUS.
template <class Header>
void read_header(const Descriptor &file, const std::string &path, Header &header) {
  const ssize_t got = pread(file.get(), static_cast<void *>(&header), sizeof header, 0);
  if (got < 0) throw system_failure("reading " + path, errno);
  if (static_cast<std::size_t>(got) != sizeof header) {
    throw Failure(ESSEQUENCE_SYSTEM, path + " is cut short");
  }
}

// Of this layout's size, and the very file that the header was written for: nobody fills a copy.
void require_original(const Descriptor &file, const std::string &path, std::uint64_t size,
                      std::uint64_t device, std::uint64_t inode) {
  struct stat status {};
  if (fstat(file.get(), &status) != 0) throw system_failure("looking at " + path, errno);
  if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != size) {
    throw Failure(ESSEQUENCE_SYSTEM, path + " is not a file of " + std::to_string(size) +
                                         " bytes, as this layout has it");
  }
  if (status.st_dev != device || status.st_ino != inode) {
    throw Failure(ESSEQUENCE_SYSTEM, path + " is a copy, which no sidecar fills");
  }
}

void require(bool holds, essequence_status status, const std::string &path,
             const std::string &words) {
  if (!holds) throw Failure(status, path + " " + words);
}

}  // namespace

Attachment::Attachment(const std::string &runtime_dir, Role role) {
  const bool watches = role == Role::watcher;
  const std::string ring_path = runtime_dir + "/ring";
  const std::string tickets_path = runtime_dir + "/tickets";
  // A sidecar that makes new files renames `tickets` first, then `ring`. Who opens in between finds
  // a pair that does not match, and tries again.
  for (int attempt = 0;; ++attempt) {
    const Descriptor ring = open_file(ring_path, O_RDONLY);
    const Descriptor tickets = open_file(tickets_path, watches ? O_RDONLY : O_RDWR);
    RingHeader header;
    TicketsHeader tickets_header;
    read_header(ring, ring_path, header);
    read_header(tickets, tickets_path, tickets_header);
    require(header.magic == kRingMagic, ESSEQUENCE_SYSTEM, ring_path, "is not a ring");
    require(header.layout == kLayout, ESSEQUENCE_VERSION, ring_path,
            "has layout " + std::to_string(header.layout) + ", this library knows layout " +
                std::to_string(kLayout) + ": upgrade the older of the two");
    require(header.checksum == checksum_of(header) && header.ring_size == kRingSize &&
                header.tickets_size == kTicketsSize && header.counters_offset == kCountersOffset &&
                header.counters_stride == sizeof(CounterLine),
            ESSEQUENCE_SYSTEM, ring_path, "has a damaged header");
    require(tickets_header.magic == kTicketsMagic, ESSEQUENCE_SYSTEM, tickets_path,
            "is not a tickets file");
    if (std::memcmp(header.uuid, tickets_header.uuid, sizeof header.uuid) != 0) {
      // A sidecar that was killed between the two renames leaves that; the next one makes it good.
      require(header.retired.load() == 0, ESSEQUENCE_UNAVAILABLE, ring_path,
              "is retired and not yet replaced");
      if (attempt < 50) {
        usleep(1000);
        continue;
      }
      throw Failure(ESSEQUENCE_SYSTEM, tickets_path + " does not belong to " + ring_path);
    }
    require_original(ring, ring_path, kRingSize, header.device, header.ring_inode);
    require_original(tickets, tickets_path, kTicketsSize, header.device, header.tickets_inode);
    try {
      ring_ = ipc::mapped_region(ring, ipc::read_only, 0, kRingSize);
      tickets_ =
          ipc::mapped_region(tickets, watches ? ipc::read_only : ipc::read_write, 0, kTicketsSize);
    } catch (const ipc::interprocess_exception &error) {
      throw Failure(ESSEQUENCE_SYSTEM, "mapping " + ring_path + ": " + error.what());
    }
    return;
  }
}

std::optional<std::uint32_t> Attachment::find(std::string_view name) const {
  // Pairs with the release in the sidecar's append: what is counted is complete.
  const std::uint32_t sequences = header().sequences.load(std::memory_order_acquire);
  const char *const start = static_cast<const char *>(ring_.get_address());
  const auto *const hashes = reinterpret_cast<const std::uint32_t *>(start + kHashesOffset);
  const std::uint32_t wanted = hash_of(name);
  for (std::uint32_t number = 0; number < sequences && number < kMaxSequences; ++number) {
    if (hashes[number] != wanted) continue;
    const SequenceEntry &candidate = entry(number);
    if (candidate.number == number && candidate.name_length == name.size() &&
        std::string_view(candidate.name, name.size()) == name) {
      return number;
    }
  }
  return std::nullopt;
}

const SequenceEntry &Attachment::entry(std::uint32_t number) const {
  const char *const start = static_cast<const char *>(ring_.get_address());
  return *reinterpret_cast<const SequenceEntry *>(start + kEntriesOffset + number * kEntrySize);
}

CounterLine &Attachment::counter(std::uint32_t number) const {
  char *const start = static_cast<char *>(tickets_.get_address());
  return *reinterpret_cast<CounterLine *>(start + kCountersOffset + number * sizeof(CounterLine));
}

void Attachment::kick(std::uint32_t number, bool insist) const {
  char *const start = static_cast<char *>(tickets_.get_address());
  auto *const wanted = reinterpret_cast<Atomic<std::uint64_t> *>(start + kWantedOffset);
  const std::uint64_t bit = std::uint64_t{1} << (number % 64);
  // Pairs with the sidecar's exchange of the word (ring/bell.cpp): if it sees the bit, then also
  // the ticket that was claimed before; else we find it cleared, and ring.
  const std::uint64_t before = wanted[number / 64].fetch_or(bit, std::memory_order_release);
  if ((before & bit) != 0 && !insist) return;
  Atomic<std::uint32_t> &bell = tickets_header().bell;
  bell.fetch_add(1, std::memory_order_release);  // who hears it sees the bit (ring/bell.cpp)
  futex_wake(bell, 1);
}

bool Attachment::retired() const { return header().retired.load(std::memory_order_relaxed) != 0; }

bool Attachment::is_current(const std::string &runtime_dir) const {
  struct stat status {};
  return stat((runtime_dir + "/ring").c_str(), &status) != 0 ||
         (status.st_ino == header().ring_inode && status.st_dev == header().device);
}

}  // namespace essequence::shm
