#include "sidecar/manual/key_pages.hpp"

#include "sidecar/config/options.hpp"
#include "sidecar/manual/roff.hpp"

namespace essequence::manual {

std::string keys() {
  const sidecar::Config defaults;
  std::string page, table;
  for (const auto &option : sidecar::options()) {
    const std::size_t dot = option.key.find('.');
    const std::string its_table = dot == std::string::npos ? "" : option.key.substr(0, dot);
    if (its_table != table) page += subsection("[" + its_table + "]");
    table = its_table;
    std::string text = option.help + ".\nAccepted: " + option.accepts + ".";
    const std::string otherwise = option.get(defaults);
    if (!otherwise.empty()) text += "\nDefault: " + otherwise + ".";
    text += "\nEnvironment: " + sidecar::environment_name(option.key) + ".";
    if (!option.flag.empty()) text += "\nCommand line: " + option.flag + ".";
    page += tagged(option.key.substr(dot + 1), text);
  }
  return page;
}

}  // namespace essequence::manual
