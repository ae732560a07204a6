// Fills in a page of the manual, or a completion: a line of the template on stdin that is @NAME@ or
// holds it is written with what the programs themselves declare.
#include <iostream>
#include <map>
#include <string>

#include "sidecar/config/command_line.hpp"
#include "sidecar/ctl/command_line.hpp"
#include "sidecar/manual/command_pages.hpp"
#include "sidecar/manual/completion.hpp"
#include "sidecar/manual/key_pages.hpp"

namespace {

using namespace essequence;

using Facts = std::map<std::string, std::string>;

Facts facts() {
  ctl::Arguments typed;
  ctl::Run chosen = nullptr;
  CLI::App control;
  ctl::declare_command_line(control, typed, chosen);
  sidecar::Invocation invocation;
  const sidecar::CommandLine daemon(invocation);
  return {
      {"@version@", ESSEQUENCE_VERSION_TEXT},
      {"@essequencectl-options@", manual::options_of(control)},
      {"@essequencectl-verbs@", manual::verbs_of(control)},
      {"@essequencectl-first-words@", manual::first_words(control)},
      {"@essequencectl-words-of-verbs@", manual::words_of_verbs(control)},
      {"@essequencectl-words-of-values@", manual::words_of_values(control)},
      {"@essequencectl-verb@", manual::verbs(control)},
      {"@essequencectl-verb-with-name@", manual::verbs_with_name(control)},
      {"@essequenced-options@", manual::options_of(daemon.app)},
      {"@essequenced-first-words@", manual::first_words(daemon.app)},
      {"@essequenced-words-of-values@", manual::words_of_values(daemon.app)},
      {"@keys@", manual::keys()},
  };
}

}  // namespace

int main() {
  const Facts known = facts();
  for (std::string line; std::getline(std::cin, line);) {
    for (const auto &[name, text] : known) {
      const std::size_t at = line.find(name);
      if (at != std::string::npos) line.replace(at, name.size(), text);
    }
    while (line.ends_with('\n')) line.pop_back();
    std::cout << line << '\n';
  }
  return std::cout.flush() ? 0 : 1;
}
