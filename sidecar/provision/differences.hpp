// In what an index that is there differs from one that would have been made for ids.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace essequence::sidecar::provision {

// `description`: {"mappings", "settings" (flat)} of `index`. Each difference that matters, in words
// and with the way out.
std::vector<std::string> differences(const std::string &index, const nlohmann::json &description);

}  // namespace essequence::sidecar::provision
