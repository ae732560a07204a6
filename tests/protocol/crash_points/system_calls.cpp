#include "tests/protocol/crash_points/system_calls.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

// <linux/ptrace.h>, which cannot be included beside <sys/ptrace.h>.
#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

namespace essequence::crash {
namespace {

constexpr int kSystemCallStop = SIGTRAP | 0x80;  // PTRACE_O_TRACESYSGOOD

void seize(pid_t thread) {
  const auto options =
      static_cast<long>(PTRACE_O_TRACESYSGOOD) | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SEIZE, thread, nullptr, options) != 0 ||
      ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) != 0) {
    throw TracingForbidden(std::string("ptrace: ") + std::strerror(errno));
  }
}

bool changes_something(std::uint64_t call, const std::uint64_t *arguments) {
  switch (call) {
    case SYS_openat:
      return (arguments[2] & O_CREAT) != 0;
    case SYS_open:
      return (arguments[1] & O_CREAT) != 0;
    case SYS_write:
    case SYS_pwrite64:
    case SYS_writev:
    case SYS_pwritev:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_bind:
    case SYS_ftruncate:
    case SYS_fallocate:
    case SYS_mkdir:
    case SYS_rename:
    case SYS_unlink:
    case SYS_unlinkat:
    case SYS_chmod:
    case SYS_fchmod:
    case SYS_fchmodat:
    case SYS_chown:
      return true;
    default:
      return false;
  }
}

bool is_on(pid_t thread, Side side) {
  struct __ptrace_syscall_info info {};
  if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0) return false;
  if (side == Side::exit) return info.op == PTRACE_SYSCALL_INFO_EXIT;
  return info.op == PTRACE_SYSCALL_INFO_ENTRY &&
         (side == Side::entry || changes_something(info.entry.nr, info.entry.args));
}

}  // namespace

Traced trace_system_calls(pid_t process, Side side, std::uint64_t kill_at,
                          const std::function<void()> &go) {
  std::size_t to_stop = 0;
  const std::string threads = "/proc/" + std::to_string(process) + "/task";
  for (const auto &thread : std::filesystem::directory_iterator(threads)) {
    seize(std::stoi(thread.path().filename()));
    ++to_stop;
  }
  Traced traced;
  bool killed = false;
  int status = 0;
  for (;;) {
    const pid_t thread = waitpid(-process, &status, __WALL);
    if (thread < 0 && errno == EINTR) continue;
    if (thread < 0) return traced;  // all threads are gone
    if (!WIFSTOPPED(status)) {
      if (thread == process) traced.status = status;
      continue;
    }
    if (killed) continue;
    const int stop = WSTOPSIG(status);
    const int event = status >> 16;
    int deliver = 0;
    if (event == PTRACE_EVENT_STOP && to_stop > 0) {
      if (--to_stop == 0) go();
    } else if (stop == kSystemCallStop) {
      if (to_stop == 0 && is_on(thread, side) && ++traced.visited == kill_at) {
        kill(process, SIGKILL);
        killed = true;
        continue;
      }
    } else if (event == 0) {
      deliver = stop;
    }
    ptrace(PTRACE_SYSCALL, thread, nullptr, deliver);
  }
}

}  // namespace essequence::crash
