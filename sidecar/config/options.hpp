// Every option, declared once: its key in the file, what it accepts, its help. The environment
// (ESSEQUENCE_ and the key in capitals, '.' as '_'), --print-config and the messages come from here.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sidecar/config/config.hpp"

namespace essequence::sidecar {

enum class ValueKind { text, integer, boolean, list };

template <class Settings>
struct Option {
  std::string key;  // dotted: "elasticsearch.hosts"
  ValueKind kind;   // how the file writes it
  std::string accepts;
  std::string help;
  std::function<bool(Settings &, const std::string &)> set;  // false: not accepted
  std::function<std::string(const Settings &)> get;
};

// All but [defaults] and [sequence.NAME], whose keys are the second table.
const std::vector<Option<Config>> &options();
const std::vector<Option<SequenceConfig>> &sequence_options();

// "ESSEQUENCE_ELASTICSEARCH_HOSTS" for "elasticsearch.hosts".
std::string environment_name(const std::string &key);

// `key` is unknown: says so, and which known one is meant if one is near.
std::string unknown_key(const std::string &key, const std::vector<std::string> &known);

// The value of `option` is set to `text`, or ConfigError: "WHERE: KEY is TEXT; accepted: …".
template <class Settings>
void set_option(const Option<Settings> &option, Settings &settings, const std::string &text,
                const std::string &where, const std::string &key) {
  if (option.set(settings, text)) return;
  throw ConfigError(where + ": " + key + " is \"" + text + "\"; accepted: " + option.accepts);
}

}  // namespace essequence::sidecar
