// What people use to number things, as ways to take. Each is made in the process that uses it, and
// throws std::runtime_error where it cannot go on.
#pragma once

#include <pthread.h>

#include <boost/interprocess/anonymous_shared_memory.hpp>
#include <cstdint>
#include <string>

#include "sidecar/ctl/race.hpp"

namespace essequence::bench {

// INCR of one key, through a Unix socket.
ctl::Way by_redis(const std::string &socket);

// nextval, prepared, through a Unix socket in `directory`.
ctl::Way by_postgresql(const std::string &directory, const std::string &sequence);

// The ancestor's way: each process moves the counter in a document by ten, on condition that nobody
// else has moved it.
ctl::Way by_elasticsearch(const std::string &url, const std::string &index);

// A counter in shared memory behind a mutex that processes share.
class GuardedCounter {
 public:
  GuardedCounter();
  ctl::Way way() const;

 private:
  struct Shared {
    alignas(128) pthread_mutex_t mutex;
    std::uint64_t next;
  };
  const boost::interprocess::mapped_region memory_;
};

// One process that answers each byte with a number, through Unix sockets: the least that any server
// costs. It ends with this object.
class NumberServer {
 public:
  NumberServer();
  ~NumberServer();
  NumberServer(const NumberServer &) = delete;
  NumberServer &operator=(const NumberServer &) = delete;
  ctl::Way way() const;

 private:
  int listener_ = -1;
  int server_ = -1;  // its process id
  std::string name_;
};

}  // namespace essequence::bench
