// The cluster as an administrator's command meets it: one request after another, each waited for,
// through the same client that the sidecar uses.
#pragma once

#include <utility>  // Boost 1.74's awaitable.hpp uses std::exchange without including it.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "sidecar/allocation/elasticsearch/answer.hpp"
#include "sidecar/allocation/elasticsearch/elasticsearch_source.hpp"
#include "sidecar/allocation/elasticsearch/http.hpp"

namespace essequence::sidecar::provision {

using elasticsearch::Answer;
using elasticsearch::Json;
using elasticsearch::Purpose;

class Cluster {
 public:
  // Connects to nothing yet. Throws ConfigError.
  explicit Cluster(ElasticsearchConfig config);

  // The index or alias that is meant.
  const std::string &index() const { return config_.index; }

  // The answer, whatever it is. `path` is percent-encoded. A GET, or what changes nothing, may be
  // asked of several hosts.
  Answer ask(const std::string &method, const std::string &path, const Json &body = Json(),
             Purpose purpose = Purpose::read);

  // The body of an answer that has to be a success. Throws std::runtime_error with `action`, the
  // cause and the way out.
  Json need(const std::string &action, const std::string &method, const std::string &path,
            const Json &body = Json(), Purpose purpose = Purpose::read);

  // The index as a source of ids: what the sidecar itself would do to it.
  Source &source() { return source_; }

  // Waits for one of the source's calls. Throws what it throws.
  template <class T>
  T wait(awaitable<T> call) {
    auto result = boost::asio::co_spawn(loop_, std::move(call), boost::asio::use_future);
    loop_.restart();
    loop_.run();
    return result.get();
  }

 private:
  ElasticsearchConfig config_;
  boost::asio::io_context loop_;
  elasticsearch::Http http_;
  ElasticsearchSource source_;
};

// The error for an answer that is not what `action` needed.
std::runtime_error failed(const std::string &action, const Answer &answer);

}  // namespace essequence::sidecar::provision
