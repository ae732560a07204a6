#include "tests/bench/alternatives/alternatives.hpp"
#include "tests/bench/ways.hpp"

namespace essequence::bench {

GuardedCounter::GuardedCounter()
    : memory_(boost::interprocess::anonymous_shared_memory(sizeof(Shared))) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&static_cast<Shared *>(memory_.get_address())->mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
}

ctl::Way GuardedCounter::way() const {
  return one_by_one([shared = static_cast<Shared *>(memory_.get_address())] {
    pthread_mutex_lock(&shared->mutex);
    const std::uint64_t id = ++shared->next;
    pthread_mutex_unlock(&shared->mutex);
    return id;
  });
}

}  // namespace essequence::bench
