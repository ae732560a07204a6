// Paths of requests, with every name percent-encoded.
#pragma once

#include <string>
#include <string_view>

namespace essequence::sidecar::elasticsearch {

// All but the unreserved characters of RFC 3986.
std::string percent_encoded(std::string_view text);

// "/INDEX/VERB/NAME", e.g. path_of("essequence", "_doc", "a b") is "/essequence/_doc/a%20b".
std::string path_of(std::string_view index, std::string_view verb, std::string_view name);

}  // namespace essequence::sidecar::elasticsearch
