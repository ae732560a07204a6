// The role of the sidecars: read and index on one name, and nothing of the cluster.
#pragma once

#include <string>
#include <vector>

#include "sidecar/provision/cluster.hpp"

namespace essequence::sidecar::provision {

// As the role API takes it.
Json minimal_role(const std::vector<std::string> &names);

struct RoleOutcome {
  std::string outcome;
  std::string problem;  // empty where there is none
};

// Creates the role unless it is there. One that differs is told, not changed.
RoleOutcome ensure_role(Cluster &cluster, const std::string &name, const Json &role);

}  // namespace essequence::sidecar::provision
