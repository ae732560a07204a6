// The wire: one HTTP request to one host, through cpprestsdk, which is seen by no other file. What
// retries, deadlines and replies mean is decided by its callers.
//
// Thread rules: any thread may call; `done` runs on a thread of the transport.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "sidecar/config/config.hpp"

namespace essequence::sidecar::elasticsearch {

struct Request {
  std::string method;  // GET, POST, PUT, DELETE
  std::string path;    // percent-encoded, with its query
  std::string body;    // JSON; empty: none
};

struct Reply {
  int status = 0;
  std::string body;         // every byte that was announced; a shorter one is a Failure
  bool sent_twice = false;  // a connection closed in between: the first one may have been acted on
};

// No complete reply came.
struct Failure {
  bool certainly_not_sent = false;  // false: the server may have acted on the request
  bool stale_connection = false;    // and not sent: an idle connection had been closed; try again
  std::string cause;
};

using Outcome = std::variant<Reply, Failure>;

// A request under way. Destroying it cancels the request; `done` is called all the same.
class Exchange {
 public:
  virtual ~Exchange() = default;
  // True: it has not been sent, and never will be. False: too late to know.
  virtual bool abandon_unsent() = 0;
};

class Transport {
 public:
  // `host` is an http or https URL. Throws ConfigError.
  Transport(const std::string &host, const ElasticsearchConfig &config);
  // Cancels what is under way and waits for it, but not for ever.
  ~Transport();

  // `done` is called exactly once, possibly before start returns.
  std::unique_ptr<Exchange> start(const Request &request, std::function<void(Outcome)> done);

 private:
  struct Client;
  std::unique_ptr<Client> client_;
};

}  // namespace essequence::sidecar::elasticsearch
