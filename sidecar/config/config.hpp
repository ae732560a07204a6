// The sidecar's configuration. Command line beats environment (ESSEQUENCE_*) beats file beats
// default; every option is declared once, in options.cpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "sidecar/allocation/standing.hpp"

namespace essequence::sidecar {

// [defaults], and [sequence.NAME] where a key stands there.
struct SequenceConfig {
  bool auto_create = true;
  std::chrono::nanoseconds cover = std::chrono::seconds(30);
  std::uint64_t min_block = 10;
  std::uint64_t max_block = 16777216;
  Progression progression;
};

struct ElasticsearchConfig {
  std::vector<std::string> hosts;
  std::string index = "essequence";
  bool create = true;
  std::string allocation = "auto";  // auto | cas | script
  std::string username, password_file, api_key_file;
  std::string ca_file, cert_file, key_file, ca_fingerprint;
  std::chrono::nanoseconds request_timeout = std::chrono::seconds(5);
  std::chrono::nanoseconds epoch_poll = std::chrono::seconds(5);
  friend bool operator==(const ElasticsearchConfig &, const ElasticsearchConfig &) = default;
};

enum class ResetRight { admin, group, never };

struct ControlConfig {
  std::string admin_group = "essequence-admin";
  ResetRight reset = ResetRight::admin;
  std::uint32_t max_sequences = 10000;
};

struct Config {
  std::string source = "elasticsearch";
  std::string runtime_dir = "/run/essequence";
  std::string state_dir = "/var/lib/essequence";
  std::string listen;
  std::string log_level = "info";
  ElasticsearchConfig elasticsearch;
  ControlConfig control;
  SequenceConfig defaults;
  std::map<std::string, SequenceConfig> sequences;

  // [sequence.NAME] over [defaults].
  const SequenceConfig &of(const std::string &name) const {
    const auto found = sequences.find(name);
    return found == sequences.end() ? defaults : found->second;
  }
};

// what() names the field, the value and the accepted range. Exit status 78.
class ConfigError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace essequence::sidecar
