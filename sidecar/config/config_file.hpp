// Reading the TOML file. Unknown keys and tables are errors.
#pragma once

#include <string>
#include <vector>

#include "sidecar/config/config.hpp"

namespace essequence::sidecar {

// A setting of [sequence.NAME], to be applied once [defaults] are complete.
struct SequenceSetting {
  std::string name;  // of the sequence
  std::string key;
  std::string value;
  std::string where;  // FILE:LINE
};

// Applies the file at `path` to `config`, but for what it returns. Throws ConfigError with
// FILE:LINE.
std::vector<SequenceSetting> read_config_file(const std::string &path, Config &config);

// Applies `settings` on top of config.defaults. Throws ConfigError.
void apply_sequence_settings(const std::vector<SequenceSetting> &settings, Config &config);

}  // namespace essequence::sidecar
