// Requests for one document or for many, and the answer that each of many got in a joint reply, as
// if it had been asked for alone: _mget for GET, _bulk for _update. What a 200 of _bulk hides
// (403, 404, 409, 429 of single items) shows there again.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sidecar/allocation/elasticsearch/answer.hpp"

namespace essequence::sidecar::elasticsearch {

struct Update {
  std::string name;
  Json condition;  // if_seq_no and if_primary_term, or retry_on_conflict
  Json body;       // {"doc": …} or {"script": …}
};

// Both REQUIRE at least one.
Request get_request(const std::string &index, const std::vector<std::string> &names);
// `parameters`: further ones, as "timeout=4s&require_alias=true".
Request update_request(const std::string &index, const std::vector<Update> &updates,
                       const std::string &parameters);

// `whole` is the answer to one of the above for `count` documents. Where it is no success, it is
// what each of them gets.
std::vector<Answer> answers_of_each(const Answer &whole, std::size_t count);

}  // namespace essequence::sidecar::elasticsearch
