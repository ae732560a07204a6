// A sequence on its way from one source to another: a line of JSON with the fields of its document
// and the index, or local store, that it came from.
#pragma once

#include <string>

#include "sidecar/allocation/standing.hpp"

namespace essequence::sidecar::provision {

struct Exported {
  std::string name;
  Standing standing;
};

std::string to_line(const Exported &sequence);

// Throws elasticsearch::Malformed.
Exported from_line(const std::string &line);

// What is to be created elsewhere: of a new origin, above all that was granted, and a declared
// successor of the old one, so that hosts which were granted ids of that go on by themselves.
Standing successor_of(const Standing &standing);

}  // namespace essequence::sidecar::provision
