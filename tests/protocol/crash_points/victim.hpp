// A forked process that is killed by SIGKILL at a chosen point, and what it leaves behind.
#pragma once

#include <sys/mman.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <new>
#include <string>

#include "tests/protocol/crash_points/broken.hpp"

namespace essequence::crash {

enum class At { store, change, entry, exit };  // the last three: of a system call, as Side

struct Point {
  At at;
  std::uint64_t number;  // from 1; 0: nowhere
};
std::string text(Point point);

// Memory that a child shares with its parent, and that survives it.
template <class T>
class Surviving {
 public:
  Surviving()
      : object_(new (::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                            -1, 0)) T{}) {}
  ~Surviving() { ::munmap(object_, sizeof(T)); }
  Surviving(const Surviving &) = delete;
  Surviving &operator=(const Surviving &) = delete;
  T *operator->() const { return object_; }
  T &operator*() const { return *object_; }

 private:
  T *object_;
};

class Victim {
 public:
  using Act = std::function<void()>;

  // Forks. In the child `live` sets the scene and returns what is to be interrupted. Returns when
  // the scene is set. Throws Broken if it cannot be.
  explicit Victim(const std::function<Act()> &live);
  ~Victim();
  Victim(const Victim &) = delete;
  Victim &operator=(const Victim &) = delete;

  pid_t process() const { return process_; }

  struct End {
    bool killed = false;        // false: it came to its end
    std::uint64_t visited = 0;  // points of this kind
  };
  // Lets it act, and waits for its end. Throws Broken if that is neither the kill nor the end of
  // the act; TracingForbidden.
  End act(Point kill_at);

 private:
  void reap();

  Surviving<std::atomic<std::uint64_t>> visited_;
  pid_t process_ = -1;
  int ready_[2], go_[2];
};

}  // namespace essequence::crash
