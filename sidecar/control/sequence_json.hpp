// The JSON of the control socket. Its field names are public and fixed.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "sidecar/journal/journal.hpp"
#include "sidecar/refill/refusal.hpp"
#include "sidecar/refill/supply.hpp"

namespace essequence::sidecar {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T> &value) {
  return value ? Json(*value) : Json(nullptr);
}

Json json_of(const SequenceStatus &status);
Json json_of(const JournalledBlock &block);
Json json_of(const Refusal &refusal);  // {"error":{"type","reason"},"status"}

// Words from elsewhere (Elasticsearch, SQLite) may be no valid UTF-8; JSON is, always.
std::string text_of(const Json &json);

// RFC 3339 in UTC, with milliseconds.
std::string rfc3339(std::int64_t unix_nanoseconds);

}  // namespace essequence::sidecar
