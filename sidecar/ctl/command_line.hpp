// The command line, declared once: the verbs and their options. The program, its man page and the
// completion come from here; a new verb is a line of kVerbs in command_line.cpp.
#pragma once

#include "sidecar/ctl/verbs.hpp"

namespace CLI {
class App;
}

namespace essequence::ctl {

using Run = void (*)(const Arguments &);  // of a verb

// Declares on `app` what parsing then stores in `typed` and, which verb it was, in `chosen`. All
// three outlive the parsing.
void declare_command_line(CLI::App &app, Arguments &typed, Run &chosen);

}  // namespace essequence::ctl
