#include "tests/protocol/schedule/scheduler.hpp"

#include <cxxabi.h>
#include <signal.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <utility>

namespace essequence::protocol {
namespace {

constexpr std::size_t kStack = 256 << 10;
constexpr std::uint32_t kMostSteps = 60000;

Scheduler *active_scheduler = nullptr;

// Stacks are used again: a thread that was killed leaves what is on it behind.
std::vector<std::unique_ptr<std::array<char, kStack>>> free_stacks;

// Exceptions that are being handled belong to a context, not to the operating system thread.
struct Exceptions {
  void *caught = nullptr;
  unsigned int uncaught = 0;
};
Exceptions &exceptions() { return *reinterpret_cast<Exceptions *>(abi::__cxa_get_globals()); }

}  // namespace

std::uint64_t Random::next() {
  std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

struct Scheduler::Thread {
  enum class State { ready, sleeping, waiting, ended };
  ucontext_t context{};
  Exceptions exceptions;
  std::unique_ptr<std::array<char, kStack>> stack;
  std::function<void()> body;
  Fate fate;
  Sight sight;
  State state = State::ready;
  std::uint64_t place = 0;   // what it waits for
  std::int64_t wake_at = 0;  // while it sleeps or waits
  std::uint32_t steps = 0;
  std::uint64_t priority = 0;
};

// The newest value, the oldest or any: a mixture of old and new is what faults let through.
// A fault may send the code to wild addresses; that is one way of being noticed.
void on_wild_access(int) {
  if (Scheduler *const scheduler = Scheduler::active()) scheduler->violate("a wild access");
  std::_Exit(1);
}

void catch_wild_accesses() {
  static std::array<char, 64 << 10> stack;
  const stack_t alternative{stack.data(), 0, stack.size()};
  sigaltstack(&alternative, nullptr);
  struct sigaction action {};
  action.sa_handler = on_wild_access;
  action.sa_flags = SA_ONSTACK | SA_NODEFER;
  sigaction(SIGSEGV, &action, nullptr);
  sigaction(SIGBUS, &action, nullptr);
}

Scheduler::Scheduler(std::uint64_t seed)
    : random_(seed),
      memory_([this](std::uint32_t count) {
        const std::uint32_t choice = random_.below(3);
        return choice == 0 ? count - 1 : choice == 1 ? 0 : random_.below(count);
      }),
      outside_(std::make_unique<Thread>()),
      switch_one_in_(1u << random_.below(6)),
      by_priority_(random_.one_in(2)),
      usual_steps_(256u << random_.below(5)) {
  for (int i = 0; i < 5; ++i) change_points_.push_back(random_.below(usual_steps_));
}

Scheduler::~Scheduler() {
  for (const auto &thread : threads_) free_stacks.push_back(std::move(thread->stack));
}

Scheduler *Scheduler::active() {
  return active_scheduler != nullptr && active_scheduler->running_ != nullptr ? active_scheduler
                                                                              : nullptr;
}

Sight &Scheduler::sight() { return running_->sight; }

void Scheduler::spawn(std::function<void()> body, Fate fate) {
  auto thread = std::make_unique<Thread>();
  if (free_stacks.empty()) {
    thread->stack = std::make_unique<std::array<char, kStack>>();
  } else {
    thread->stack = std::move(free_stacks.back());
    free_stacks.pop_back();
  }
  thread->body = std::move(body);
  thread->fate = std::move(fate);
  thread->priority = (random_.next() >> 1) + (std::uint64_t{1} << 32);
  getcontext(&thread->context);
  thread->context.uc_stack.ss_sp = thread->stack->data();
  thread->context.uc_stack.ss_size = thread->stack->size();
  makecontext(&thread->context, &Scheduler::enter, 0);
  threads_.push_back(std::move(thread));
  reconsider_ = true;
}

void Scheduler::enter() {
  Scheduler &self = *active_scheduler;
  Thread &thread = *self.running_;
  try {
    thread.body();
  } catch (const std::exception &error) {
    self.violate(std::string("an exception left a thread: ") + error.what());
  }
  thread.state = Thread::State::ended;
  self.switch_from(thread);
}

void Scheduler::run() {
  catch_wild_accesses();
  active_scheduler = this;
  switch_from(*outside_);
  active_scheduler = nullptr;
  if (violation_) throw Violation(*violation_);
}

// Goes on with whoever is chosen; returns when `thread` is chosen again.
void Scheduler::switch_from(Thread &thread) {
  Thread *next = violation_ ? nullptr : choose();
  if (next == nullptr) next = outside_.get();
  if (next == &thread) return;
  running_ = next == outside_.get() ? nullptr : next;
  thread.exceptions = exceptions();
  exceptions() = next->exceptions;
  swapcontext(&thread.context, &next->context);
}

void Scheduler::violate(const std::string &what) {
  violation_ = what;
  Thread &thread = *running_;
  thread.state = Thread::State::ended;
  switch_from(thread);
  std::terminate();  // nobody comes back here
}

void Scheduler::step() {
  if (++steps_ > kMostSteps) violate("it goes on for ever");
  Thread &thread = *running_;
  ++thread.steps;
  if (thread.fate.stalled_after && thread.steps == *thread.fate.stalled_after) {
    sleep_until(now_ + 1);
  }
  if (thread.fate.killed_after && thread.steps > *thread.fate.killed_after) {
    thread.state = Thread::State::ended;
    if (thread.fate.successor) {
      spawn(thread.fate.successor, Fate{thread.fate.background, {}, {}, {}});
      threads_.back()->sight = thread.sight;  // a lock came from one to the other
    }
    switch_from(thread);
  }
  if (time_passes && random_.one_in(64)) pass_time();
  if (by_priority_) {
    if (std::find(change_points_.begin(), change_points_.end(), steps_) != change_points_.end()) {
      thread.priority = random_.below(1u << 31);  // below all that have not changed
      reconsider_ = true;
    }
    if (std::exchange(reconsider_, false)) switch_from(thread);
  } else if (random_.one_in(switch_one_in_)) {
    switch_from(thread);
  }
}

Scheduler::Thread *Scheduler::choose() {
  const auto all_ended = std::all_of(threads_.begin(), threads_.end(), [](const auto &thread) {
    return thread->fate.background || thread->state == Thread::State::ended;
  });
  if (all_ended && !settles) return nullptr;
  std::vector<Thread *> ready;
  do {
    for (const auto &thread : threads_) {
      if (thread->state == Thread::State::ready) ready.push_back(thread.get());
    }
    if (ready.empty() && all_ended) return nullptr;
    if (ready.empty() && sleepless) {
      const bool asleep = std::any_of(threads_.begin(), threads_.end(), [](const auto &thread) {
        return thread->state == Thread::State::sleeping;
      });
      if (!asleep) violation_ = "a wake-up was lost: all wait";
    }
  } while (ready.empty() && !violation_ && pass_time());
  if (violation_) return nullptr;
  if (ready.empty()) {
    violation_ = "all wait, for ever";
    return nullptr;
  }
  if (!by_priority_) return ready[random_.below(static_cast<std::uint32_t>(ready.size()))];
  return *std::max_element(ready.begin(), ready.end(), [](const Thread *a, const Thread *b) {
    return a->priority < b->priority;
  });
}

// To the moment when the next thread that waits or sleeps goes on by itself.
bool Scheduler::pass_time() {
  Thread *first = nullptr;
  for (const auto &thread : threads_) {
    const bool waits =
        thread->state == Thread::State::waiting || thread->state == Thread::State::sleeping;
    if (waits && (first == nullptr || thread->wake_at < first->wake_at)) first = thread.get();
  }
  if (first == nullptr) return false;
  now_ = std::max(now_, first->wake_at);
  first->state = Thread::State::ready;
  reconsider_ = true;
  return true;
}

void Scheduler::sleep_until(std::int64_t time) {
  running_->wake_at = time;
  running_->state = Thread::State::sleeping;
  switch_from(*running_);
}

void Scheduler::wait(std::uint64_t place, std::int64_t time) {
  running_->place = place;
  running_->wake_at = time;
  running_->state = Thread::State::waiting;
  switch_from(*running_);
}

void Scheduler::wake(std::uint64_t place, int count) {
  for (const auto &thread : threads_) {
    if (count == 0) return;
    if (thread->state != Thread::State::waiting || thread->place != place) continue;
    thread->state = Thread::State::ready;
    reconsider_ = true;
    --count;
  }
}

}  // namespace essequence::protocol
