// How essequenced was called: command line over environment over file over defaults.
#pragma once

#include <map>
#include <stdexcept>
#include <string>

#include "sidecar/config/config.hpp"

namespace essequence::sidecar {

// The command line is wrong. Exit status 64.
class UsageError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Invocation {
  Config config;  // not read with help or version
  std::string config_path;
  bool check_config = false;
  bool print_config = false;
  bool help = false;
  bool version = false;
  std::string help_text;
};

// Reads everything anew, so that calling it again with the same arguments is a reload.
// Throws UsageError for the command line, ConfigError for the rest.
Invocation parse_invocation(int argc, const char *const *argv,
                            const std::map<std::string, std::string> &environment);

// As a file that reads back to the same. Holds no secrets, as only their files are configured.
std::string to_toml(const Config &config);

}  // namespace essequence::sidecar
