#include "sidecar/provision/exported.hpp"

#include <algorithm>

#include "shmclient/src/name.hpp"
#include "sidecar/allocation/elasticsearch/document.hpp"
#include "sidecar/allocation/identity.hpp"
#include "sidecar/refill/judgement.hpp"
#include "sidecar/shallow_json.hpp"

namespace essequence::sidecar::provision {

using namespace elasticsearch;

std::string to_line(const Exported &sequence) {
  Json document = document_of(sequence.name, sequence.standing);
  document["index"] = sequence.standing.index;
  return document.dump() + "\n";
}

Exported from_line(const std::string &line) {
  const Json document = parse_shallow_json(line);
  if (!document.is_object()) throw Malformed("it is not a JSON object");
  Exported sequence;
  sequence.name = text_field(document, "name");
  const std::string problem = shm::name_problem(sequence.name);
  if (!problem.empty()) throw Malformed(problem);
  sequence.standing = standing_of(sequence.name, document);
  sequence.standing.index = text_field(document, "index");
  return sequence;
}

Standing successor_of(const Standing &standing) {
  Standing successor = standing;
  successor.origin = random_identity();
  successor.iid = std::max(standing.iid, iid_for_above(standing.progression, standing.floor));
  for (const std::string &old : {standing.origin, standing.index}) {
    auto &replaces = successor.replaces;
    if (std::find(replaces.begin(), replaces.end(), old) == replaces.end()) {
      replaces.push_back(old);
    }
  }
  return successor;
}

}  // namespace essequence::sidecar::provision
