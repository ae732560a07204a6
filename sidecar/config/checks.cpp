#include "sidecar/config/checks.hpp"

namespace essequence::sidecar {
namespace {

void require(bool holds, const std::string &words) {
  if (!holds) throw ConfigError(words);
}

void check_elasticsearch(const ElasticsearchConfig &config) {
  require(config.username.empty() == config.password_file.empty(),
          "elasticsearch.username and elasticsearch.password_file go together: set the other too");
  require(config.api_key_file.empty() || config.username.empty(),
          "elasticsearch.api_key_file and elasticsearch.username exclude each other: remove one");
  require(config.cert_file.empty() == config.key_file.empty(),
          "elasticsearch.cert_file and elasticsearch.key_file go together: set the other too");
  require(config.ca_file.empty() || config.ca_fingerprint.empty(),
          "elasticsearch.ca_file and elasticsearch.ca_fingerprint exclude each other: remove one");
}

void check_sequence(const SequenceConfig &config, const std::string &table) {
  const auto require_order = [&](const std::string &low, auto low_value, const std::string &high,
                                 auto high_value) {
    require(low_value <= high_value, table + "." + low + " is " + std::to_string(low_value) +
                                         "; accepted: at most " + high + ", which is " +
                                         std::to_string(high_value));
  };
  require_order("min_block", config.min_block, "max_block", config.max_block);
  require_order("start", config.progression.start, "max", config.progression.max);
}

}  // namespace

void check_config(const Config &config) {
  require(config.source != "elasticsearch" || !config.elasticsearch.hosts.empty(),
          "elasticsearch.hosts is empty, and source is \"elasticsearch\": name its nodes (for "
          "example --elasticsearch http://127.0.0.1:9200), or choose source \"local\"");
  require(config.runtime_dir != config.state_dir,
          "runtime_dir and state_dir are both " + config.runtime_dir +
              ": choose a state_dir on disk, as it must outlive a reboot");
  check_elasticsearch(config.elasticsearch);
  check_sequence(config.defaults, "defaults");
  for (const auto &[name, sequence] : config.sequences) {
    check_sequence(sequence, "sequence." + name);
  }
}

}  // namespace essequence::sidecar
