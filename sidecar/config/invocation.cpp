#include "sidecar/config/invocation.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <optional>

#include "sidecar/config/checks.hpp"
#include "sidecar/config/config_file.hpp"
#include "sidecar/config/options.hpp"

namespace essequence::sidecar {
namespace {

constexpr const char *kDefaultFile = "/etc/essequence/essequence.toml";

// Options that have a flag too; every one can be set in the file and the environment.
constexpr std::pair<const char *, const char *> kFlags[] = {
    {"--runtime-dir", "runtime_dir"},           {"--state-dir", "state_dir"},
    {"--source", "source"},                     {"--elasticsearch", "elasticsearch.hosts"},
    {"--index", "elasticsearch.index"},         {"--listen", "listen"},
    {"--log-level", "log_level"}};

const Option<Config> &option_of(const std::string &key) {
  return *std::find_if(options().begin(), options().end(),
                       [&](const auto &option) { return option.key == key; });
}

void apply_environment(const std::map<std::string, std::string> &environment, Config &config) {
  std::vector<std::string> known = {"ESSEQUENCE_CONFIG"};
  std::map<std::string, std::function<void(const std::string &)>> setters;
  for (const auto &option : options()) {
    const std::string name = environment_name(option.key);
    setters[name] = [&, name](const std::string &value) {
      set_option(option, config, value, "environment", name);
    };
  }
  for (const auto &option : sequence_options()) {
    const std::string name = environment_name("defaults." + option.key);
    setters[name] = [&, name](const std::string &value) {
      set_option(option, config.defaults, value, "environment", name);
    };
  }
  for (const auto &[name, setter] : setters) known.push_back(name);
  for (const auto &[name, value] : environment) {
    const bool ours = name.rfind("ESSEQUENCE_", 0) == 0 && name.rfind("ESSEQUENCE_TEST_", 0) != 0;
    if (!ours || name == "ESSEQUENCE_CONFIG") continue;
    const auto setter = setters.find(name);
    if (setter == setters.end()) throw ConfigError("environment: " + unknown_key(name, known));
    setter->second(value);
  }
}

}  // namespace

Invocation parse_invocation(int argc, const char *const *argv,
                            const std::map<std::string, std::string> &environment) {
  Invocation invocation;
  CLI::App app(
      "The sidecar of Essequence: refills blocks of ids into a ring in shared memory.\n"
      "Every option can stand in the file or in the environment (ESSEQUENCE_RUNTIME_DIR, "
      "ESSEQUENCE_ELASTICSEARCH_INDEX, …) too.",
      "essequenced");
  app.set_help_flag();
  app.add_flag("-h,--help", invocation.help, "print this and exit");
  app.add_flag("--version", invocation.version, "print the version and exit");
  app.add_flag("--check-config", invocation.check_config, "check the configuration and exit");
  app.add_flag("--print-config", invocation.print_config, "print the configuration and exit");
  std::string path;
  app.add_option("--config", path, std::string("configuration file; default ") + kDefaultFile);
  std::map<std::string, std::string> given;
  std::vector<std::pair<CLI::Option *, std::string>> flags;
  for (const auto &[flag, key] : kFlags) {
    const Option<Config> &option = option_of(key);
    flags.emplace_back(app.add_option(flag, given[key], option.help + ": " + option.accepts), key);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    throw UsageError(std::string(error.what()) + " (see --help)");
  }
  if (invocation.help) invocation.help_text = app.help();
  if (invocation.help || invocation.version) return invocation;

  const auto from_environment = environment.find("ESSEQUENCE_CONFIG");
  if (path.empty() && from_environment != environment.end()) path = from_environment->second;
  const bool named = !path.empty();
  if (!named) path = kDefaultFile;
  Config &config = invocation.config;
  std::vector<SequenceSetting> settings;
  const bool readable = std::ifstream(path).good();
  if (named || readable) settings = read_config_file(path, config);
  apply_environment(environment, config);
  for (const auto &[flag, key] : flags) {
    if (flag->count() == 0) continue;
    if (key == "elasticsearch.hosts" && given["source"].empty()) config.source = "elasticsearch";
    if (!option_of(key).set(config, given[key])) {
      throw UsageError(flag->get_name() + " is \"" + given[key] +
                       "\"; accepted: " + option_of(key).accepts);
    }
  }
  if (given["source"] == "local" && !given["elasticsearch.hosts"].empty()) {
    throw UsageError("--elasticsearch and --source local contradict each other");
  }
  apply_sequence_settings(settings, config);
  check_config(config);
  return invocation;
}

}  // namespace essequence::sidecar
