// The document of a sequence: JSON to Standing and back. What comes from the network is checked for
// type and range, field by field; ids are exact 64-bit integers.
#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "sidecar/allocation/source.hpp"

namespace essequence::sidecar::elasticsearch {

using Json = nlohmann::json;

// what() names the field, what it holds and what it must be.
class Malformed : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The index's mapping: strict, and nothing in it is ever searched.
Json mapping();

Json document_of(const std::string &name, const Standing &standing);
Json fields_of(const Change &change);

// Whether `source` holds every field of `fields` with exactly that value.
bool echoes(const Json &source, const Json &fields);

// A hit of a GET, an _mget or an _update: {"_index","_id","_seq_no","_primary_term"} and where
// `source` is the document's fields. All throw Malformed.
Version version_of(const Json &hit);
Stored stored_of(const std::string &name, const Json &hit, const Json &source);
// The fields alone; the index is not among them.
Standing standing_of(const std::string &name, const Json &source);
void require_id(const Json &hit, const std::string &name);

// Checked access for all who read replies.
const Json &field(const Json &object, const char *key);
std::string text_field(const Json &object, const char *key);
std::int64_t integer_field(const Json &object, const char *key, std::int64_t least);

}  // namespace essequence::sidecar::elasticsearch
