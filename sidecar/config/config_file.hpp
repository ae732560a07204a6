// Reading the TOML file. Unknown keys and tables are errors.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sidecar/config/config.hpp"

namespace essequence::sidecar {

// A setting of [sequence.NAME], applied once [defaults] are complete.
struct SequenceSetting {
  std::string name;   // of the sequence
  std::string key;
  std::string value;
  std::string where;  // FILE:LINE
};

// Applies the file at `path` to `config`. Throws ConfigError with FILE:LINE.
std::vector<SequenceSetting> read_config_file(const std::string &path, Config &config);

// Applies `settings` on top of config.defaults.
void apply_sequence_settings(const std::vector<SequenceSetting> &settings, Config &config);

}  // namespace essequence::sidecar
