// The running sidecar: takes the locks, adopts the ring, and runs until it is told to stop.
#pragma once

#include <functional>

#include "sidecar/config/config.hpp"

namespace essequence::sidecar {

// Runs in the foreground until SIGTERM or SIGINT. `reread`: the configuration anew, for SIGHUP and
// POST /v1/reload. Throws ConfigError or RuntimeDirectoryError (exit 78), or what went wrong.
void run_daemon(Config config, const std::function<Config()> &reread);

}  // namespace essequence::sidecar
