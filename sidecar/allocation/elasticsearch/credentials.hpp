// Who the sidecar is to Elasticsearch.
#pragma once

#include <string>

#include "sidecar/config/config.hpp"

namespace essequence::sidecar::elasticsearch {

// The value of the Authorization header: ApiKey, Basic, or empty. Secrets come from files alone.
// Throws ConfigError that names the file, never what is in it.
std::string authorization_header(const ElasticsearchConfig &config);

}  // namespace essequence::sidecar::elasticsearch
