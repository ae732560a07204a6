#include "sidecar/manual/command_pages.hpp"

#include "sidecar/manual/declared.hpp"
#include "sidecar/manual/roff.hpp"

namespace essequence::manual {
namespace {

// "-n, --count N"
std::string tag_of(const CLI::Option &option) {
  const std::string tag = joined(names_of(option), ", ");
  return takes_value(option) ? tag + " " + option.get_type_name() : tag;
}

std::string text_of(const CLI::Option &option) {
  std::string text = option.get_description();
  const std::string otherwise = option.get_default_str();
  if (!otherwise.empty()) text += " (default " + otherwise + ")";
  if (!option.get_envname().empty()) text += "; also $" + option.get_envname();
  return text;
}

}  // namespace

std::string options_of(const CLI::App &app) {
  std::string page;
  for (const CLI::Option *option : app.get_options()) {
    if (option->nonpositional() && option != app.get_help_ptr()) {
      page += tagged(tag_of(*option), text_of(*option));
    }
  }
  return page;
}

std::string verbs_of(const CLI::App &app) {
  std::string page;
  for (const CLI::App *verb : verbs_in(app)) {
    std::string synopsis = verb->get_name(), options = options_of(*verb), arguments;
    for (const CLI::Option *option : verb->get_options()) {
      if (option->nonpositional()) continue;
      const std::string name = option->get_name(true);
      synopsis += option->get_required() ? " " + name : " [" + name + "]";
      if (name != "NAME") arguments += tagged(name, option->get_description());
    }
    page += subsection(synopsis) + plain(verb->get_description()) + "\n" + arguments + options;
  }
  return page;
}

}  // namespace essequence::manual
