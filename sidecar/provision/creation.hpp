// Documents that come from elsewhere: created where there is none, and never changed.
#pragma once

#include <optional>
#include <string>

#include "sidecar/provision/cluster.hpp"

namespace essequence::sidecar::provision {

class Creation {
 public:
  // The index is there, or std::runtime_error.
  explicit Creation(Cluster &cluster);

  // nullopt: created, as the reply proves. Else what is there already.
  std::optional<Standing> create(const std::string &name, const Standing &standing);

  // Lets the sidecars know that there is something to look at.
  void finish();

 private:
  Cluster &cluster_;
};

}  // namespace essequence::sidecar::provision
