// What `essequencectl doctor` looks at, one thing after the other.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shmclient/src/attachment.hpp"
#include "sidecar/ctl/sidecar_request.hpp"
#include "sidecar/ctl/verbs.hpp"

namespace essequence::ctl {

constexpr auto kMebibyte = std::uint64_t{1024} * 1024;

enum class Verdict { ok, warn, fail };

struct Finding {
  Verdict verdict = Verdict::ok;
  std::string found;   // the value
  std::string advice;  // what to do; empty where all is well
};

// What earlier checks learnt, for those that follow. What is not there has been complained of.
struct Examined {
  std::string runtime_dir;
  std::optional<struct stat> directory;  // runtime_dir's
  std::unique_ptr<shm::Attachment> ring;
  std::optional<Json> status;  // GET /v1/status
};

struct Check {
  const char *name;
  // nullopt: there is nothing to look at, for a reason that another check tells.
  std::optional<Finding> (*look)(Examined &);
};

// In the order in which one needs the other.
extern const std::vector<Check> kFileChecks, kKernelChecks, kSidecarChecks;

inline Finding ok(std::string found) { return {Verdict::ok, std::move(found), ""}; }
inline Finding warn(std::string found, std::string advice) {
  return {Verdict::warn, std::move(found), std::move(advice)};
}
inline Finding fail(std::string found, std::string advice) {
  return {Verdict::fail, std::move(found), std::move(advice)};
}

}  // namespace essequence::ctl
