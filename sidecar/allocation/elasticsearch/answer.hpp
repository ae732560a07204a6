// What Elasticsearch said: a reply read as network input, and what a failure means.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "sidecar/allocation/elasticsearch/http.hpp"
#include "sidecar/allocation/source.hpp"

namespace essequence::sidecar::elasticsearch {

using Json = nlohmann::json;

struct Answer {
  std::string host;
  int status = 0;                   // 0: no complete reply
  bool certainly_not_sent = false;  // where there is no reply
  bool sent_twice = false;          // the reply is to the second time
  Json body;                        // discarded unless it is complete, valid JSON
  std::string error_type;           // e.g. "index_not_found_exception"; empty: none
  std::string cause;                // in words, with the way out where it is known

  bool succeeded() const { return (status == 200 || status == 201) && body.is_object(); }
  bool absent_index() const { return status == 404 && error_type == "index_not_found_exception"; }
  // A document that is missing from an index that is there: an answer without any error.
  bool absent_document() const;
  // The flood-stage watermark was passed: writes are refused until there is room.
  bool full_disk() const;
  bool conflict() const { return status == 409 && !error_type.empty(); }
};

Answer read_answer(Heard heard);

// The words of an error object or string of Elasticsearch; puts its type into `type`.
std::string words_of_error(const Json &error, std::string &type);

// The cause of an answer: its status, the words of its error, and the way out where it is known.
std::string cause_of(int status, const std::string &words);

// What a failed call means to the sequence's owner. Certain is only what the server said itself
// before it acted (4xx), or what never reached it.
SourceError::Kind kind_of(const Answer &answer, Purpose purpose);

}  // namespace essequence::sidecar::elasticsearch
