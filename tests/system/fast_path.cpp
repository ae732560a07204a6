// Takes ids in one way and nothing else, for test_fast_path.py: which instructions it executes, and
// whether it calls the kernel.
//
//   fast_path RUNTIME_DIR SEQUENCE next|c|lease|take|kernel IDS [sealed]
//
// sealed: the first system call after the first take kills the process. The way `kernel` makes one,
// to show that it does.
#include <essequence/essequence.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <essequence/essequence.hpp>

// What is disassembled: next() as it is compiled into its callers.
extern "C" __attribute__((noinline)) std::int64_t take_next(essequence::Sequence &sequence) {
  return sequence.next();
}

namespace {

// Of all system calls only the one that ends the process is left, and the clock's, which is one
// only where the kernel does not map its clock.
bool seal() {
  sock_filter only[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{sizeof only / sizeof *only, only};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

template <class Take>
[[noreturn]] void run(long ids, bool sealed, Take take) {
  take();  // maps what is mapped once
  if (sealed && !seal()) {
    std::perror("seccomp");
    _exit(77);
  }
  for (; ids > 0; --ids) take();
  _exit(0);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 5) return 64;
  const char *const way = argv[3];
  const long ids = std::atol(argv[4]);
  const bool sealed = argc > 5 && std::strcmp(argv[5], "sealed") == 0;
  try {
    essequence::Options options;
    options.runtime_dir = argv[1];
    essequence::Sequence sequence(argv[2], options);
    if (std::strcmp(way, "next") == 0) run(ids, sealed, [&] { take_next(sequence); });
    if (std::strcmp(way, "take") == 0) run(ids / 1000, sealed, [&] { sequence.take(1000); });
    if (std::strcmp(way, "kernel") == 0) run(ids, sealed, [] { syscall(SYS_getppid); });
    if (std::strcmp(way, "lease") == 0) {
      essequence::Lease lease(sequence, 64);
      run(ids, sealed, [&] { lease.next(); });
    }
    if (std::strcmp(way, "c") == 0) {
      essequence_options how{};
      how.size = sizeof how;
      how.runtime_dir = argv[1];
      essequence_sequence *opened = nullptr;
      if (essequence_open(argv[2], &how, &opened) != ESSEQUENCE_OK) return 1;
      run(ids, sealed, [&] {
        std::int64_t id = 0;
        if (essequence_next(opened, &id) != ESSEQUENCE_OK) _exit(1);
      });
    }
    return 64;
  } catch (const std::exception &error) {
    std::fprintf(stderr, "fast_path: %s\n", error.what());
    return 1;
  }
}
