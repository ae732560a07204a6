// Sequences from one source to another: a local store, or an index, into an index. Whoever moves
// them keeps the sidecars stopped from the export to the import.
#pragma once

#include <functional>
#include <istream>
#include <string>

#include "sidecar/provision/provision.hpp"

namespace essequence::sidecar::provision {

using Sink = std::function<void(const std::string &line)>;

// All sequences of the index of `config`.
void export_index(const ElasticsearchConfig &config, const Sink &sink);

// All sequences of the local store in `state_dir`. Refused while a sidecar runs on it.
void export_local_store(const std::string &state_dir, const Sink &sink);

struct Imported {
  std::vector<Step> sequences;
  std::vector<std::string> problems;  // what was there already, and stays as it is
};

// Creates each of `lines` in the index of `config`. Throws std::runtime_error, before anything is
// created, where a line is not what an export writes.
Imported import_sequences(const ElasticsearchConfig &config, std::istream &lines);

}  // namespace essequence::sidecar::provision
