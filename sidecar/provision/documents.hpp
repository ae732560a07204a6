// All documents of an index, whoever made it.
#pragma once

#include <functional>
#include <string>

#include "sidecar/provision/cluster.hpp"

namespace essequence::sidecar::provision {

// Calls `see` with each hit ({"_id", "_index", "_version", "_source"}) of `index` as it is now.
// Throws std::runtime_error unless all of them were seen.
void each_document(Cluster &cluster, const std::string &index,
                   const std::function<void(const Json &hit)> &see);

}  // namespace essequence::sidecar::provision
