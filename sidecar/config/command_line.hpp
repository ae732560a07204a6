// The command line of essequenced, declared once: the program and its man page come from here.
#pragma once

#include <CLI/CLI.hpp>
#include <list>
#include <string>

#include "sidecar/config/invocation.hpp"
#include "sidecar/config/options.hpp"

namespace essequence::sidecar {

constexpr const char *kDefaultFile = "/etc/essequence/essequence.toml";

// A flag that is an option of the file too, and what was given for it.
struct Flag {
  const Option<Config> &option;
  CLI::Option *parsed;
  std::string value;
};

// What parsing finds goes into `invocation`, which outlives it, but for that of the flags.
struct CommandLine {
  explicit CommandLine(Invocation &invocation);
  CommandLine(const CommandLine &) = delete;
  CommandLine &operator=(const CommandLine &) = delete;

  CLI::App app;
  CLI::Option *file;
  std::list<Flag> flags;  // which stay where they are
};

}  // namespace essequence::sidecar
