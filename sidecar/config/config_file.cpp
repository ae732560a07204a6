#include "sidecar/config/config_file.hpp"

#include <toml++/toml.h>

#include "shmclient/src/name.hpp"
#include "sidecar/config/options.hpp"
#include "sidecar/config/values.hpp"

namespace essequence::sidecar {
namespace {

std::string place_of(const std::string &path, const toml::node &node) {
  return path + ":" + std::to_string(node.source().begin.line);
}

// A value as the one text form that options parse. ConfigError where the file has another type.
std::string text_of(const toml::node &node, ValueKind kind, const std::string &where,
                    const std::string &key, const std::string &accepts) {
  switch (kind) {
    case ValueKind::text:
      if (const auto *text = node.as_string()) return text->get();
      break;
    case ValueKind::integer:
      if (const auto *number = node.as_integer()) return std::to_string(number->get());
      break;
    case ValueKind::boolean:
      if (const auto *truth = node.as_boolean()) return truth->get() ? "true" : "false";
      break;
    case ValueKind::list: {
      const toml::array *array = node.as_array();
      if (array == nullptr || !(array->empty() || array->is_homogeneous<std::string>())) break;
      std::vector<std::string> items;
      for (const toml::node &item : *array) items.push_back(item.as_string()->get());
      return joined_list(items);
    }
  }
  throw ConfigError(where + ": " + key + " has the wrong type; accepted: " + accepts);
}

template <class Settings>
std::vector<std::string> keys_of(const std::vector<Option<Settings>> &table,
                                 const std::string &prefix) {
  std::vector<std::string> keys;
  for (const auto &option : table) keys.push_back(prefix + option.key);
  return keys;
}

template <class Settings>
const Option<Settings> &find_option(const std::vector<Option<Settings>> &table,
                                    const std::string &key, const std::string &prefix,
                                    const std::string &where) {
  for (const auto &option : table) {
    if (option.key == key) return option;
  }
  throw ConfigError(where + ": " + unknown_key(prefix + key, keys_of(table, prefix)));
}

// [elasticsearch] and [control], and what stands before any table.
void read_table(const toml::table &table, const std::string &prefix, const std::string &path,
                Config &config) {
  for (const auto &[name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    const std::string where = place_of(path, node);
    const Option<Config> &option = find_option(options(), key, "", where);
    set_option(option, config, text_of(node, option.kind, where, key, option.accepts), where, key);
  }
}

}  // namespace

std::vector<SequenceSetting> read_config_file(const std::string &path, Config &config) {
  toml::table file;
  try {
    file = toml::parse_file(path);
  } catch (const toml::parse_error &error) {
    const auto line = error.source().begin.line;
    throw ConfigError(path + (line > 0 ? ":" + std::to_string(line) : "") + ": " +
                      std::string(error.description()));
  }
  std::vector<SequenceSetting> settings;
  toml::table top;
  for (const auto &[name, node] : file) {
    const std::string key(name.str());
    const std::string where = place_of(path, node);
    const toml::table *const table = node.as_table();
    if (table == nullptr) {
      top.insert(key, node);
    } else if (key == "elasticsearch" || key == "control") {
      read_table(*table, key + ".", path, config);
    } else if (key == "defaults") {
      for (const auto &[inner, value] : *table) {
        const std::string place = place_of(path, value);
        const auto &option =
            find_option(sequence_options(), std::string(inner.str()), "defaults.", place);
        set_option(option, config.defaults,
                   text_of(value, option.kind, place, "defaults." + option.key, option.accepts),
                   place, "defaults." + option.key);
      }
    } else if (key == "sequence") {
      for (const auto &[sequence, value] : *table) {
        const std::string sequence_name(sequence.str());
        const std::string place = place_of(path, value);
        const std::string problem = shm::name_problem(sequence_name);
        if (!problem.empty()) throw ConfigError(place + ": [sequence." + sequence_name + "]: " + problem);
        if (value.as_table() == nullptr) {
          throw ConfigError(place + ": sequence." + sequence_name + " is not a table: write [sequence." +
                            sequence_name + "]");
        }
        const std::string prefix = "sequence." + sequence_name + ".";
        for (const auto &[inner, setting] : *value.as_table()) {
          const std::string line = place_of(path, setting);
          const auto &option =
              find_option(sequence_options(), std::string(inner.str()), prefix, line);
          settings.push_back(
              {sequence_name, option.key,
               text_of(setting, option.kind, line, prefix + option.key, option.accepts), line});
        }
      }
    } else {
      throw ConfigError(where + ": " +
                        unknown_key("[" + key + "]", {"[elasticsearch]", "[control]", "[defaults]",
                                                      "[sequence.NAME]"}));
    }
  }
  read_table(top, "", path, config);
  return settings;
}

void apply_sequence_settings(const std::vector<SequenceSetting> &settings, Config &config) {
  for (const SequenceSetting &setting : settings) {
    SequenceConfig &sequence = config.sequences.try_emplace(setting.name, config.defaults).first->second;
    const auto &option = find_option(sequence_options(), setting.key, "", setting.where);
    set_option(option, sequence, setting.value, setting.where,
               "sequence." + setting.name + "." + setting.key);
  }
}

}  // namespace essequence::sidecar
