#include "sidecar/config/checks.hpp"

#include <algorithm>

#include "sidecar/config/values.hpp"

namespace essequence::sidecar {
namespace {

void require(bool holds, const std::string &words) {
  if (!holds) throw ConfigError(words);
}

void check_absolute(const std::string &path, const std::string &key) {
  require(path.empty() || path.front() == '/', key + " is \"" + path + "\"; accepted: an absolute path");
}

bool is_port(const std::string &text) {
  const auto port = parse_integer(text);
  return port && *port >= 1 && *port <= 65535;
}

// http(s)://host[:port], with nothing before or after it: credentials in a URL end up in logs.
void check_host(const std::string &url) {
  const std::string wrong = "elasticsearch.hosts holds \"" + url +
                            "\"; accepted: http://HOST[:PORT] or https://HOST[:PORT], without path or "
                            "credentials (those go into password_file or api_key_file)";
  const std::size_t scheme = url.rfind("https://", 0) == 0 ? 8 : url.rfind("http://", 0) == 0 ? 7 : 0;
  require(scheme > 0, wrong);
  const std::string place = url.substr(scheme);
  const bool bracketed = !place.empty() && place.front() == '[';
  const std::size_t host_end = bracketed ? place.find(']') + 1 : std::min(place.find(':'), place.size());
  require(host_end > 0 && place.find_first_of("/@?# ") == std::string::npos, wrong);
  require(host_end == place.size() || (place[host_end] == ':' && is_port(place.substr(host_end + 1))),
          wrong);
}

void check_sequence(const SequenceConfig &sequence, const std::string &table) {
  require(sequence.min_block <= sequence.max_block,
          table + ".min_block is " + std::to_string(sequence.min_block) + ", above max_block " +
              std::to_string(sequence.max_block));
  require(sequence.progression.start <= sequence.progression.max,
          table + ".start is " + std::to_string(sequence.progression.start) + ", above max " +
              std::to_string(sequence.progression.max));
}

}  // namespace

void check_config(const Config &config) {
  check_absolute(config.runtime_dir, "runtime_dir");
  check_absolute(config.state_dir, "state_dir");
  require(config.runtime_dir != config.state_dir,
          "runtime_dir and state_dir are both " + config.runtime_dir + "; the state must outlive a reboot");
  const std::size_t colon = config.listen.rfind(':');
  require(config.listen.empty() || (colon != std::string::npos && colon > 0 &&
                                    is_port(config.listen.substr(colon + 1))),
          "listen is \"" + config.listen + "\"; accepted: ADDR:PORT, or empty");

  const ElasticsearchConfig &es = config.elasticsearch;
  require(config.source != "elasticsearch" || !es.hosts.empty(),
          "elasticsearch.hosts is empty, and source is \"elasticsearch\": name its nodes, for example "
          "--elasticsearch http://127.0.0.1:9200, or choose source \"local\"");
  for (const std::string &host : es.hosts) check_host(host);
  require(es.index.find_first_of("\\/*?\"<>| ,#:") == std::string::npos && es.index.front() != '_' &&
              es.index.front() != '-' && es.index.front() != '+' && es.index.size() <= 200 &&
              std::none_of(es.index.begin(), es.index.end(), [](char c) { return c >= 'A' && c <= 'Z'; }),
          "elasticsearch.index is \"" + es.index +
              "\"; accepted: a name that Elasticsearch allows (lower case, none of \\/*?\"<>| ,#:, not "
              "beginning with _, - or +)");
  require(es.username.empty() == es.password_file.empty(),
          "elasticsearch.username and elasticsearch.password_file go together; one of them is missing");
  require(es.api_key_file.empty() || es.username.empty(),
          "elasticsearch.api_key_file and elasticsearch.username exclude each other");
  require(es.cert_file.empty() == es.key_file.empty(),
          "elasticsearch.cert_file and elasticsearch.key_file go together; one of them is missing");

  check_sequence(config.defaults, "defaults");
  for (const auto &[name, sequence] : config.sequences) check_sequence(sequence, "sequence." + name);
}

}  // namespace essequence::sidecar
