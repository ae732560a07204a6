// The index that holds the sequences, as Essequence makes it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace essequence::sidecar::elasticsearch {

// Writes to an index that has the configured name itself go through this alias of it.
std::string write_alias_of(const std::string &index);

// Settings and mapping of a new index, and an alias of it; no alias where that is empty.
nlohmann::json index_definition(const std::string &alias);

}  // namespace essequence::sidecar::elasticsearch
