#include "tests/protocol/crash_points/stores.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string_view>

namespace {

constexpr std::size_t kPage = 4096;
constexpr greg_t kTrapFlag = 0x100;

struct Mapping {
  char *begin = nullptr;
  std::size_t size = 0;
  bool holds(const void *address) const {
    return address >= begin && address < static_cast<const void *>(begin + size);
  }
};

std::mutex mutex;  // of the table's changes, which no signal handler makes
std::array<Mapping, 64> mappings;
std::atomic<std::uint64_t> *visited_stores = nullptr;  // null: not watching
std::uint64_t killing_store = 0;
std::array<char *, 2> open_pages;
std::size_t open_count = 0;

bool is_of_an_instance(int fd) {
  char link[64], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof path);
  if (size <= 0) return false;
  std::string_view name(path, static_cast<std::size_t>(size));
  name.remove_prefix(name.rfind('/') + 1);
  return name == "ring" || name == "ring.new" || name == "tickets" || name == "tickets.new";
}

void on_store(int, siginfo_t *fault, void *context) {
  bool ours = false;
  for (const Mapping &mapping : mappings) ours |= mapping.holds(fault->si_addr);
  if (!ours || open_count == open_pages.size()) {
    signal(SIGSEGV, SIG_DFL);  // a fault of the program: it comes again
    return;
  }
  if (visited_stores->fetch_add(1) + 1 == killing_store) kill(getpid(), SIGKILL);
  char *const page = static_cast<char *>(fault->si_addr) -
                     reinterpret_cast<std::uintptr_t>(fault->si_addr) % kPage;
  mprotect(page, kPage, PROT_READ | PROT_WRITE);
  open_pages[open_count++] = page;
  static_cast<ucontext_t *>(context)->uc_mcontext.gregs[REG_EFL] |= kTrapFlag;
}

void after_store(int, siginfo_t *, void *context) {
  while (open_count > 0) mprotect(open_pages[--open_count], kPage, PROT_READ);
  static_cast<ucontext_t *>(context)->uc_mcontext.gregs[REG_EFL] &= ~kTrapFlag;
}

void handle(int signal_number, void (*handler)(int, siginfo_t *, void *)) {
  struct sigaction action {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO;
  sigaction(signal_number, &action, nullptr);
}

}  // namespace

// In place of the C library's, for this program and the libraries that it is linked to statically.
extern "C" __attribute__((visibility("default"))) void *mmap(void *at, std::size_t size,
                                                             int protection, int flags, int fd,
                                                             off_t offset) noexcept {
  const long result = syscall(SYS_mmap, at, size, protection, flags, fd, offset);
  void *const address = reinterpret_cast<void *>(result);
  const bool may_store = (protection & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0 && fd >= 0;
  if (address == MAP_FAILED || !may_store || !is_of_an_instance(fd)) return address;
  const std::lock_guard lock(mutex);
  for (Mapping &mapping : mappings) {
    if (mapping.size != 0) continue;
    mapping = {static_cast<char *>(address), size};
    if (visited_stores != nullptr) mprotect(address, size, PROT_READ);
    return address;
  }
  std::fputs("too many mappings of rings to watch\n", stderr);
  _exit(1);
}

extern "C" __attribute__((visibility("default"))) int munmap(void *address,
                                                             std::size_t size) noexcept {
  {
    const std::lock_guard lock(mutex);
    for (Mapping &mapping : mappings) {
      if (mapping.begin == address) mapping = {};
    }
  }
  return static_cast<int>(syscall(SYS_munmap, address, size));
}

extern "C" __attribute__((visibility("default"))) ssize_t getrandom(void *to, std::size_t size,
                                                                    unsigned flags) {
  char buffer[256];
  const long got =
      syscall(SYS_getrandom, buffer, size < sizeof buffer ? size : sizeof buffer, flags);
  if (got > 0) std::memcpy(to, buffer, static_cast<std::size_t>(got));
  return got;
}

namespace essequence::crash {

void watch_stores(std::uint64_t kill_at, std::atomic<std::uint64_t> &visited) {
  handle(SIGSEGV, on_store);
  handle(SIGTRAP, after_store);
  killing_store = kill_at;
  visited_stores = &visited;
  for (const Mapping &mapping : mappings) {
    if (mapping.size != 0) mprotect(mapping.begin, mapping.size, PROT_READ);
  }
}

}  // namespace essequence::crash
