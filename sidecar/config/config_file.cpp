#include "sidecar/config/config_file.hpp"

// toml++ 3.3 asks whether a character is white space, and calls it unreachable that one of U+00A1
// to U+0499 arrives there, as with "ü" outside of quotes. It is reached, and the answer is no.
//
// And it asserts that no "[=" comes, which the code behind the assertion answers with an error.
#define TOML_ASSERT(condition) static_cast<void>(0)
#include <toml++/impl/forward_declarations.h>
#pragma push_macro("TOML_UNREACHABLE")
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE return false
#include <toml++/impl/unicode.h>
#pragma pop_macro("TOML_UNREACHABLE")
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include "shmclient/src/name.hpp"
#include "sidecar/config/options.hpp"
#include "sidecar/config/values.hpp"

namespace essequence::sidecar {
namespace {

std::string contents_of(const std::string &path) {
  std::ifstream file(path);
  file.peek();  // opening a directory works, reading it does not
  if (!file.is_open() || file.bad()) {
    throw ConfigError(path + " cannot be read: " + std::generic_category().message(errno));
  }
  std::ostringstream contents;
  contents << file.rdbuf();
  return contents.str();
}

toml::table parse(const std::string &path) {
  try {
    return toml::parse(contents_of(path), path);
  } catch (const toml::parse_error &error) {
    throw ConfigError(path + ":" + std::to_string(error.source().begin.line) + ": " +
                      std::string(error.description()));
  }
}

std::string shown(const toml::node &node) {
  std::ostringstream text;
  node.visit([&](const auto &value) { text << value; });
  return text.str();
}

// The value in the one form of text that options parse; nullopt: the file has another type there.
std::optional<std::string> text_of(const toml::node &node, ValueKind kind) {
  switch (kind) {
    case ValueKind::text:
      return node.value_exact<std::string>();
    case ValueKind::integer:
      if (const auto number = node.value_exact<std::int64_t>()) return std::to_string(*number);
      break;
    case ValueKind::boolean:
      if (const auto truth = node.value_exact<bool>()) return *truth ? "true" : "false";
      break;
    case ValueKind::list:
      if (const toml::array *const array = node.as_array()) {
        std::vector<std::string> items;
        for (const toml::node &item : *array) items.push_back(item.value_or<std::string>(""));
        // An item that is no text, or holds a comma, is not in the list that will be read.
        const std::string joined = joined_list(items);
        if (split_list(joined) == items) return joined;
      }
      break;
  }
  return std::nullopt;
}

class Reader {
 public:
  Reader(std::string path, Config &config) : path_(std::move(path)), config_(config) {}

  std::vector<SequenceSetting> read() {
    const toml::table file = parse(path_);
    for (const auto &[name, node] : file) {
      const std::string key(name.str());
      if (key == "elasticsearch" || key == "control" || key == "defaults") {
        for (const auto &[inner, value] : table_of(node, key)) {
          read_setting(value, key + "." + std::string(inner.str()));
        }
      } else if (key == "sequence") {
        for (const auto &[sequence, table] : table_of(node, "sequence.NAME")) {
          read_sequence(table, std::string(sequence.str()));
        }
      } else if (node.is_table()) {
        fail(node, "unknown table [" + key + "]; the nearest known one is " +
                       nearest("[" + key + "]",
                               {"[elasticsearch]", "[control]", "[defaults]", "[sequence.NAME]"}));
      } else {
        read_setting(node, key);
      }
    }
    return std::move(sequences_);
  }

 private:
  std::string place_of(const toml::node &node) const {
    return path_ + ":" + std::to_string(node.source().begin.line);
  }

  [[noreturn]] void fail(const toml::node &node, const std::string &words) const {
    throw ConfigError(place_of(node) + ": " + words);
  }

  const toml::table &table_of(const toml::node &node, const std::string &name) const {
    if (const toml::table *const table = node.as_table()) return *table;
    fail(node, name + " is " + shown(node) + "; accepted: a table, [" + name + "]");
  }

  // `prefix` is what stands before the keys of `table` where they are told.
  template <class Settings>
  const Option<Settings> &find(const std::vector<Option<Settings>> &table, const toml::node &node,
                               const std::string &prefix, const std::string &key) const {
    std::vector<std::string> keys;
    for (const Option<Settings> &option : table) {
      keys.push_back(prefix + option.key);
      if (keys.back() == key) return option;
    }
    fail(node, "unknown key " + key + "; the nearest known one is " + nearest(key, keys));
  }

  template <class Settings>
  std::string value_of(const Option<Settings> &option, const toml::node &node,
                       const std::string &key) const {
    if (const auto text = text_of(node, option.kind)) return *text;
    fail(node, key + " is " + shown(node) + "; accepted: " + option.accepts);
  }

  void read_setting(const toml::node &node, const std::string &key) {
    const Option<Config> &option = find(options(), node, "", key);
    set_option(option, config_, value_of(option, node, key), place_of(node), key);
  }

  void read_sequence(const toml::node &node, const std::string &name) {
    const std::string problem = shm::name_problem(name);
    if (!problem.empty()) fail(node, "[sequence." + name + "]: " + problem);
    const std::string prefix = "sequence." + name + ".";
    for (const auto &[inner, value] : table_of(node, "sequence." + name)) {
      const std::string key = prefix + std::string(inner.str());
      const Option<SequenceConfig> &option = find(sequence_options(), value, prefix, key);
      sequences_.push_back({name, option.key, value_of(option, value, key), place_of(value)});
    }
  }

  const std::string path_;
  Config &config_;
  std::vector<SequenceSetting> sequences_;
};

}  // namespace

std::vector<SequenceSetting> read_config_file(const std::string &path, Config &config) {
  return Reader(path, config).read();
}

void apply_sequence_settings(const std::vector<SequenceSetting> &settings, Config &config) {
  for (const SequenceSetting &setting : settings) {
    const auto sequence = config.sequences.try_emplace(setting.name, config.defaults).first;
    const auto option =
        std::find_if(sequence_options().begin(), sequence_options().end(),
                     [&](const auto &candidate) { return candidate.key == setting.key; });
    set_option(*option, sequence->second, setting.value, setting.where,
               "sequence." + setting.name + "." + setting.key);
  }
}

}  // namespace essequence::sidecar
