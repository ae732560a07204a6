// What a command line takes, as the manual tells it.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace essequence::manual {

// The options of a program or of a verb, each with what it takes.
std::string options_of(const CLI::App &app);

// The verbs of a program, each with its options.
std::string verbs_of(const CLI::App &app);

}  // namespace essequence::manual
