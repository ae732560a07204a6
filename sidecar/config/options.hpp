// Every option, declared once: its key in the file, its flag, what it accepts, its help. The
// environment (ESSEQUENCE_ and the key in capitals, '_' for '.'), --print-config, --help, the man
// pages and the messages come from here.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sidecar/config/config.hpp"

namespace essequence::sidecar {

enum class ValueKind { text, integer, boolean, list };

// The value of an option is parsed from one form of text, wherever it comes from.
template <class Settings>
struct Option {
  std::string key;   // dotted: "elasticsearch.hosts"
  std::string flag;  // of the command line; empty: none
  ValueKind kind;    // how the file writes it
  std::string accepts;
  std::string help;
  std::function<bool(Settings &, const std::string &)> set;  // false: not accepted
  std::function<std::string(const Settings &)> get;
};

// All but those of [sequence.NAME], which are the keys of [defaults] without "defaults.".
const std::vector<Option<Config>> &options();
const std::vector<Option<SequenceConfig>> &sequence_options();

// "ESSEQUENCE_ELASTICSEARCH_HOSTS" for "elasticsearch.hosts".
std::string environment_name(const std::string &key);

// What stands for its value in a synopsis: "FILE" for "elasticsearch.ca_file", or "cas|script".
std::string value_name(const Option<Config> &option);

// The one of `known`, which is not empty, that `key` was most likely meant to be.
std::string nearest(const std::string &key, const std::vector<std::string> &known);

// `option`, which was named as `key` at `where`, is set to `text`, or ConfigError.
template <class Settings>
void set_option(const Option<Settings> &option, Settings &settings, const std::string &text,
                const std::string &where, const std::string &key) {
  if (option.set(settings, text)) return;
  throw ConfigError(where + ": " + key + " is \"" + text + "\"; accepted: " + option.accepts);
}

}  // namespace essequence::sidecar
