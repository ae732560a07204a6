#include "sidecar/config/command_line.hpp"

namespace essequence::sidecar {
namespace {

std::string described(const Option<Config> &option) {
  const std::string otherwise = option.get(Config());
  return option.help + " (" + option.accepts +
         (otherwise.empty() ? ")" : "; default " + otherwise + ")");
}

std::string keys_of_the_file() {
  std::string text =
      "Keys of the file; [sequence.NAME] takes those of defaults. Each is a variable of the\n"
      "environment too, as ESSEQUENCE_ELASTICSEARCH_HOSTS or ESSEQUENCE_DEFAULTS_COVER:\n";
  for (const Option<Config> &option : options()) {
    text += "  " + option.key + "\n      " + described(option) + "\n";
  }
  return text;
}

}  // namespace

CommandLine::CommandLine(Invocation &invocation)
    : app("The sidecar: lays blocks of ids into a ring in shared memory.", "essequenced"),
      file(app.add_option("--config", invocation.config_path,
                          std::string("the file (default ") + kDefaultFile + ")")
               ->type_name("FILE")) {
  app.set_help_flag("-h,--help", "print this and exit");
  app.footer(keys_of_the_file);
  for (const Option<Config> &option : options()) {
    if (option.flag.empty()) continue;
    Flag &flag = flags.emplace_back(Flag{option, nullptr, ""});
    flag.parsed =
        app.add_option(option.flag, flag.value, option.help)->type_name(value_name(option));
  }
  app.add_flag("--check-config", invocation.check_config, "check the configuration and exit");
  app.add_flag("--print-config", invocation.print_config, "print the configuration and exit");
  app.add_flag("--version", invocation.version, "print the version and exit");
}

}  // namespace essequence::sidecar
