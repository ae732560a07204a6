// The ancestor's index: documents {"name", "iid"}, where iid is the last id that was given out.
// Taking it over ends its use: nobody may be granted ids from there any more, or they would be
// granted here again.
#pragma once

#include "sidecar/provision/provision.hpp"

namespace essequence::sidecar::provision {

struct TakenOver {
  std::vector<Step> sequences;
  std::vector<std::string> problems;  // what was not taken over, and why
};

// Refuses with std::runtime_error while somebody writes to `ancestor`, and leaves it as it was.
// Else blocks it for writes, for good, and creates each of its sequences in the index of `config`,
// so that the first id is iid + 1. Can be called again after a failure.
TakenOver take_over(const ElasticsearchConfig &config, const std::string &ancestor);

}  // namespace essequence::sidecar::provision
