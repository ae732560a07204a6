#include "tests/protocol/crash_points/victim.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "tests/protocol/crash_points/stores.hpp"
#include "tests/protocol/crash_points/system_calls.hpp"

namespace essequence::crash {

std::string text(Point point) {
  const char *const words[] = {"store ", "system call that changes something ",
                               "entry of system call ", "exit of system call "};
  return words[static_cast<int>(point.at)] + std::to_string(point.number);
}

Victim::Victim(const std::function<Act()> &live) {
  require(pipe(ready_) == 0 && pipe(go_) == 0, "no pipe");
  process_ = fork();
  require(process_ >= 0, "no fork");
  if (process_ == 0) {
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      const Act act = live();
      std::uint64_t kill_at = 0;
      if (write(ready_[1], "", 1) != 1 || read(go_[0], &kill_at, sizeof kill_at) <= 0) _exit(1);
      if (kill_at != UINT64_MAX) watch_stores(kill_at, *visited_);
      act();
      _exit(0);
    } catch (const std::exception &error) {
      std::fprintf(stderr, "in the victim: %s\n", error.what());
      _exit(1);
    }
  }
  setpgid(process_, process_);
  close(ready_[1]);
  ready_[1] = -1;
  char byte;
  if (read(ready_[0], &byte, 1) == 1) return;
  reap();
  close(ready_[0]);
  close(go_[0]);
  close(go_[1]);
  throw Broken("the scene could not be set");
}

Victim::~Victim() {
  if (process_ > 0) {
    kill(process_, SIGKILL);
    reap();
  }
  close(ready_[0]);
  close(go_[0]);
  close(go_[1]);
}

void Victim::reap() {
  waitpid(process_, nullptr, 0);
  process_ = -1;
}

Victim::End Victim::act(Point kill_at) {
  const auto go = [&](std::uint64_t store) {
    require(write(go_[1], &store, sizeof store) == sizeof store, "the victim is gone");
  };
  End end;
  int status = 0;
  if (kill_at.at == At::store) {
    go(kill_at.number);
    waitpid(process_, &status, 0);
    end.visited = visited_->load();
  } else {
    const Side side = kill_at.at == At::change  ? Side::change
                      : kill_at.at == At::entry ? Side::entry
                                                : Side::exit;
    const Traced traced =
        trace_system_calls(process_, side, kill_at.number, [&] { go(UINT64_MAX); });
    status = traced.status;
    end.visited = traced.visited;
  }
  process_ = -1;
  end.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  const bool ended = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  require(end.killed || ended, "the victim ended with wait status " + std::to_string(status));
  return end;
}

}  // namespace essequence::crash
