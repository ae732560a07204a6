// GET /metrics: the Prometheus text format.
#pragma once

#include <string>

#include "sidecar/refill/supply.hpp"

namespace essequence::sidecar {

std::string metrics_text(const Supply &supply);

}  // namespace essequence::sidecar
