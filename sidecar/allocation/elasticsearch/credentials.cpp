#include "sidecar/allocation/elasticsearch/credentials.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>

namespace essequence::sidecar::elasticsearch {
namespace {

std::string secret_of(const std::string &field, const std::string &configured) {
  const std::string path = credential_path(configured);
  std::ifstream file(path);
  std::string secret{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) throw ConfigError("elasticsearch." + field + ": cannot read \"" + path + "\"");
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  if (secret.empty() || std::any_of(secret.begin(), secret.end(), is_control)) {
    throw ConfigError("elasticsearch." + field + ": \"" + path +
                      "\" must hold the secret alone, on one line");
  }
  return secret;
}

std::string base64(const std::string &text) {
  std::string encoded((text.size() + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char *>(encoded.data()),
                                     reinterpret_cast<const unsigned char *>(text.data()),
                                     static_cast<int>(text.size()));
  encoded.resize(static_cast<std::size_t>(length));
  return encoded;
}

std::string header_of(const ElasticsearchConfig &config) {
  if (!config.api_key_file.empty()) {
    if (!config.username.empty()) {
      throw ConfigError("elasticsearch: set either api_key_file or username, not both");
    }
    return "ApiKey " + secret_of("api_key_file", config.api_key_file);
  }
  if (config.username.empty()) return "";
  if (config.password_file.empty()) {
    throw ConfigError("elasticsearch.username: \"" + config.username + "\" needs password_file");
  }
  return "Basic " +
         base64(config.username + ":" + secret_of("password_file", config.password_file));
}

}  // namespace

std::string credential_path(const std::string &path) {
  const char *directory = std::getenv("CREDENTIALS_DIRECTORY");
  const bool relative = !path.empty() && path.front() != '/';
  return directory && relative ? std::string(directory) + "/" + path : path;
}

Credentials::Credentials(const ElasticsearchConfig &config)
    : config_(config), header_(header_of(config)) {}

std::string Credentials::authorization() {
  const std::lock_guard lock(mutex_);
  if (refused_) header_ = header_of(config_);
  refused_ = false;
  return header_;
}

void Credentials::refused() {
  const std::lock_guard lock(mutex_);
  refused_ = true;
}

}  // namespace essequence::sidecar::elasticsearch
