#include "sidecar/manual/completion.hpp"

#include <algorithm>
#include <map>
#include <vector>

#include "sidecar/manual/declared.hpp"

namespace essequence::manual {
namespace {

std::vector<std::string> options_in(const CLI::App &app) {
  std::vector<std::string> all;
  for (const CLI::Option *option : app.get_options()) {
    const std::vector<std::string> names = names_of(*option);
    if (option->nonpositional()) all.push_back(names.back());
  }
  return all;
}

// What an option takes, as commands that put it into `words`; its value's name tells.
std::string values_of(std::string type) {
  if (type == "FILE")
    return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$word\")";
  if (type == "DIR")
    return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$word\")";
  if (type.find('|') == std::string::npos) return ":";
  std::replace(type.begin(), type.end(), '|', ' ');
  return "mapfile -t COMPREPLY < <(compgen -W '" + type + "' -- \"$word\")";
}

void collect_values(const CLI::App &app, std::map<std::string, std::string> &options_with) {
  for (const CLI::Option *option : app.get_options()) {
    if (!option->nonpositional() || !takes_value(*option)) continue;
    for (const std::string &name : names_of(*option)) {
      options_with[name] = values_of(option->get_type_name());
    }
  }
}

}  // namespace

std::string first_words(const CLI::App &app) {
  std::vector<std::string> words = options_in(app);
  for (const CLI::App *verb : verbs_in(app)) words.push_back(verb->get_name());
  return joined(words, " ");
}

std::string words_of_verbs(const CLI::App &app) {
  std::string branches;
  for (const CLI::App *verb : verbs_in(app)) {
    branches += "    " + verb->get_name() + ") words='" + joined(options_in(*verb), " ") + "' ;;\n";
  }
  return branches;
}

std::string words_of_values(const CLI::App &app) {
  std::map<std::string, std::string> options_with;
  collect_values(app, options_with);
  for (const CLI::App *verb : verbs_in(app)) collect_values(*verb, options_with);
  std::string branches;
  for (const auto &[option, commands] : options_with) {
    branches += "    " + option + ") " + commands + "; return ;;\n";
  }
  return branches;
}

std::string verbs(const CLI::App &app) {
  std::vector<std::string> names;
  for (const CLI::App *verb : verbs_in(app)) names.push_back(verb->get_name());
  return joined(names, "|");
}

std::string verbs_with_name(const CLI::App &app) {
  std::vector<std::string> names;
  for (const CLI::App *verb : verbs_in(app)) {
    const CLI::Option *const name = verb->get_option_no_throw("NAME");
    if (name != nullptr) names.push_back(verb->get_name());
  }
  return joined(names, "|");
}

}  // namespace essequence::manual
