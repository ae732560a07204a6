// The keys of the configuration file, as the manual tells them.
#pragma once

#include <string>

namespace essequence::manual {

std::string keys();

}  // namespace essequence::manual
