// The verbs that talk to Elasticsearch themselves, with an administrator's credentials: no sidecar
// has the rights for what they do, nor needs to run.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <iostream>

#include "sidecar/config/checks.hpp"
#include "sidecar/config/config_file.hpp"
#include "sidecar/ctl/outcome.hpp"
#include "sidecar/ctl/sidecar_request.hpp"
#include "sidecar/ctl/verbs.hpp"
#include "sidecar/provision/move.hpp"
#include "sidecar/provision/provision.hpp"
#include "sidecar/provision/take_over.hpp"

namespace essequence::ctl {
namespace {

using namespace sidecar;

// What was typed, over what stands in the file. Whoever names a user of their own is not the
// sidecar's, and an authority replaces the other way to name one.
ElasticsearchConfig cluster_of(const Arguments &typed) {
  Config config;
  try {
    if (!typed.config_file.empty()) read_config_file(typed.config_file, config);
    config.source = "elasticsearch";
    auto &cluster = config.elasticsearch;
    for (const auto &[option, value] : typed.settings) {
      const std::string &key = option->key;
      if (key == "elasticsearch.username" || key == "elasticsearch.api_key_file" ||
          key == "elasticsearch.cert_file") {
        cluster.username = cluster.password_file = cluster.api_key_file = "";
        cluster.cert_file = cluster.key_file = "";
      }
      if (key.starts_with("elasticsearch.ca_")) cluster.ca_file = cluster.ca_fingerprint = "";
    }
    for (const auto &[option, value] : typed.settings) option->set(config, value);
    if (cluster.hosts.empty()) {
      throw Stop(Exit::usage, "name the cluster: --elasticsearch URL, or --config FILE");
    }
    check_config(config);
  } catch (const ConfigError &error) {
    throw Stop(Exit::usage, error.what());
  }
  return config.elasticsearch;
}

// Its warnings; stdout is for what was asked for.
void let_the_client_warn() {
  const auto logger = spdlog::stderr_logger_st("essequencectl");
  logger->set_pattern("%n: %v");
  spdlog::set_default_logger(logger);
}

Json as_json(const std::vector<provision::Step> &steps, const char *key) {
  Json list = Json::array();
  for (const auto &[thing, outcome] : steps) list.push_back({{key, thing}, {"outcome", outcome}});
  return list;
}

std::string as_text(const std::vector<provision::Step> &steps) {
  std::string text;
  for (const auto &[thing, outcome] : steps) text += thing + ": " + outcome + "\n";
  return text;
}

// The end of a command that did what it could.
void tell_problems(const std::vector<std::string> &problems) {
  if (problems.empty()) return;
  std::string words;
  for (const std::string &problem : problems) words += (words.empty() ? "" : "\n  ") + problem;
  throw Stop(Exit::failed, words);
}

}  // namespace

void provision(const Arguments &typed) {
  let_the_client_warn();
  const ElasticsearchConfig cluster = cluster_of(typed);
  const provision::Provisioned made = provision::provision(cluster, typed.role);
  std::vector<std::string> problems = made.problems;
  provision::TakenOver taken;
  if (!typed.ancestor.empty() && problems.empty()) {
    taken = provision::take_over(cluster, typed.ancestor);
  } else if (!typed.ancestor.empty()) {
    problems.push_back("\"" + typed.ancestor + "\" is not taken over before this is mended");
  }
  problems.insert(problems.end(), taken.problems.begin(), taken.problems.end());
  if (typed.json) {
    const Json told = {{"steps", as_json(made.steps, "thing")},
                       {"role", Json(made.role)},
                       {"sequences", as_json(taken.sequences, "name")},
                       {"problems", problems}};
    print(told.dump() + "\n");
  } else {
    print(as_text(made.steps) + "the role of the sidecars:\n" + made.role.dump(2) + "\n" +
          as_text(taken.sequences));
  }
  tell_problems(problems);
}

void export_all(const Arguments &typed) {
  let_the_client_warn();
  if (typed.state_dir.empty()) return provision::export_index(cluster_of(typed), print);
  provision::export_local_store(typed.state_dir, print);
}

void import_all(const Arguments &typed) {
  let_the_client_warn();
  const ElasticsearchConfig cluster = cluster_of(typed);
  std::ifstream file(typed.file);
  if (!typed.file.empty() && !file) throw Stop(Exit::failed, typed.file + ": cannot be read");
  const provision::Imported imported =
      provision::import_sequences(cluster, typed.file.empty() ? std::cin : file);
  if (typed.json) {
    const Json told = {{"sequences", as_json(imported.sequences, "name")},
                       {"problems", imported.problems}};
    print(told.dump() + "\n");
  } else {
    print(as_text(imported.sequences));
  }
  tell_problems(imported.problems);
}

}  // namespace essequence::ctl
