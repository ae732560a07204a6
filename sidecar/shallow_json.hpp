// JSON from a peer. nlohmann's parser takes any depth, but to copy or to print what it made takes a
// stack as deep: a reply of a few hundred kilobytes of '[' would end the process.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace essequence::sidecar {

// Deeper than the causes of causes in an error of Elasticsearch.
constexpr int kDeepestJson = 100;

// Discarded where `text` is no JSON, or nests deeper than kDeepestJson.
inline nlohmann::json parse_shallow_json(const std::string &text) {
  using nlohmann::json;
  bool deep = false;
  const json::parser_callback_t look = [&](int depth, json::parse_event_t, json &) {
    deep = deep || depth > kDeepestJson;
    return !deep;
  };
  json parsed = json::parse(text, look, false);
  if (deep) return json(json::value_t::discarded);
  return parsed;
}

}  // namespace essequence::sidecar
