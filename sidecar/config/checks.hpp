// What must hold between settings, once all of them are known.
#pragma once

#include "sidecar/config/config.hpp"

namespace essequence::sidecar {

// Throws ConfigError.
void check_config(const Config &config);

}  // namespace essequence::sidecar
