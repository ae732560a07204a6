// How a command ends that takes ids as any other client of the library does, and gets none.
#pragma once

#include <essequence/essequence.h>

#include <string>

#include "sidecar/ctl/outcome.hpp"
#include "sidecar/ctl/verbs.hpp"

namespace essequence::ctl {

// `words`: as essequence_last_error() gives them, or an Error.
Stop client_failure(essequence_status status, const std::string &words, const Arguments &typed);

}  // namespace essequence::ctl
