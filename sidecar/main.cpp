// essequenced: parses its invocation, and runs. Exit status: 0 clean, 64 usage, 78 configuration,
// 1 anything else.
#include <spdlog/spdlog.h>
#include <sysexits.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "sidecar/config/invocation.hpp"
#include "sidecar/daemon.hpp"
#include "sidecar/log_sink.hpp"
#include "sidecar/ring/ring_file.hpp"

namespace {

using namespace essequence::sidecar;

std::map<std::string, std::string> environment_variables() {
  std::map<std::string, std::string> variables;
  for (char **variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return variables;
}

void start_logging(const std::string &level) {
  spdlog::set_default_logger(make_logger());
  spdlog::set_level(spdlog::level::from_str(level));
}

int fail(int status, const char *words) {
  std::fprintf(stderr, "essequenced: %s\n", words);
  return status;
}

}  // namespace

int main(int argc, char **argv) {
  try {
    const auto environment = environment_variables();
    const auto read = [&] { return parse_invocation(argc, argv, environment); };
    const Invocation invocation = read();
    if (invocation.help) {
      std::fputs(invocation.help_text.c_str(), stdout);
    } else if (invocation.version) {
      std::puts("essequenced " ESSEQUENCE_VERSION_TEXT);
    } else if (invocation.print_config) {
      std::fputs(to_toml(invocation.config).c_str(), stdout);
    } else if (!invocation.check_config) {
      start_logging(invocation.config.log_level);
      run_daemon(invocation.config, [&] { return read().config; });
    }
    return EXIT_SUCCESS;
  } catch (const UsageError &error) {
    return fail(EX_USAGE, error.what());
  } catch (const ConfigError &error) {
    return fail(EX_CONFIG, error.what());
  } catch (const RuntimeDirectoryError &error) {
    return fail(EX_CONFIG, error.what());
  } catch (const std::exception &error) {
    return fail(EXIT_FAILURE, error.what());
  }
}
