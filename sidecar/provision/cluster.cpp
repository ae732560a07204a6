#include "sidecar/provision/cluster.hpp"

#include <algorithm>
#include <chrono>

namespace essequence::sidecar::provision {
namespace {

// What changes the cluster's state waits for all of its nodes: longer than any request for ids.
ElasticsearchConfig patient(ElasticsearchConfig config) {
  config.request_timeout =
      std::max<std::chrono::nanoseconds>(config.request_timeout, std::chrono::seconds(30));
  return config;
}

}  // namespace

Cluster::Cluster(ElasticsearchConfig config)
    : config_(patient(std::move(config))), http_(config_, loop_), source_(config_, loop_) {}

Answer Cluster::ask(const std::string &method, const std::string &path, const Json &body,
                    Purpose purpose) {
  const elasticsearch::Request request{method, path, body.is_null() ? "" : body.dump()};
  return elasticsearch::read_answer(wait(http_.ask(request, purpose)));
}

Json Cluster::need(const std::string &action, const std::string &method, const std::string &path,
                   const Json &body, Purpose purpose) {
  Answer answer = ask(method, path, body, purpose);
  if (!answer.succeeded()) throw failed(action, answer);
  return std::move(answer.body);
}

std::runtime_error failed(const std::string &action, const Answer &answer) {
  return std::runtime_error("Elasticsearch at " + answer.host + ": " + action + ": " +
                            answer.cause);
}

}  // namespace essequence::sidecar::provision
