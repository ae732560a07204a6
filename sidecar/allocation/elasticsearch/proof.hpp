// What a reply proves. A success that does not say and echo what was done proves nothing.
//
// All throw Malformed, which says what is wrong with the reply.
#pragma once

#include <optional>
#include <string>

#include "sidecar/allocation/elasticsearch/document.hpp"

namespace essequence::sidecar::elasticsearch {

void require_result(const Json &reply, const char *expected);

// Of an _update that wrote `fields`, or checked them: the document holds them now.
Stored proven_update(const std::string &name, const Json &reply, const Json &fields);

Stored proven_creation(const std::string &name, const Json &reply, const Standing &standing);

// No proof, for a copy that is out of date may have answered. nullopt: the document is not there.
std::optional<Stored> found_document(const std::string &name, const Json &hit);

}  // namespace essequence::sidecar::elasticsearch
