// What bash is to know to complete a command line. Each is a word list or the branches of a `case`.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace essequence::manual {

// "--runtime-dir --json status list …": what may stand first.
std::string first_words(const CLI::App &app);

// "create) words='--start …' ;;": what may follow each verb.
std::string words_of_verbs(const CLI::App &app);

// "--order) words='host cluster' ;;": what may follow an option that takes a value.
std::string words_of_values(const CLI::App &app);

// "status|list": all verbs, or those that take the NAME of a sequence first.
std::string verbs(const CLI::App &app);
std::string verbs_with_name(const CLI::App &app);

}  // namespace essequence::manual
