#include "sidecar/ctl/crew.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/interprocess/anonymous_shared_memory.hpp>
#include <cerrno>
#include <cstring>
#include <essequence/essequence.hpp>
#include <new>
#include <thread>
#include <vector>

namespace essequence::ctl {
namespace {

struct OtherFailed {};

void pin(int number) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  int skip = number % CPU_COUNT(&allowed);
  for (std::size_t core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &allowed) || skip-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    sched_setaffinity(0, sizeof one, &one);  // refused: it floats, and measures less well
    return;
  }
}

void tell(Signals &signals, int status, const char *words) {
  if (!signals.told.exchange(true)) {
    signals.status = status;
    std::strncpy(signals.words, words, sizeof signals.words - 1);
  }
  signals.failed = true;
}

void serve(int number, int crew, Signals &signals, const std::function<void(Member &)> &work) {
  pin(number);
  try {
    Member member(number, crew, signals);
    work(member);
  } catch (const OtherFailed &) {
  } catch (const Error &error) {
    tell(signals, error.status(), error.what());
  } catch (const std::exception &error) {
    tell(signals, 0, error.what());
  }
}

void run_threads(int size, Signals &signals, const std::function<void(Member &)> &work) {
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(size));
  for (int number = 0; number < size; ++number) {
    threads.emplace_back([&, number] { serve(number, size, signals, work); });
  }
  for (std::thread &thread : threads) thread.join();
}

void run_processes(int size, Signals &signals, const std::function<void(Member &)> &work) {
  const pid_t parent = getpid();
  pid_t group = 0;  // one of their own, so that waiting is for them alone
  int running = 0;
  for (int number = 0; number < size; ++number) {
    const pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);  // who ends the parent ends the crew
      if (getppid() == parent) serve(number, size, signals, work);
      _exit(0);
    }
    if (child < 0) {
      tell(signals, 0, (std::string("cannot fork: ") + std::strerror(errno)).c_str());
      break;
    }
    group = group == 0 ? child : group;
    setpgid(child, group);
    ++running;
  }
  for (int status = 0; running > 0;) {
    if (waitpid(-group, &status, 0) < 0) {
      if (errno == EINTR) continue;
      break;
    }
    --running;
    if (status != 0) tell(signals, 0, "a process of the crew was killed");
  }
}

}  // namespace

int cores() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void Member::meet() {
  signals_.arrived.fetch_add(1);
  const int all = ++met_ * crew_;
  while (signals_.arrived.load() < all) {
    if (signals_.failed.load()) throw OtherFailed();
    if (crowded_) sched_yield();  // those who are still to come need the core
  }
}

void together(Takers kind, int size, const std::function<void(Member &)> &work) {
  const auto memory = boost::interprocess::anonymous_shared_memory(sizeof(Signals));
  auto *const signals = new (memory.get_address()) Signals;
  if (kind == Takers::threads) {
    run_threads(size, *signals, work);
  } else {
    run_processes(size, *signals, work);
  }
  if (signals->failed) throw TakerFailed(signals->status, signals->words);
}

}  // namespace essequence::ctl
