// What an administrator makes for the sidecars: an index, the alias that they use, the marker, and
// a role that may do no more than they need.
//
// Idempotent: what is there stays as it is. An index that differs from what would have been made is
// told with the way out, and nothing is made for it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sidecar/config/config.hpp"

namespace essequence::sidecar::provision {

struct Step {
  std::string thing;    // "index essequence-000001"
  std::string outcome;  // "created", "is there", …
};

struct Provisioned {
  std::vector<Step> steps;
  std::vector<std::string> problems;  // empty: the sidecars can run
  nlohmann::json role;                // the minimal one, as the role API takes it
};

// For the index, or alias, of `config`. Throws std::runtime_error where it cannot go on.
Provisioned provision(const ElasticsearchConfig &config, const std::string &role);

}  // namespace essequence::sidecar::provision
