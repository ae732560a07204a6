// A crew of takers: processes or threads that do the same at once, each on a core of its own as far
// as there are cores.
//
// Thread rules: none of the caller's own threads may hold a lock that a crew of processes needs;
// they are forked.
#pragma once

#include <atomic>
#include <functional>
#include <stdexcept>
#include <string>

namespace essequence::ctl {

enum class Takers { processes, threads };

// The cores that this process may run on.
int cores();

// What stands in memory that the crew shares.
struct Signals {
  alignas(128) std::atomic<int> arrived{0};
  alignas(128) std::atomic<bool> failed{false};
  std::atomic<bool> told{false};  // who failed first tells why
  int status = 0;
  char words[512] = "";
};

// One of the crew.
class Member {
 public:
  Member(int number, int crew, Signals &signals)
      : number_(number), crew_(crew), crowded_(crew > cores()), signals_(signals) {}

  int number() const { return number_; }

  // Returns when all of the crew are here, at the same moment as far as there are cores. Throws
  // where another one has failed.
  void meet();

 private:
  const int number_, crew_;
  const bool crowded_;
  int met_ = 0;
  Signals &signals_;
};

// A taker failed; `status` is an essequence_status, or 0 where it was something else.
class TakerFailed : public std::runtime_error {
 public:
  TakerFailed(int status, const std::string &words) : std::runtime_error(words), status_(status) {}
  int status() const { return status_; }

 private:
  int status_;
};

// Runs `work` in a crew of `size`, and returns when all are done. Throws TakerFailed if one threw,
// or died; the others end at their next meet().
void together(Takers kind, int size, const std::function<void(Member &)> &work);

}  // namespace essequence::ctl
