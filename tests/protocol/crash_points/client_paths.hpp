// What a client does, killed in the middle, while the sidecar lives. Others go on, above all that
// it was given; at most what one take of it claimed is missing.
#pragma once

#include <string>

#include "tests/protocol/crash_points/sweep.hpp"

namespace essequence::crash {

// All paths, or `wanted`.
void sweep_client(Table &table, const std::string &wanted);

}  // namespace essequence::crash
