// Stops another process at any of its system calls, in any of its threads, by ptrace.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <stdexcept>

namespace essequence::crash {

// This kernel or container does not let a process trace its own child.
struct TracingForbidden : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Before the kernel has done anything for the call, and after. `change`: before, and only calls
// that change what a killed process leaves behind: a kill at any other call leaves the same as one
// at the next of these.
enum class Side { change, entry, exit };

struct Traced {
  int status = 0;  // as waitpid() gives it
  std::uint64_t visited = 0;
};

// Traces `process`, a child and the leader of its process group, from the moment that `go` is
// called, and kills it by SIGKILL at the `kill_at`-th entry to, or exit from, a system call (0:
// never). Returns when it is gone.
Traced trace_system_calls(pid_t process, Side side, std::uint64_t kill_at,
                          const std::function<void()> &go);

}  // namespace essequence::crash
