// essequencectl: the sidecar's command line.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "sidecar/ctl/command_line.hpp"
#include "sidecar/ctl/outcome.hpp"

namespace essequence::ctl {
namespace {

Exit run(int argc, char **argv) {
  Arguments typed;
  CLI::App app;
  Run chosen = nullptr;
  declare_command_line(app, typed, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? Exit::ok : Exit::usage;
  }
  chosen(typed);
  return Exit::ok;
}

}  // namespace
}  // namespace essequence::ctl

int main(int argc, char **argv) {
  using essequence::ctl::Exit;
  Exit exit = Exit::failed;
  try {
    exit = essequence::ctl::run(argc, argv);
  } catch (const essequence::ctl::Stop &stop) {
    std::fprintf(stderr, "essequencectl: %s\n", stop.what());
    exit = stop.exit();
  } catch (const std::exception &error) {
    std::fprintf(stderr, "essequencectl: %s\n", error.what());
  }
  return static_cast<int>(exit);
}
