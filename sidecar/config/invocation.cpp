#include "sidecar/config/invocation.hpp"

#include <sys/stat.h>

#include <cerrno>

#include "sidecar/config/checks.hpp"
#include "sidecar/config/command_line.hpp"
#include "sidecar/config/config_file.hpp"
#include "sidecar/config/options.hpp"

namespace essequence::sidecar {
namespace {

constexpr const char *kFileVariable = "ESSEQUENCE_CONFIG";

void apply_environment(const std::map<std::string, std::string> &environment, Config &config) {
  std::map<std::string, const Option<Config> *> known;
  std::vector<std::string> names = {kFileVariable};
  for (const Option<Config> &option : options()) {
    names.push_back(environment_name(option.key));
    known[names.back()] = &option;
  }
  for (const auto &[name, value] : environment) {
    const bool ours = name.starts_with("ESSEQUENCE_") && !name.starts_with("ESSEQUENCE_TEST_");
    if (!ours || name == kFileVariable) continue;
    const auto found = known.find(name);
    if (found == known.end()) {
      throw ConfigError("environment: unknown variable " + name + "; the nearest known one is " +
                        nearest(name, names));
    }
    set_option(*found->second, config, value, "environment", name);
  }
}

void apply_flags(const std::list<Flag> &flags, Config &config) {
  std::string source;
  bool hosts = false;
  for (const Flag &flag : flags) {
    if (flag.parsed->count() == 0) continue;
    if (!flag.option.set(config, flag.value)) {
      throw UsageError(flag.option.flag + " is \"" + flag.value +
                       "\"; accepted: " + flag.option.accepts);
    }
    if (flag.option.key == "source") source = flag.value;
    if (flag.option.key == "elasticsearch.hosts") hosts = true;
  }
  if (hosts && source == "local") {
    throw UsageError("--elasticsearch and --source local contradict each other: leave one out");
  }
  if (hosts) config.source = "elasticsearch";
}

bool is_absent(const std::string &path) {
  struct stat status {};
  return stat(path.c_str(), &status) != 0 && errno == ENOENT;
}

}  // namespace

Invocation parse_invocation(int argc, const char *const *argv,
                            const std::map<std::string, std::string> &environment) {
  Invocation invocation;
  CommandLine line(invocation);
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::CallForHelp &) {
    invocation.help = true;
    invocation.help_text = line.app.help();
  } catch (const CLI::ParseError &error) {
    throw UsageError(std::string(error.what()) + " (see --help)");
  }
  if (invocation.help || invocation.version) return invocation;

  bool named = line.file->count() > 0;
  if (const auto variable = environment.find(kFileVariable);
      !named && variable != environment.end()) {
    invocation.config_path = variable->second;
    named = true;
  }
  if (!named) invocation.config_path = kDefaultFile;
  Config &config = invocation.config;
  std::vector<SequenceSetting> sequences;
  if (named || !is_absent(kDefaultFile)) {
    sequences = read_config_file(invocation.config_path, config);
  }
  apply_environment(environment, config);
  apply_flags(line.flags, config);
  apply_sequence_settings(sequences, config);
  check_config(config);
  return invocation;
}

}  // namespace essequence::sidecar
