// What a program's command line declares, in the words that are typed.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace essequence::manual {

inline std::vector<const CLI::App *> verbs_in(const CLI::App &app) {
  return app.get_subcommands([](const CLI::App *) { return true; });
}

// "-n", "--count"
inline std::vector<std::string> names_of(const CLI::Option &option) {
  std::vector<std::string> names;
  for (const std::string &name : option.get_snames()) names.push_back("-" + name);
  for (const std::string &name : option.get_lnames()) names.push_back("--" + name);
  return names;
}

inline bool takes_value(const CLI::Option &option) { return option.get_items_expected_max() > 0; }

inline std::string joined(const std::vector<std::string> &words, const std::string &between) {
  std::string all;
  for (const std::string &word : words) all += (all.empty() ? "" : between) + word;
  return all;
}

}  // namespace essequence::manual
