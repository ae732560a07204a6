#include "sidecar/provision/differences.hpp"

#include "sidecar/allocation/elasticsearch/document.hpp"

namespace essequence::sidecar::provision {
namespace {

using elasticsearch::Json;

constexpr const char *kMove =
    "; provision another index, and move the sequences with essequencectl export and import";

std::string shown(const Json &object, const std::string &key) {
  const auto found = object.find(key);
  if (found == object.end()) return "nothing";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

Json part(const Json &object, const char *key) {
  const Json found = object.is_object() ? object.value(key, Json()) : Json();
  return found.is_object() ? found : Json::object();
}

}  // namespace

std::vector<std::string> differences(const std::string &index, const Json &description) {
  std::vector<std::string> found;
  const std::string here = "index " + index + ": ";
  const Json settings = part(description, "settings");
  if (shown(settings, "index.translog.durability") == "async") {
    found.push_back(here +
                    "index.translog.durability is async, so that a crash can lose blocks that were "
                    "granted: set it to request");
  }
  if (shown(settings, "index.number_of_shards") != "1") {
    found.push_back(here + "it has " + shown(settings, "index.number_of_shards") +
                    " shards, which fail one by one; one will do" + kMove);
  }
  const Json mappings = part(description, "mappings");
  if (shown(mappings, "dynamic") != "strict") {
    found.push_back(here + "its mapping takes any field (dynamic is " + shown(mappings, "dynamic") +
                    "): set dynamic to strict");
  }
  const Json fields = part(mappings, "properties");
  const Json ours = elasticsearch::mapping();
  for (const auto &[name, wanted] : ours["properties"].items()) {
    const std::string is = shown(part(fields, name.c_str()), "type"), must = wanted["type"];
    if (is != must) found.push_back(here + "field " + name + " is " + is + ", not " + must + kMove);
  }
  return found;
}

}  // namespace essequence::sidecar::provision
