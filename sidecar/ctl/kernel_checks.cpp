// What the kernel and the machine offer.
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "shmclient/src/layout.hpp"
#include "sidecar/ctl/examination.hpp"
#include "sidecar/ring/identity_of_host.hpp"

namespace essequence::ctl {
namespace {

// Takers sleep on a word that they can only read.
std::optional<Finding> futex(Examined &) {
  const shm::Descriptor file(memfd_create("essequence-doctor", MFD_CLOEXEC));
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  if (file.get() < 0 || ftruncate(file.get(), static_cast<off_t>(page)) != 0) {
    return fail(std::string("memory to try it: ") + std::strerror(errno), "free some memory");
  }
  void *const word = mmap(nullptr, page, PROT_READ, MAP_SHARED, file.get(), 0);
  if (word == MAP_FAILED) return fail(std::string("mmap: ") + std::strerror(errno), "free memory");
  const long waited = syscall(SYS_futex, word, FUTEX_WAIT, 1, nullptr, nullptr, 0);
  const int error = errno;
  munmap(word, page);
  // It holds 0, so there is nothing to wait for; and it was read, which is what was to be seen.
  if (waited == -1 && error == EAGAIN) return ok("wait works on a read-only mapping");
  return fail(std::string("wait on a read-only mapping: ") + std::strerror(error),
              "a seccomp filter or a sandbox keeps it away: permit the system call futex");
}

// A handle maps ring and tickets whole. Of it little is touched, but address space it is.
std::optional<Finding> address_space(Examined &) {
  rlimit limit{};
  getrlimit(RLIMIT_AS, &limit);
  constexpr std::uint64_t handle = shm::kRingSize + shm::kTicketsSize;
  if (limit.rlim_cur == RLIM_INFINITY) return ok("unlimited");
  const std::string found = std::to_string(limit.rlim_cur / kMebibyte) + " MiB, a handle takes " +
                            std::to_string(handle / kMebibyte);
  if (limit.rlim_cur > 8 * handle) return ok(found);
  return warn(found, "ulimit -v unlimited (LimitAS= of a service)");
}

std::optional<Finding> mappings(Examined &examined) {
  std::uint64_t most = 0;
  std::ifstream("/proc/sys/vm/max_map_count") >> most;
  if (!examined.ring || most == 0) return std::nullopt;
  const std::uint64_t needed = std::uint64_t{2} * examined.ring->header().sequences.load();
  const std::string found = std::to_string(most) + " a process; a handle of each sequence takes " +
                            std::to_string(needed);
  if (needed < most) return ok(found);
  return warn(found, "for a process that opens them all: sysctl vm.max_map_count=" +
                         std::to_string(2 * needed));
}

// Ids do not depend on the clock; what is told of them does.
std::optional<Finding> clock_of_host(Examined &) {
  timex state{};
  const int known = adjtimex(&state);
  if (known == -1) return std::nullopt;  // a container may not ask
  if (known != TIME_ERROR) return ok("synchronised");
  return warn("not synchronised",
              "for the times in log and journal: run chrony, or systemd-timesyncd");
}

std::optional<Finding> machine_identity(Examined &examined) {
  const std::string id = sidecar::machine_id();
  if (id.empty() || id == "uninitialized") {
    return warn("/etc/machine-id is empty",
                "a ring in a cloned image cannot be told from its own: systemd-machine-id-setup");
  }
  if (!examined.ring) return ok(id);
  const shm::RingHeader &header = examined.ring->header();
  const std::string of_ring(header.machine_id,
                            strnlen(header.machine_id, sizeof header.machine_id));
  if (id.compare(0, of_ring.size(), of_ring) == 0) return ok(id);
  return fail(id + ", and the ring is of machine " + of_ring,
              "a cloned or restored image: restart essequenced, which burns the ring");
}

}  // namespace

const std::vector<Check> kKernelChecks = {
    {"futex", futex},         {"address space", address_space}, {"mappings", mappings},
    {"clock", clock_of_host}, {"machine id", machine_identity},
};

}  // namespace essequence::ctl
