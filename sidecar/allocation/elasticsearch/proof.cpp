#include "sidecar/allocation/elasticsearch/proof.hpp"

namespace essequence::sidecar::elasticsearch {

void require_result(const Json &reply, const char *expected) {
  const auto result = text_field(reply, "result");
  if (result != expected) {
    throw Malformed("the result is \"" + result + "\", not \"" + expected + "\"");
  }
}

Stored proven_update(const std::string &name, const Json &reply, const Json &fields) {
  require_result(reply, "updated");
  const Json &echo = field(reply, "get");
  if (field(echo, "found") != true) throw Malformed("the document was not found after the update");
  const Json &source = field(echo, "_source");
  if (!echoes(source, fields)) throw Malformed("the reply echoes other values than were written");
  return stored_of(name, reply, source);
}

Stored proven_creation(const std::string &name, const Json &reply, const Standing &standing) {
  require_result(reply, "created");
  require_id(reply, name);
  Stored stored{standing, version_of(reply)};
  stored.standing.index = text_field(reply, "_index");
  return stored;
}

std::optional<Stored> found_document(const std::string &name, const Json &hit) {
  if (field(hit, "found") != true) {
    require_id(hit, name);
    return std::nullopt;
  }
  return stored_of(name, hit, field(hit, "_source"));
}

}  // namespace essequence::sidecar::elasticsearch
