// What the hosts were granted, as their journals have it.
#pragma once

#include <filesystem>
#include <vector>

namespace essequence::fleet {

struct Grants {
  std::size_t blocks = 0;
  std::int64_t ids = 0;
};

// Reads the journals in `directories`. Throws std::runtime_error that names both hosts where two
// blocks share an id.
Grants disjoint_grants(const std::vector<std::filesystem::path> &directories);

}  // namespace essequence::fleet
