// What a request is aimed at: "/v1/sequences/a%20b/blocks?id=7" is the segments v1, sequences, "a
// b", blocks, and the parameter id = "7".
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace essequence::sidecar {

struct RequestTarget {
  std::vector<std::string> segments;  // split first, then percent-decoded, once
  std::map<std::string, std::string> parameters;
};

// Throws Refusal 400: no leading '/', a malformed percent-escape, a parameter given twice.
RequestTarget parse_target(std::string_view target);

}  // namespace essequence::sidecar
