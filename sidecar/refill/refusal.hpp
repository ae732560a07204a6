// A request that the sidecar refuses, in the shape that Elasticsearch users know:
// {"error":{"type":…,"reason":…},"status":…}. The control socket turns it into that reply.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace essequence::sidecar {

class Refusal : public std::runtime_error {
 public:
  // status: 400 (bad request), 403 (not permitted), 404 (unknown), 409 (fenced, exhausted,
  // conflict), 413 (too large), 503 (source or sidecar cannot do it now), 504 (outcome unknown).
  // type: the reason in one word of snake case, e.g. "sequence_fenced".
  // reason: names the thing, the value and the way out.
  Refusal(int status, std::string type, const std::string &reason)
      : std::runtime_error(reason), status_(status), type_(std::move(type)) {}
  int status() const { return status_; }
  const std::string &type() const { return type_; }

 private:
  int status_;
  std::string type_;
};

}  // namespace essequence::sidecar
