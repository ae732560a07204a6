// Who the sidecar is to Elasticsearch. Secrets come from files alone.
//
// Thread rules: any thread may call.
#pragma once

#include <mutex>
#include <string>

#include "sidecar/config/config.hpp"

namespace essequence::sidecar::elasticsearch {

// Where the file `path` of the configuration is. A relative one is looked for in
// $CREDENTIALS_DIRECTORY where that is set: systemd lays the files of LoadCredential= there.
std::string credential_path(const std::string &path);

class Credentials {
 public:
  // Throws ConfigError that names the file, never what is in it.
  explicit Credentials(const ElasticsearchConfig &config);

  // The value of the Authorization header: ApiKey, Basic, or empty. Read anew from its file once
  // it was refused, as the secret may have been renewed there. Throws as the constructor.
  std::string authorization();
  void refused();

 private:
  const ElasticsearchConfig config_;
  std::mutex mutex_;
  std::string header_;
  bool refused_ = false;
};

}  // namespace essequence::sidecar::elasticsearch
